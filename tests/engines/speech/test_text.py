"""What a model writes becomes what a voice can say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.engines.speech.text import speech_text


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("It is **3:05 pm**. 🎉", "It is three oh five p m."),
        ("On March 3rd, 2024", "On March third, twenty twenty four"),
        ("# Title\n- one item\n- two items\n\nDone.", "Title. one item. two items. Done."),
        ("That is $1,234.50!", "That is one thousand two hundred thirty four dollars and fifty cents!"),
        ("€5 million and £1", "five million euros and one pound"),
        ("Call 555-0123.", "Call five five five, zero one two three."),
        ("12 × 7 = 84", "twelve times seven equals eighty four"),
        ("2 + 2 and 10 / 5", "two plus two and ten divided by five"),
        ("3.5 km at 20°C, 50%", "three point five kilometres at twenty degrees celsius, fifty percent"),
        ("See [the docs](https://a.example/b) or https://www.example.org/x.", "See the docs or example dot org."),
        ("Use `code`:\n```py\nprint()\n```", "Use code"),
        ("pages 3-5, room 042, -5 degrees", "pages three to five, room zero four two, minus five degrees"),
        ("Dr. Smith & Mr. Jones, e.g. at 10:00", "doctor Smith and mister Jones, for example at ten o'clock"),
        ("timer for 10 min", "timer for ten minutes"),
        ("1,000,000 people, in 1987", "one million people, in nineteen eighty seven"),
        ("a | b\n---|---\n1 | 2", "a, b. one, two"),
        ("snake_case and B2B", "snake case and B two B"),
        ("<b>bold</b> text", "bold text"),
        ("🎉🎉", ""),
        ("", ""),
        ("***", ""),
    ],
)
def test_what_is_written_and_what_is_said(written: str, said: str) -> None:
    assert speech_text(written) == said
    assert speech_text(said) == said


@given(st.text(max_size=200))
def test_no_text_is_too_strange(text: str) -> None:
    said = speech_text(text)
    assert not set(said) & set("*#`<>[]{}|\n🎉")


@given(st.text(alphabet="abc 0123456789.,:-$%/apm", max_size=60))
def test_no_figure_is_left(text: str) -> None:
    assert not set(speech_text(text)) & set("0123456789")
