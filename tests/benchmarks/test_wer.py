"""The error rate's own arithmetic."""

from __future__ import annotations

import pytest

from tests.benchmarks.wer import clips, word_errors, words_of


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("what time is it", "what time is it", 0),
        ("what time is it", "what is it", 1),
        ("what time is it", "what areas it", 2),
        ("stop", "", 1),
        ("", "oh no", 2),
        ("go on", "no go", 2),
    ],
)
def test_the_fewest_changes_count(said: str, heard: str, errors: int) -> None:
    assert word_errors(said.split(), heard.split()) == errors
    assert word_errors(heard.split(), said.split()) == errors


def test_figures_and_punctuation_do_not_count() -> None:
    assert words_of("Set a timer for 10 minutes, please.") == words_of("set a timer for ten minutes please")
    assert words_of("what’s that") == ("what's", "that")


def test_the_fixtures_hold_every_kind() -> None:
    assert {"command", "command_far", "line", "read"} <= {clip.kind for clip in clips()}
