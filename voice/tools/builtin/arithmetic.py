"""Exact arithmetic on a written expression: a small reader, and never `eval`.

expression = term (("+" | "-") term)*
term       = factor (("*" | "/" | "%") factor)*
factor     = ("+" | "-") factor | power
power      = atom ("^" factor)?
atom       = number | "pi" | "e" | function "(" expression ")" | "(" expression ")"
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

from voice.errors import ToolFailed

LENGTH_LIMIT_CHARS = 300
SIZE_LIMIT_BITS = 4096
DEPTH_LIMIT = 40
SHOWN_DIGITS = 12

TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?|\.\d+)|(?P<name>[a-z]+)|(?P<sign>\*\*|[-+*/%^()×÷]))",
    re.ASCII,
)
SAME_SIGN = {"**": "^", "×": "*", "÷": "/"}
CONSTANTS = {"pi": Fraction(math.pi), "e": Fraction(math.e)}


def evaluate(expression: str) -> Fraction:
    """The exact value (roots are rounded to a double). Raises ToolFailed with one sentence."""
    if len(expression) > LENGTH_LIMIT_CHARS:
        raise ToolFailed(f"The expression is longer than {LENGTH_LIMIT_CHARS} characters.")
    return _Reader(expression).whole()


def in_digits(value: Fraction) -> str:
    """The value in at most 12 significant digits, without an exponent where a person would not use one."""
    if value.denominator == 1 and abs(value) < 10**15:
        return str(value.numerator)
    try:
        rounded = float(value)
    except OverflowError:
        digits = str(abs(value.numerator) // value.denominator)
        return f"{'-' if value < 0 else ''}{digits[0]}.{digits[1:6]}e+{len(digits) - 1}"
    if rounded == 0 or 1e-6 <= abs(rounded) < 1e15:
        return format(Decimal(f"{rounded:.{SHOWN_DIGITS}g}"), "f")
    return f"{rounded:.6g}"


class _Reader:
    def __init__(self, expression: str) -> None:
        self._tokens = _tokens(expression)
        self._at = 0
        self._depth = 0

    def whole(self) -> Fraction:
        value = self._expression()
        if self._next is not None:
            raise ToolFailed(f"The expression does not go on with {self._next!r}.")
        return value

    @property
    def _next(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, *wanted: str) -> str | None:
        found = self._next
        if found is None or found not in wanted:
            return None
        self._at += 1
        return found

    def _expression(self) -> Fraction:
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise ToolFailed("The expression is nested too deep.")
        value = self._term()
        while sign := self._take("+", "-"):
            other = self._term()
            value = _bounded(value + other if sign == "+" else value - other)
        self._depth -= 1
        return value

    def _term(self) -> Fraction:
        value = self._factor()
        while sign := self._take("*", "/", "%"):
            other = self._factor()
            if sign != "*" and other == 0:
                raise ToolFailed("Nothing can be divided by zero.")
            value = _bounded(value * other if sign == "*" else value / other if sign == "/" else value % other)
        return value

    def _factor(self) -> Fraction:
        negative = False
        while sign := self._take("+", "-"):
            negative ^= sign == "-"
        value = self._power()
        return -value if negative else value

    def _power(self) -> Fraction:
        base = self._atom()
        if not self._take("^"):
            return base
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise ToolFailed("The expression is nested too deep.")
        value = _power(base, self._factor())
        self._depth -= 1
        return value

    def _atom(self) -> Fraction:
        token = self._next
        if token is None:
            raise ToolFailed("The expression ends too early.")
        self._at += 1
        if token == "(":
            value = self._expression()
            if not self._take(")"):
                raise ToolFailed("A bracket is not closed.")
            return value
        if token in CONSTANTS:
            return CONSTANTS[token]
        if token in FUNCTIONS:
            if not self._take("("):
                raise ToolFailed(f"{token} needs a bracket after it.")
            value = self._expression()
            if not self._take(")"):
                raise ToolFailed("A bracket is not closed.")
            return _bounded(FUNCTIONS[token](value))
        if token[0].isdigit() or token[0] == ".":
            return _bounded(Fraction(token))
        raise ToolFailed(f"The expression does not go on with {token!r}.")


def _tokens(expression: str) -> list[str]:
    tokens, at = [], 0
    text = expression.rstrip()
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            raise ToolFailed(f"The expression has a character it cannot have: {text[at:].lstrip()[:1]!r}.")
        token = found.group().strip()
        tokens.append(SAME_SIGN.get(token, token))
        at = found.end()
    if not tokens:
        raise ToolFailed("The expression is empty.")
    return tokens


def _power(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1:
        if base < 0:
            raise ToolFailed("A negative number has no such root.")
        return _from_float(lambda: float(base) ** float(exponent))
    if base == 0 and exponent < 0:
        raise ToolFailed("Nothing can be divided by zero.")
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    # Neither 1 nor -1 nor 0 ever grows, whatever the exponent.
    if bits > 1 and bits * abs(exponent) > SIZE_LIMIT_BITS:
        raise ToolFailed("The result is too large.")
    if bits <= 1:
        exponent = Fraction(int(exponent) % 2 or (2 if exponent else 0))
    return Fraction(base ** int(exponent))


def _root(value: Fraction) -> Fraction:
    if value < 0:
        raise ToolFailed("A negative number has no square root.")
    upper, lower = math.isqrt(value.numerator), math.isqrt(value.denominator)
    if upper * upper == value.numerator and lower * lower == value.denominator:
        return Fraction(upper, lower)
    return _from_float(lambda: math.sqrt(value))


def _from_float(compute: Callable[[], float]) -> Fraction:
    try:
        return Fraction(compute())
    except (OverflowError, ValueError) as error:
        raise ToolFailed("The result is too large.") from error


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > SIZE_LIMIT_BITS:
        raise ToolFailed("The result is too large.")
    return value


FUNCTIONS: dict[str, Callable[[Fraction], Fraction]] = {
    "sqrt": _root,
    "abs": abs,
    "round": lambda value: Fraction(round(value)),
    "floor": lambda value: Fraction(math.floor(value)),
    "ceil": lambda value: Fraction(math.ceil(value)),
}
