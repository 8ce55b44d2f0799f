"""What somebody may say, written as phrases, read into a tree.

A phrase is plain words, which may use `[optional]`, `(one|another)` and a slot of the table below, written
`<number>` or `{number}`: "set [a] timer for <duration>". Figures become words, and "what is" is also expected
as "what's".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from voice.engines.speech.numbers import cardinal, ordinal


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several rows of words and further choices; an empty row means that it may be left out."""

    rows: tuple[tuple[str | Choice, ...], ...]


def _counted(first: int, end: int, step: int = 1) -> str:
    return "|".join(cardinal(number) for number in range(first, end, step))


SLOTS: dict[str, str] = {
    "digit": "zero|oh|" + _counted(1, 10),
    "digits": "<digit> [<digit> [<digit> [<digit> [<digit> [<digit> [<digit> [<digit> [<digit> [<digit>]]]]]]]]]",
    "small": "zero|one|<several>",
    "count": "one|<several>",
    "several": f"{_counted(2, 10)}|{_counted(10, 20)}|({_counted(20, 100, 10)}) [{_counted(1, 10)}]",
    "number": "<small>|(a|<count>) (hundred|thousand)|<count> (hundred|thousand) [and] <count>",
    "ordinal": "|".join(ordinal(number) for number in range(1, 32)),
    "day": "monday|tuesday|wednesday|thursday|friday|saturday|sunday|today|tomorrow",
    "month": "january|february|march|april|may|june|july|august|september|october|november|december",
    "seconds": "one second|a second|<several> seconds",
    "minutes": "one minute|a minute|<several> minutes",
    "hours": "one hour|an hour|<several> hours",
    "duration": "<seconds>|<minutes> [[and] <seconds>]|<hours> [[and] <minutes>]|half (an hour|a minute)|"
    "(an hour|a minute) and a half",
    "duration_long": "<count> (second|minute|hour)",
    "expression": "[the square root of] <number>|<number> <operator> <number>",
    "operator": "plus|minus|times|multiplied by|divided by|over|percent of",
}

_TOKEN = re.compile(r"<[a-z_]+>|\{[a-z_]+(?::[a-z_]+)?\}|[a-z']+|\d+|[()\[\]|]|\S")
_GLUED = re.compile(r"([a-z']+)\[([a-z']+)\]")
_SHORTENED = {
    "what is": "what's", "it is": "it's", "that is": "that's", "who is": "who's", "where is": "where's",
    "how is": "how's", "let us": "let's", "i am": "i'm", "i will": "i'll", "do not": "don't", "cannot": "can't",
}  # fmt: skip
_LONG_FORM = re.compile(rf"\b({'|'.join(_SHORTENED)})\b(?!')")
_IGNORED = frozenset('.,!?:-"…')


def read_phrase(phrase: str, knows: Callable[[str], bool]) -> Choice | None:
    """The tree of a phrase, without the alternatives that hold a word the recogniser cannot pronounce.

    None when nothing is left of it, when it has a slot that is not in the table, or its brackets do not match.
    """
    text = _GLUED.sub(r"(\1|\1\2)", phrase.lower().replace("’", "'"))
    text = _LONG_FORM.sub(lambda match: f"({match[1]}|{_SHORTENED[match[1]]})", text)
    try:
        tree = _Reader(_TOKEN.findall(text), knows).read()
    except ValueError:
        return None
    return None if tree is None or not any(tree.rows) else tree


class _Reader:
    """Recursive descent over the tokens of one phrase. Raises ValueError where it is not one."""

    def __init__(self, tokens: Sequence[str], knows: Callable[[str], bool], depth: int = 0) -> None:
        if depth > 8:
            raise ValueError("slots within slots without end")
        self._tokens = [token for token in tokens if token not in _IGNORED]
        self._at = 0
        self._knows = knows
        self._depth = depth

    def read(self) -> Choice | None:
        tree = self._choice("")
        if self._at < len(self._tokens):
            raise ValueError("a bracket too many")
        return tree

    def _choice(self, close: str) -> Choice | None:
        rows: list[tuple[str | Choice, ...] | None] = []
        while True:
            rows.append(self._row(close))
            token = self._next()
            if token == close:
                break
            if token != "|":
                raise ValueError("brackets do not match")
        sayable = tuple(row for row in rows if row is not None)
        return Choice(sayable) if sayable else None

    def _row(self, close: str) -> tuple[str | Choice, ...] | None:
        """None when it cannot be said."""
        parts: list[str | Choice | None] = []
        while (token := self._peek()) not in (close, "|", ")", "]", ""):
            self._at += 1
            parts += self._part(token)
        return None if None in parts else tuple(part for part in parts if part is not None)

    def _part(self, token: str) -> list[str | Choice | None]:
        if token == "(":
            return [self._choice(")")]
        if token == "[":
            inner = self._choice("]")
            return [] if inner is None else [Choice((*inner.rows, ()))]
        if token[0] in "<{":
            return [self._slot(token[1:-1].partition(":")[0])]
        if token.isdigit():
            return list(cardinal(int(token)).split())
        if token[0].isalpha() or token[0] == "'":
            return [token if self._knows(token) else None]
        raise ValueError("not a phrase")

    def _slot(self, name: str) -> Choice | None:
        if name not in SLOTS:
            return None
        return _Reader(_TOKEN.findall(SLOTS[name]), self._knows, self._depth + 1).read()

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token
