"""Spoken arithmetic, through to the exact result of the tool."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.engines.brain.lexicon import lexicon
from voice.engines.brain.maths import in_figures, read_expression
from voice.engines.brain.utterance import read_utterance
from voice.tools.builtin.arithmetic import evaluate

pytest.importorskip("yaml")

SPOKEN = {
    "twelve times seven": 84,
    "fifteen percent of eighty": 12,
    "two plus three times four": 14,
    "the square root of eighty one plus one": 10,
    "five squared": 25,
    "half of ninety": 45,
    "subtract three from ten": 7,
    "the sum of three and four": 7,
    "divide one hundred by eight": Fraction(25, 2),
    "two to the power of ten": 1024,
    "minus five times three": -15,
    "ten minus three": 7,
    "7 + 8": 15,
    "a third of sixty": 20,
}


def expression(said: str) -> str | None:
    return read_expression(read_utterance(said, lexicon("en")).words, "en")


@pytest.mark.parametrize(("said", "result"), SPOKEN.items())
def test_spoken_arithmetic(said: str, result: Fraction) -> None:
    written = expression(said)
    assert written is not None
    assert evaluate(written) == result


@pytest.mark.parametrize(
    "said", ["seven", "", "seven eggs", "times four", "five plus", "add three", "the square root of", "my keys"]
)
def test_what_is_no_sum(said: str) -> None:
    assert expression(said) is None


@given(st.fractions(max_denominator=999))
def test_a_value_is_written_so_that_the_calculator_reads_it_back(value: Fraction) -> None:
    assert evaluate(in_figures(value)) == value


@given(
    st.integers(0, 9999),
    st.lists(st.tuples(st.sampled_from(["plus", "minus", "times"]), st.integers(0, 9999)), min_size=1, max_size=5),
)
def test_chains_come_out_as_python_has_them(first: int, rest: list[tuple[str, int]]) -> None:
    said = f"{first}" + "".join(f" {word} {number}" for word, number in rest)
    signs = {"plus": "+", "minus": "-", "times": "*"}
    written = expression(said)
    assert written is not None
    assert evaluate(written) == eval(f"{first}" + "".join(f" {signs[word]} {number}" for word, number in rest))
