"""Numbers as they are said: "two and a half", "a hundred and five", "three point one four", "minus twenty".

Reads one number from the front of a list of words; how the words are called is data (`words.yaml`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from voice.engines.brain.lexicon import Numbers

DIGITS = re.compile(r"\d+(?:\.\d+)?|\.\d+", re.ASCII)
GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", re.ASCII)

Read = tuple[Fraction, int]
"""A value and how many words it took."""


def read_number(words: Sequence[str], numbers: Numbers) -> Read | None:
    """The number that the words begin with, as long as it goes; None when they begin with none."""
    return _Reader(words, numbers).number()


class _Reader:
    def __init__(self, words: Sequence[str], numbers: Numbers) -> None:
        self._words = words
        self._n = numbers

    def number(self) -> Read | None:
        if self._at(0) in self._n.minus:
            found = self._positive(1)
            return (-found[0], found[1]) if found else None
        return self._positive(0)

    def _at(self, i: int) -> str:
        return self._words[i] if i < len(self._words) else ""

    def _positive(self, i: int) -> Read | None:
        return self._part(i) or self._with_part(self._whole(i))

    def _part(self, i: int) -> Read | None:
        """half · a half · two thirds · three quarters of"""
        start = i
        count = Fraction(1)
        if self._at(i) in self._n.one:
            i += 1
        elif (small := self._small(i)) is not None:
            count, i = small
        part = self._n.parts.get(self._at(i))
        # "one third" is a part; "third" alone is a place in a row, and "half" alone is a half.
        if part is None or (i == start and part != 2):
            return None
        return count / part, i + 1

    def _with_part(self, whole: Read | None) -> Read | None:
        """two and a half · three and three quarters · two point five"""
        if whole is None:
            return None
        value, i = whole
        if self._at(i) == self._n.point and (digits := self._decimals(i + 1)):
            return value + Fraction(f"0.{digits}"), i + 1 + len(digits)
        if self._at(i) == self._n.joiner and (part := self._part(i + 1)) and part[0] < 1:
            return value + part[0], part[1]
        return whole

    def _decimals(self, i: int) -> str:
        digits = ""
        while (word := self._at(i + len(digits))) and (value := self._one_digit(word)) is not None:
            digits += str(value)
        return digits

    def _one_digit(self, word: str) -> int | None:
        if len(word) == 1 and word.isascii() and word.isdigit():
            return int(word)
        value = self._n.values.get(word)
        return value if value is not None and value < 10 else None

    def _whole(self, i: int) -> Read | None:
        if GROUPED.fullmatch(self._at(i)):
            return self._scaled(Fraction(self._at(i).replace(",", "")), i + 1)
        if DIGITS.fullmatch(self._at(i)):
            return self._scaled(Fraction(self._at(i)), i + 1)
        if self._at(i) == self._n.point and (digits := self._decimals(i + 1)):
            return Fraction(f"0.{digits}"), i + 1 + len(digits)
        one = self._at(i) in self._n.one
        if one and self._at(i + 1) in self._n.groups:
            return Fraction(self._n.groups[self._at(i + 1)]), i + 2
        if one and self._at(i + 1) not in self._n.scales:
            return None
        small = (Fraction(1), i + 1) if one else self._small(i)
        if small is None:
            return None
        if self._at(small[1]) in self._n.groups:
            return small[0] * self._n.groups[self._at(small[1])], small[1] + 1
        return self._scaled(*small)

    def _small(self, i: int) -> Read | None:
        """zero … ninety nine, in words or digits"""
        word = self._at(i)
        if word.isascii() and word.isdigit() and len(word) <= 2:
            return Fraction(int(word)), i + 1
        value = self._n.values.get(word)
        if value is None:
            return None
        unit = self._n.values.get(self._at(i + 1))
        if word in self._n.tens and unit is not None and 0 < unit < 10:
            return Fraction(value + unit), i + 2
        return Fraction(value), i + 1

    def _scaled(self, value: Fraction, i: int) -> Read:
        """two hundred and five thousand three hundred"""
        total, current, last_scale = Fraction(0), value, 10**18
        while True:
            scale = self._n.scales.get(self._at(i))
            if scale is None:
                break
            i += 1
            if scale == 100:
                current *= 100
            elif scale < last_scale:
                total, current, last_scale = total + current * scale, Fraction(0), scale
            else:
                return total + current, i - 1
            rest = self._rest(i, 100 if scale == 100 else scale)
            if rest is None:
                if current and self._n.scales.get(self._at(i), 0) > 100:
                    continue
                break
            current, i = current + rest[0], rest[1]
        return total + current, i

    def _rest(self, i: int, below: int) -> Read | None:
        """What follows a hundred or a thousand: "and five", "three", "two hundred" — if it is still the same number."""
        joined = self._at(i) == self._n.joiner
        small = self._small(i + joined)
        if small is None or small[0] == 0:
            return None
        following = self._n.scales.get(self._at(small[1]), 1)
        # "one hundred and two hundred" are two numbers, "two thousand and five hundred" is one.
        if following == below or (below > 100 and following > below):
            return None
        if self._at(small[1]) in self._n.parts and joined:
            return None
        return small
