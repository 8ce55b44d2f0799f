"""How far the words of a recogniser can be believed, told from how well they explain the sound.

Two searches hear the same utterance: one with any words, one with expected phrases only. A phrase is far better heard
where it was said, and the search for phrases cannot say no: anything is forced into one of them. The free words are
the measure. A phrase that was forced explains the sound worse than they do, one word of it much worse, leaves part of
them to silence, and is not spelled like them.

The weights are a logistic regression over recordings of people near and far, noise, and talk among others; half of the
speakers were kept out of it (see docs/reference/recognition.md). Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

NOT_WORDS = ("<", "[", "+", "(")
PHRASE_BELIEVED = 0.3
"""From this confidence on a phrase is taken for what was said."""
_WORST = -8.0
_WORST_FIT = -15.0


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the best path: frames are 10 ms, `last` included. `fit` is the log likelihood of a frame, times
    1000 in PocketSphinx's scale: 0 where the best sound unit of each frame was the one expected, else below."""

    word: str
    first: int
    last: int
    fit: float

    @property
    def frames(self) -> int:
        return self.last - self.first + 1

    @property
    def is_word(self) -> bool:
        """Not silence, noise or a mark of the grammar."""
        return not self.word.startswith(NOT_WORDS)


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What a search heard: its segments follow each other without a gap."""

    text: str = ""
    segments: tuple[Segment, ...] = ()

    @property
    def words(self) -> list[Segment]:
        return [segment for segment in self.segments if segment.is_word]


@dataclass(frozen=True, slots=True)
class Heard:
    """The words chosen; `confidence` 0..1 that they were said, at least for the most part."""

    text: str
    confidence: float
    expected: bool = False


def choose(free: Hypothesis, expected: Hypothesis | None) -> Heard:
    """The expected phrase when it is believed, else the free words."""
    if expected is not None and expected.words:
        confidence = phrase_confidence(expected, free)
        if confidence >= PHRASE_BELIEVED:
            return Heard(expected.text, confidence, expected=True)
    return Heard(free.text, free_confidence(free))


def free_confidence(free: Hypothesis) -> float:
    """Of words that were not expected: one word that fits badly makes the others doubtful."""
    words = free.words
    if not words:
        return 0.0
    fit = sum(segment.fit * segment.frames for segment in free.segments) / sum(word.frames for word in words)
    return _logistic(3.77 + 0.32 * max(fit, _WORST_FIT) + 0.68 * _worst_fit(words))


def phrase_confidence(expected: Hypothesis, free: Hypothesis) -> float:
    """Of a phrase, measured against the free words for the same sound; a phrase has at least one word."""
    words = expected.words
    spans = list(_spans(expected.segments, free.segments))
    spoken = [span for span in spans if span.expected.is_word or span.free.is_word]
    free_frames = sum(span.frames for span in spans if span.free.is_word)
    missed = sum(span.frames for span in spans if span.free.is_word and not span.expected.is_word)
    return _logistic(
        0.39 * _clipped(_advantage(spoken))
        + 0.19 * min((_clipped(_advantage_of(word, spans)) for word in words), default=_WORST)
        - 2.15 * missed / max(free_frames, 1)
        + 0.22 * _worst_fit(words)
        + 4.8 * _spelled_alike(expected.words, free.words)
        + 0.25 * math.log(len(words))
    )


@dataclass(frozen=True, slots=True)
class _Span:
    """Frames in which both searches stay in one segment."""

    frames: int
    expected: Segment
    free: Segment


def _spans(expected: Sequence[Segment], free: Sequence[Segment]) -> Iterator[_Span]:
    i = j = 0
    while i < len(expected) and j < len(free):
        first = max(expected[i].first, free[j].first)
        last = min(expected[i].last, free[j].last)
        if last >= first:
            yield _Span(last - first + 1, expected[i], free[j])
        if expected[i].last <= last:
            i += 1
        elif free[j].last <= last:
            j += 1
        else:  # one of them is empty
            i, j = (i + 1, j) if expected[i].frames <= 0 else (i, j + 1)


def _advantage(spans: Sequence[_Span]) -> float:
    """How much better a frame is explained by the phrase; below 0 it is worse."""
    frames = sum(span.frames for span in spans)
    if not frames:
        return _WORST
    return sum((span.expected.fit - span.free.fit) * span.frames for span in spans) / frames


def _advantage_of(word: Segment, spans: Sequence[_Span]) -> float:
    return _advantage([span for span in spans if span.expected is word])


def _worst_fit(words: Sequence[Segment]) -> float:
    return max(min(word.fit for word in words), _WORST_FIT)


def _clipped(advantage: float) -> float:
    return min(max(advantage, _WORST), 1.0)


def _spelled_alike(words: Sequence[Segment], others: Sequence[Segment]) -> float:
    """1 for the same letters in the same order, 0 for nothing in common."""
    one, other = _letters(words), _letters(others)
    if len(other) > 3 * len(one):  # a long talk: not worth comparing, twelve times in a second
        return len(one) / len(other)
    return 1 - _edits(one, other) / max(len(one), len(other), 1)


def _letters(words: Sequence[Segment]) -> str:
    return "".join(letter for word in words for letter in word.word.partition("(")[0] if letter.isalpha())


def _edits(one: str, other: str) -> int:
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, 1):
        diagonal, row[0] = row[0], place
        for at, counterpart in enumerate(other, 1):
            diagonal, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, diagonal + (letter != counterpart))
    return row[-1]


def _logistic(score: float) -> float:
    return 1 / (1 + math.exp(-score))
