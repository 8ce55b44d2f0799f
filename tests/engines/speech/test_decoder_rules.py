"""When a phrase of the grammar is believed: a table of hypotheses."""

from __future__ import annotations

import pytest

from voice.engines.speech.pocketsphinx_decoder import Heard, Hypothesis, PhraseRules

FREE = Hypothesis("what areas it", -1.0, 100, 40)
RULES = PhraseRules(least_advantage=-1.9, least_coverage=0.45, longest_word_ms=1400)


@pytest.mark.parametrize(
    ("expected", "believed"),
    [
        (Hypothesis("what time is it", -1.15, 100, 40), True),
        (Hypothesis("what time is it", -1.20, 100, 40), False),  # explains the sound too badly
        (Hypothesis("what time is it", -0.90, 44, 40), False),  # leaves more than half to silence
        (Hypothesis("what time is it", -0.90, 46, 40), True),
        (Hypothesis("stop", -0.90, 160, 141), False),  # one word drawn out over everything
        (Hypothesis("", 0.0, 0, 0), False),  # found no way to an end
    ],
)
def test_a_phrase_is_believed_or_not(expected: Hypothesis, believed: bool) -> None:
    heard = RULES.choose(FREE, expected)
    assert heard.text == (expected.text if believed else FREE.text)
    assert (heard.confidence is not None) is believed
    assert heard.confidence is None or 0.5 <= heard.confidence < 1


def test_without_a_grammar_the_free_words_are_all() -> None:
    assert RULES.choose(FREE, None) == Heard("what areas it")
    assert RULES.choose(Hypothesis(), Hypothesis("stop", -0.2, 40, 40)) == Heard("stop", 0.5)
