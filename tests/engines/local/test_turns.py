"""How long a silence ends a turn."""

from __future__ import annotations

import pytest

from voice.engines.local.turns import RULES, policy_for, silence_for
from voice.protocol.settings import SemanticVad, ServerVad


@pytest.mark.parametrize(
    "words",
    [
        "set a timer for the",
        "turn the lights on and",
        "I was thinking, um",
        "what is",
        "my number is five five five",
        "five five five one two three",
        "it is 5 5 5 1 2 3",
    ],
)
def test_what_cannot_be_the_end_is_waited_for(words: str) -> None:
    assert silence_for(words) == RULES.unfinished_ms == 1200


@pytest.mark.parametrize("words", ["yes", "No.", "stop", "thank you", "What time is it?", "never  mind"])
def test_what_is_complete_in_itself_is_answered_soon(words: str) -> None:
    assert silence_for(words) == RULES.short_ms == 400


@pytest.mark.parametrize(
    "words",
    [
        "",
        "play some music",
        "set a timer for five minutes",
        "two plus five",
        "five five five one two three four",
        "the year nineteen eighty four",
        "zip code nine four one one oh",
    ],
)
def test_anything_else_is_given_the_usual_time(words: str) -> None:
    assert silence_for(words) == RULES.normal_ms == 600


def test_server_vad_waits_as_it_is_told_whatever_the_words() -> None:
    policy = policy_for(ServerVad(threshold=0.8, prefix_padding_ms=100, silence_duration_ms=250))
    assert (policy.threshold, policy.prefix_ms) == (0.8, 100)
    assert policy.wait_ms("set a timer for the") == policy.wait_ms("yes") == 250
    assert policy.release == pytest.approx(0.65)


def test_server_vad_by_default() -> None:
    policy = policy_for(ServerVad())
    assert (policy.threshold, policy.prefix_ms, policy.wait_ms("")) == (0.5, 300, 500)


@pytest.mark.parametrize(
    ("eagerness", "normal_ms", "longest_ms"), [("low", 1200, 8000), ("auto", 600, 4000), ("high", 420, 2000)]
)
def test_eagerness_scales_the_waits_under_a_hard_cap(eagerness: str, normal_ms: float, longest_ms: int) -> None:
    policy = policy_for(SemanticVad.model_validate({"eagerness": eagerness}))
    assert policy.wait_ms("play some music") == pytest.approx(normal_ms)
    assert policy.longest_wait_ms == longest_ms


def test_a_threshold_of_nearly_nothing_still_has_a_silence_below_it() -> None:
    assert policy_for(ServerVad(threshold=0.05)).release > 0


def test_a_wish_that_is_known_as_a_whole_waits_as_little_as_an_answer() -> None:
    def is_whole(words: str) -> bool:
        return words in {"set a timer for ten minutes", "remind me of the"}

    assert silence_for("set a timer for ten minutes", is_whole=is_whole) == RULES.short_ms
    assert silence_for("set a timer for ten minutes") == RULES.normal_ms
    assert silence_for("set a timer for ten", is_whole=is_whole) == RULES.normal_ms
    assert silence_for("remind me of the", is_whole=is_whole) == RULES.unfinished_ms
    assert policy_for(SemanticVad(), is_whole).wait_ms("set a timer for ten minutes") == RULES.short_ms
    assert policy_for(ServerVad(), is_whole).wait_ms("set a timer for ten minutes") == 500
