"""Spoken arithmetic to a written expression: "fifteen percent of eighty" → `15 / 100 * 80`.

Reads the words of an utterance whose numbers are already marks. Which words mean which sign is data (`words.yaml`).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Any

from voice.engines.brain.lexicon import read_yaml
from voice.engines.brain.utterance import Word


def read_expression(words: Sequence[Word], language: str) -> str | None:
    """The expression that the words say, or None when they say none, or just a number."""
    found = _Reader(words, _signs(language)).whole()
    if found is None or not (any(sign in found for sign in "+*/^%(") or " - " in found):
        return None
    return found


def in_figures(value: Fraction) -> str:
    """A value as the calculator reads it, exactly."""
    if value.denominator == 1:
        return str(value.numerator)
    decimal = f"{float(value):.12g}"
    return (
        decimal if "e" not in decimal and Fraction(decimal) == value else f"({value.numerator} / {value.denominator})"
    )


@cache
def _signs(language: str) -> dict[str, list[tuple[tuple[str, ...], Any]]]:
    words = read_yaml(language, "words.yaml")["arithmetic"]
    return {
        kind: sorted(((tuple(said.split()), sign) for said, sign in table.items()), key=lambda row: -len(row[0]))
        for kind, table in words.items()
    }


class _Reader:
    def __init__(self, words: Sequence[Word], signs: dict[str, list[tuple[tuple[str, ...], Any]]]) -> None:
        self._words = words
        self._texts = [word.text for word in words]
        self._signs = signs
        self._at = 0

    def whole(self) -> str | None:
        said = self._verb() or self._chain()
        return said if said is not None and self._at == len(self._words) else None

    def _verb(self) -> str | None:
        """add 5 and 7 · subtract 3 from 10 · the sum of 2 and 3"""
        verb = self._take("verbs")
        if verb is None:
            return None
        sign, joiners = verb
        first = self._operand()
        if first is None or self._at >= len(self._texts) or self._texts[self._at] not in joiners:
            self._at = 0
            return None
        self._at += 1
        second = self._operand()
        if second is None:
            return None
        if sign.startswith("reversed"):
            return f"{second} {sign[-1]} {first}"
        return f"{first} {sign} {second}"

    def _chain(self) -> str | None:
        said = self._operand()
        while said is not None and self._at < len(self._words):
            sign = self._take("between")
            other = self._operand() if sign else None
            if other is None:
                return None
            said = f"{said} {sign} {other}"
        return said

    def _operand(self) -> str | None:
        function = self._take("before")
        if function is not None:
            inner = self._operand()
            if inner is None:
                return None
            return f"{inner} ^ 2" if function == "square" else f"{function}({inner})"
        if self._at >= len(self._words) or self._words[self._at].value is None:
            return None
        value = self._words[self._at].value
        assert value is not None
        figures = in_figures(value)
        said = f"({figures})" if value < 0 else figures
        self._at += 1
        while (after := self._take("after")) is not None:
            said += after
        return said

    def _take(self, kind: str) -> Any:
        for phrase, sign in self._signs[kind]:
            if tuple(self._texts[self._at : self._at + len(phrase)]) == phrase:
                self._at += len(phrase)
                return sign
        return None
