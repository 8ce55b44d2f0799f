"""What of an item's words lies at which millisecond of its sound.

The borders of sentences are known from their synthesis; inside a sentence words are laid out by their length, a
pause counting like a few letters. That is within a word or so of the truth, and exact at every sentence's end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORD = re.compile(r"\S+\s*")
_MS_PER_LETTER = 65  # until a sentence's sound is whole: 150 to 160 words a minute
_PAUSE_LETTERS = {",": 2, ";": 3, ":": 3, ".": 5, "!": 5, "?": 5}


@dataclass(slots=True)
class _Sentence:
    text: str
    start_ms: float
    end_ms: float | None = None


class SpokenText:
    """The transcript of one content part, with time. `cut_ms` is where the far end stopped hearing, if it did."""

    def __init__(self) -> None:
        self._sentences: list[_Sentence] = []
        self.duration_ms = 0.0
        self.cut_ms: float | None = None

    def begin(self, text: str) -> None:
        """This text will be spoken next."""
        self.end()
        self._sentences.append(_Sentence(text, self.duration_ms))

    def add_sound(self, duration_ms: float) -> None:
        """So much of it was synthesised."""
        self.duration_ms += duration_ms

    def end(self) -> None:
        """The text begun last is spoken to its end."""
        if self._sentences and self._sentences[-1].end_ms is None:
            self._sentences[-1].end_ms = self.duration_ms

    @property
    def length_ms(self) -> float:
        """The sound that exists for the far end: up to the cut, if there is one."""
        return self.duration_ms if self.cut_ms is None else min(self.cut_ms, self.duration_ms)

    @property
    def text(self) -> str:
        """All words, heard or not."""
        return "".join(sentence.text for sentence in self._sentences)

    def cut(self, at_ms: float) -> None:
        """Nothing after this was heard. A later cut never brings words back."""
        self.cut_ms = at_ms if self.cut_ms is None else min(self.cut_ms, at_ms)

    def heard(self) -> str:
        """The words of which the far end heard at least half."""
        words = "".join(_words_until(sentence, self.length_ms) for sentence in self._sentences)
        return words.rstrip() if self.cut_ms is not None else words


def _words_until(sentence: _Sentence, at_ms: float) -> str:
    if sentence.end_ms is not None and at_ms >= sentence.end_ms:
        return sentence.text
    words = _WORD.findall(sentence.text.lstrip())
    weights = [_weight(word) for word in words]
    whole = sum(weights)
    length_ms = (sentence.end_ms - sentence.start_ms) if sentence.end_ms is not None else whole * _MS_PER_LETTER
    heard: list[str] = []
    passed = 0.0
    for word, weight in zip(words, weights, strict=True):
        middle_ms = sentence.start_ms + length_ms * (passed + weight / 2) / whole
        if middle_ms > at_ms:
            break
        heard.append(word)
        passed += weight
    lead = sentence.text[: len(sentence.text) - len(sentence.text.lstrip())]
    return lead + "".join(heard) if heard else ""


def _weight(word: str) -> float:
    bare = word.strip()
    return len(bare) + 1 + _PAUSE_LETTERS.get(bare[-1], 0)
