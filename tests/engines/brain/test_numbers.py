"""Numbers as they are said."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.engines.brain.lexicon import lexicon
from voice.engines.brain.numbers import read_number
from voice.engines.brain.utterance import read_utterance, with_durations

pytest.importorskip("yaml")

SAID = {
    "seven": [7],
    "twenty five": [25],
    "a hundred and five": [105],
    "one hundred and two hundred": [100, 200],
    "two thousand and five hundred": [2500],
    "two hundred thousand three hundred and one": [200_301],
    "twelve hundred": [1200],
    "three point one four": [Fraction("3.14")],
    "point five": [Fraction("0.5")],
    "minus twenty": [-20],
    "ten minus three": [10, 3],
    "two and a half": [Fraction(5, 2)],
    "five and three quarters": [Fraction(23, 4)],
    "a third of ninety": [Fraction(1, 3), 90],
    "between one and ten": [1, 10],
    "one two three": [1, 2, 3],
    "two dozen eggs": [24],
    "1,234.5": [Fraction("1234.5")],
    "12x7": [12, 7],
    "a nice day": [],
    "the third man": [],
}


@pytest.mark.parametrize(("said", "meant"), SAID.items())
def test_numbers(said: str, meant: list[int]) -> None:
    words = read_utterance(said, lexicon("en")).words
    assert [word.value for word in words if word.value is not None] == meant


DURATIONS = {
    "ten minutes": 600,
    "an hour and a half": 5400,
    "half an hour": 1800,
    "two hours and ten minutes": 7800,
    "one hour thirty": 3600,
    "a couple of minutes": 120,
    "three quarters of an hour": 2700,
    "1 hour 5 minutes and 3 seconds": 3903,
    "ninety seconds": 90,
}


@pytest.mark.parametrize(("said", "seconds"), DURATIONS.items())
def test_durations(said: str, seconds: int) -> None:
    marked = with_durations(read_utterance(said, lexicon("en")), lexicon("en"))
    assert marked is not None
    assert marked.words[0].value == seconds


ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
ONES += ["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def in_words(number: int) -> str:
    if number < 20:
        return ONES[number]
    if number < 100:
        return TENS[number // 10] + (f" {ONES[number % 10]}" if number % 10 else "")
    for size, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= size:
            rest = number % size
            joined = " and " if 0 < rest < 100 else " "
            return f"{in_words(number // size)} {name}" + (f"{joined}{in_words(rest)}" if rest else "")
    raise AssertionError


@given(st.integers(min_value=0, max_value=10**12 - 1))
def test_every_whole_number_reads_back(number: int) -> None:
    words = in_words(number).split()
    assert read_number(words, lexicon("en").numbers) == (Fraction(number), len(words))


@given(
    st.lists(
        st.sampled_from(
            [*ONES, *TENS[2:], "hundred", "thousand", "and", "a", "half", "point", "minus", "3", "quarters"]
        )
    )
)
def test_no_row_of_number_words_trips_it(words: list[str]) -> None:
    found = read_number(words, lexicon("en").numbers)
    assert found is None or 1 <= found[1] <= len(words)
