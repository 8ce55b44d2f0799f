"""The calculator: exact, bounded, and never `eval`."""

from __future__ import annotations

import contextlib
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.errors import ToolFailed
from voice.tools.builtin.arithmetic import evaluate, in_digits

RESULTS = {
    "12 * 7": "84",
    "0.1 + 0.2": "0.3",
    "1 / 3": "0.333333333333",
    "2 + 3 * 4": "14",
    "(2 + 3) * 4": "20",
    "2 ^ 10": "1024",
    "2 ** 3 ** 2": "512",
    "-2 ^ 2": "-4",
    "2 ^ -1": "0.5",
    "10 % 3": "1",
    "sqrt(144)": "12",
    "sqrt(2)": "1.41421356237",
    "sqrt(1/4)": "0.5",
    "abs(-3) + round(2.6)": "6",
    "15 / 100 * 80": "12",
    "6 × 7 ÷ 2": "21",
    "1e3": "1000",
    "2 * pi": "6.28318530718",
    "10 ^ 20": "1e+20",
    "(-1) ^ 1000000000": "1",
    "1 ^ 99999999999": "1",
    "0 ^ 0": "1",
    "99999999999999 + 1": "100000000000000",
}


@pytest.mark.parametrize(("expression", "result"), RESULTS.items())
def test_results(expression: str, result: str) -> None:
    assert in_digits(evaluate(expression)) == result


REFUSED = {
    "1 / 0": "divided by zero",
    "5 % 0": "divided by zero",
    "0 ^ -1": "divided by zero",
    "9 ^ 9 ^ 9": "too large",
    "10 ^ 99999999999": "too large",
    "1e999 * 1e999": "too large",
    "2 +": "ends too early",
    "": "empty",
    "2 2": "does not go on with '2'",
    "(2": "not closed",
    "sqrt 2": "needs a bracket",
    "sqrt(-1)": "no square root",
    "(-8) ^ 0.5": "no such root",
    "__import__('os')": "cannot have",
    "a + b": "does not go on with",
    "(" * 200: "nested too deep",
    "-" * 290 + "x": "does not go on with",
    "1" * 301: "longer than",
    "2 ^ " * 70 + "2": "nested too deep",
}


@pytest.mark.parametrize(("expression", "said"), REFUSED.items())
def test_what_it_refuses(expression: str, said: str) -> None:
    with pytest.raises(ToolFailed, match=said):
        evaluate(expression)


@given(st.text(alphabet="0123456789+-*/%^(). esqrtpi", max_size=60))
def test_any_text_is_a_value_or_a_sentence_and_soon(expression: str) -> None:
    started = time.perf_counter()
    with contextlib.suppress(ToolFailed):
        assert in_digits(evaluate(expression))
    assert time.perf_counter() - started < 1


NUMBERS = st.integers(-(10**6), 10**6)


@given(NUMBERS, st.sampled_from("+-*"), NUMBERS, st.sampled_from("+-*"), NUMBERS)
def test_it_agrees_with_python(a: int, first: str, b: int, second: str, c: int) -> None:
    expression = f"({a}) {first} ({b}) {second} ({c})"
    assert evaluate(expression) == eval(expression)


@given(st.fractions())
def test_digits_are_near_the_value(value: Fraction) -> None:
    assert float(in_digits(value)) == pytest.approx(float(value), rel=1e-5)
