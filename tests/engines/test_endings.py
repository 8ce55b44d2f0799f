"""How words end."""

from __future__ import annotations

import pytest

from voice.engines.endings import ending_of


@pytest.mark.parametrize(
    "words", ["set a timer for the", "um", "what is", "it was like", "my number is 5 5 5", "double five nine two"]
)
def test_what_breaks_off(words: str) -> None:
    assert ending_of(words) == "unfinished"


@pytest.mark.parametrize("words", ["Yes!", "no", "thank you.", "What time is it?"])
def test_what_needs_nothing_more(words: str) -> None:
    assert ending_of(words) == "finished"


@pytest.mark.parametrize("words", ["", "  ", "play some music", "guten Morgen", "what's the weather like"])
def test_what_nobody_can_tell(words: str) -> None:
    assert ending_of(words) == "open"


def test_a_wish_that_is_known_as_a_whole_is_finished_unless_it_breaks_off() -> None:
    assert ending_of("play some music", lambda words: True) == "finished"
    assert ending_of("set a timer for", lambda words: True) == "unfinished"
