"""What the brain teaches the recogniser's ear."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest

from voice.engines.brain.expansion import SpokenBlock, spoken_blocks
from voice.engines.brain.grammar import grammar, template_data
from voice.engines.brain.intents import recogniser_phrases
from voice.engines.brain.lexicon import read_yaml
from voice.engines.brain.utterance import read_utterance
from voice.engines.speech.phrase_graph import phrase_graph
from voice.engines.speech.phrase_syntax import Choice, read_phrase
from voice.tools.builtin.convert import units

pytest.importorskip("yaml")


def said(tree: Choice, chance: random.Random) -> Iterator[str]:
    """The words of one way to say a phrase."""
    for part in chance.choice(tree.rows):
        if isinstance(part, str):
            yield part
        else:
            yield from said(part, chance)


@pytest.mark.parametrize(
    "block", [block for block in spoken_blocks("en") if block.phrases], ids=lambda block: block.intent
)
def test_what_is_expected_is_understood_as_what_it_is_expected_for(block: SpokenBlock) -> None:
    chance = random.Random(block.intent)
    known = grammar("en")
    for phrase in block.phrases:
        tree = read_phrase(phrase, lambda word: True)
        assert tree is not None, phrase
        for _ in range(20):
            words = " ".join(said(tree, chance))
            match = known.match(read_utterance(words, known.lexicon))
            assert match is not None, words
            assert match.intent == block.intent, words


def test_an_intent_without_phrases_of_its_own_is_expected_by_its_first_template(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = template_data("en")
    data["intents"]["Sing"] = {"data": [{"sentences": ["sing <what> [for {name}]", "make a song"]}]}
    data["intents"]["CannotFly"] = {"data": [{"sentences": ["fly away"]}]}
    data["expansion_rules"]["what"] = "(a song|an air)"
    monkeypatch.setattr("voice.engines.brain.expansion.template_data", lambda language: data)
    phrases = recogniser_phrases()
    assert any(phrase.startswith("sing (a song|an air) [for (tea|") for phrase in phrases)
    assert not {"make a song", "fly away"} & {*phrases}


def test_every_action_has_a_phrase_and_the_graph_stays_small() -> None:
    taught = {block.intent for block in spoken_blocks("en") if block.phrases}
    assert {name for name in template_data("en")["intents"] if not name.startswith("Cannot")} - taught == {"MyNameIs"}
    graph = phrase_graph(recogniser_phrases(), lambda word: True)
    assert graph is not None
    assert len(graph.arcs) < 3000  # what a search may cost beside the free words


def test_an_answer_to_a_question_is_expected_too() -> None:
    graph = phrase_graph(recogniser_phrases(), lambda word: True)
    assert graph is not None
    assert graph.holds(["five", "minutes"])
    assert graph.holds(["for", "half", "an", "hour"])


def test_nothing_is_left_open() -> None:
    assert not any(re.search(r"[{}]", phrase) for phrase in recogniser_phrases())


def test_every_unit_that_is_understood_can_be_converted() -> None:
    known = units()
    assert [line[0] for line in read_yaml("en", "units.yaml")["units"] if line[0] not in known] == []
