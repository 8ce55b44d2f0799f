"""Cuts a text that is still being written into pieces to say, each as soon as it is complete."""

from __future__ import annotations

import re
from collections.abc import Iterator

_ENDS = re.compile(r"[.!?…][\"')\]*_”’]*(?=\s)|\n+|[。！？]")
_CLAUSE = re.compile(r"[,;:][\"')\]]*(?=\s)|\s[–—-](?=\s)")
_NOT_AN_END = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|no|vs|etc|approx|inc|ltd|jr|sr|fig|e\.g|i\.e|a\.m|p\.m|u\.s)|\b[A-Z]|(?:^|\s)\d{1,3})\.$",
    re.IGNORECASE,
)


class SpokenSentences:
    """Feed it the words of an answer as they come; it hands out sentences.

    The first piece may be a clause of `first_chars` or more, so that sound starts early; a sentence longer than
    `longest_chars` is cut at a clause or a space. Joined, the pieces are the text: not a character is lost.
    """

    def __init__(self, *, first_chars: int = 24, longest_chars: int = 240) -> None:
        self._first_chars = first_chars
        self._longest_chars = longest_chars
        self._text = ""
        self._begun = False

    def feed(self, text: str) -> list[str]:
        """More words; the pieces that are complete with them."""
        self._text += text
        return list(self._complete())

    def flush(self) -> list[str]:
        """No more words: what is left, if it says anything. The next text starts anew."""
        rest, self._text, self._begun = self._text, "", False
        return [rest] if rest.strip() else []

    def _complete(self) -> Iterator[str]:
        while (end := self._end()) is not None:
            piece, self._text = self._text[:end], self._text[end:]
            self._begun = True
            yield piece

    def _end(self) -> int | None:
        for match in _ENDS.finditer(self._text):
            before = self._text[: match.end()]
            if before.strip() and not _NOT_AN_END.search(before):
                return self._with_space(match.end())
        if not self._begun and (clause := self._clause_end(self._first_chars)) is not None:
            return clause
        if len(self._text) > self._longest_chars:
            return self._forced_end()
        return None

    def _clause_end(self, least: int) -> int | None:
        for match in _CLAUSE.finditer(self._text):
            if match.end() >= least:
                return self._with_space(match.end())
        return None

    def _forced_end(self) -> int:
        window = self._text[: self._longest_chars]
        clauses = [match.end() for match in _CLAUSE.finditer(window)]
        if clauses and clauses[-1] > self._longest_chars // 3:
            return self._with_space(clauses[-1])
        space = window.rfind(" ")
        return self._with_space(space) if space > 0 else self._longest_chars

    def _with_space(self, end: int) -> int:
        while end < len(self._text) and self._text[end].isspace():
            end += 1
        return end


def sentences(text: str) -> list[str]:
    """A whole text in pieces to say, none empty."""
    splitter = SpokenSentences(first_chars=len(text) + 1)
    return splitter.feed(text) + splitter.flush()
