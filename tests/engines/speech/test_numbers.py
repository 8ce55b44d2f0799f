"""Numbers as words."""

from __future__ import annotations

import pytest

from voice.engines.speech.numbers import cardinal, decimal, digits, ordinal, year


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (40, "forty"),
        (99, "ninety nine"),
        (100, "one hundred"),
        (5280, "five thousand two hundred eighty"),
        (1_000_001, "one million one"),
        (-7, "minus seven"),
        (10**15, "one " + " ".join(["zero"] * 15)),
    ],
)
def test_whole_numbers(number: int, words: str) -> None:
    assert cardinal(number) == words


def test_places_in_a_row() -> None:
    assert [ordinal(n) for n in (1, 2, 3, 4, 12, 20, 21)] == [
        *("first", "second", "third", "fourth", "twelfth", "twentieth", "twenty first"),
    ]


def test_digits_decimals_and_years() -> None:
    assert digits("0451") == "zero four five one"
    assert decimal("3.50") == "three point five zero"
    assert [year(n) for n in (1987, 1900, 2000, 2005, 2024, 1066)] == [
        "nineteen eighty seven",
        "nineteen hundred",
        "two thousand",
        "two thousand five",
        "twenty twenty four",
        "one thousand sixty six",
    ]
