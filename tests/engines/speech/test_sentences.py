"""Sentences handed out while the text is still being written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voice.engines.speech.sentences import SpokenSentences, sentences

TEXT = "Sure, that is easy enough to do, I think. It is 3.5 miles. Dr. Smith said so! Really? Yes\n- a\n- b"


def spoken(text: str, step: int) -> list[str]:
    splitter = SpokenSentences()
    pieces = [piece for at in range(0, len(text), step) for piece in splitter.feed(text[at : at + step])]
    return pieces + splitter.flush()


def test_a_sentence_is_handed_out_as_soon_as_it_is_certain() -> None:
    splitter = SpokenSentences()
    assert splitter.feed("It is noon.") == []  # it might be "noon.com"
    assert splitter.feed(" Lunch") == ["It is noon. "]
    assert splitter.feed(" time!") == []
    assert splitter.flush() == ["Lunch time!"]
    assert splitter.flush() == []


def test_the_first_piece_may_be_a_clause_and_later_ones_not() -> None:
    assert spoken(TEXT, 1) == [
        "Sure, that is easy enough to do, ",
        "I think. ",
        "It is 3.5 miles. ",
        "Dr. Smith said so! ",
        "Really? ",
        "Yes\n",
        "- a\n",
        "- b",
    ]


def test_a_sentence_without_end_is_cut_at_a_space() -> None:
    pieces = spoken("word " * 200, 7)
    assert all(len(piece) <= 240 for piece in pieces)
    assert all(piece.endswith(" ") for piece in pieces)
    assert "".join(pieces).strip() == ("word " * 200).strip()


def test_a_list_number_and_an_initial_are_no_ends() -> None:
    assert sentences("1. Wash it. 2. J. Smith dries it.") == ["1. Wash it. ", "2. J. Smith dries it."]


@given(st.text(alphabet="ab1 .,!?;\n\"'", max_size=300), st.integers(1, 50))
def test_not_a_word_is_lost(text: str, step: int) -> None:
    assert "".join(spoken(text, step)).strip() == text.strip()
