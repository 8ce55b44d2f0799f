"""Cut a stream of text into pieces that a speaker can say, as early as sounding natural allows.

The pieces joined are the text, to the letter: they are also the transcript.
"""

from __future__ import annotations

import re

# A sentence ends at . ! ? … (and closing quotes) before white space, or at a line break. What may follow is seen
# first, because "3.5" and "example.com" are no ends; hence one more character is awaited.
_END = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)|\n+")
_CLAUSE = re.compile(r"[,;:–—](?=\s)")
_ABBREVIATED = "mr. mrs. ms. dr. prof. st. no. vs. e.g. i.e. etc. jr. sr. u.s. a.m. p.m. approx."
_ABBREVIATIONS = frozenset(_ABBREVIATED.split())


class Sentences:
    """Text in, sayable pieces out. `longest_chars` bounds a piece that never ends; the first piece may end at a clause
    after `eager_chars`, so that sound starts while the sentence is still being written."""

    def __init__(self, *, longest_chars: int = 280, eager_chars: int = 80) -> None:
        self._text = ""
        self._longest = longest_chars
        self._eager = eager_chars
        self._begun = False

    def feed(self, text: str) -> list[str]:
        """More text; the pieces that are complete now."""
        self._text += text
        pieces = []
        while (cut := self._cut()) is not None:
            pieces.append(self._text[:cut])
            self._text = self._text[cut:]
            self._begun = True
        return pieces

    def flush(self) -> str:
        """There is no more text: what is left, perhaps nothing."""
        rest, self._text = self._text, ""
        return rest

    def _cut(self) -> int | None:
        for end in _END.finditer(self._text):
            if end.end() > self._longest:
                break
            if not self._is_abbreviation(end.end()) and self._text[: end.end()].strip():
                return end.end()
        if not self._begun:
            for end in _CLAUSE.finditer(self._text, self._eager):
                return end.end()
        if len(self._text) > self._longest:
            space = self._text.rfind(" ", 1, self._longest)
            return space if space > 0 else self._longest
        return None

    def _is_abbreviation(self, end: int) -> bool:
        word = self._text[:end].rsplit(maxsplit=1)[-1].lower()
        return word in _ABBREVIATIONS or (len(word) == 2 and word[0].isalnum() and word != "i.")


def is_sayable(text: str) -> bool:
    """Is there anything to pronounce in it?"""
    return any(character.isalnum() for character in text)
