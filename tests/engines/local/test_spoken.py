"""Which words were heard when so many milliseconds were."""

from __future__ import annotations

import pytest

from voice.engines.local.spoken import SpokenText


def two_sentences() -> SpokenText:
    spoken = SpokenText()
    for text, ms in (("It is nine. ", 1000), ("Time for bed now.", 2000)):
        spoken.begin(text)
        spoken.add_sound(ms)
        spoken.end()
    return spoken


@pytest.mark.parametrize(
    ("at_ms", "heard"),
    [
        (0, ""),
        (60, ""),
        (200, "It"),
        (999, "It is nine."),
        (1000, "It is nine."),
        (1400, "It is nine. Time"),
        (2999, "It is nine. Time for bed now."),
        (3000, "It is nine. Time for bed now."),
    ],
)
def test_whole_words_of_which_half_was_heard(at_ms: float, heard: str) -> None:
    spoken = two_sentences()
    spoken.cut(at_ms)
    assert spoken.heard() == heard


def test_hearing_more_never_takes_words_away() -> None:
    lengths = []
    for at_ms in range(0, 3001, 10):
        spoken = two_sentences()
        spoken.cut(at_ms)
        lengths.append(len(spoken.heard()))
    assert lengths == sorted(lengths)


def test_a_later_cut_brings_nothing_back() -> None:
    spoken = two_sentences()
    spoken.cut(500)
    spoken.cut(2500)
    assert spoken.length_ms == 500


def test_without_a_cut_all_that_has_sound_counts_as_heard() -> None:
    assert two_sentences().heard() == "It is nine. Time for bed now."


def test_a_sentence_that_was_broken_off_counts_as_far_as_it_has_sound() -> None:
    spoken = SpokenText()
    spoken.begin("One two three four five six seven eight.")
    spoken.add_sound(600)
    assert spoken.heard().split() == ["One", "two"]
    spoken.begin("Never begun.")
    assert "Never" not in spoken.heard()


def test_pieces_without_a_word_are_kept_in_place() -> None:
    spoken = SpokenText()
    spoken.begin("One.")
    spoken.add_sound(100)
    spoken.begin("\n…\n")
    spoken.begin("Two.")
    spoken.add_sound(100)
    spoken.end()
    assert spoken.heard() == spoken.text == "One.\n…\nTwo."
