"""What was said, written below where it was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from voice.timeline.canvas import Canvas, width_of, wrap
from voice.timeline.systems import System

LINE_PX = 15.0
MOST_LINES = 3
LEAST_PX = 34.0
FLAG_PX = 19.0
BOLD = 1.2


@dataclass(frozen=True, slots=True)
class Words:
    """A text over a span. Only the first `heard` of its words were heard (None: all of them)."""

    text: str
    start_s: float
    end_s: float
    heard: int | None = None


@dataclass(slots=True)
class Caption:
    """A text that has found its place: rows of words."""

    words: Words
    left_px: float
    rows: list[list[str]] = field(default_factory=list)


def place(texts: Sequence[Words], system: System, systems: Sequence[System]) -> list[Caption]:
    """The captions of one row: each text stands where most of it was said, and none runs into the next."""
    mine = [words for words in texts if words.text and _home(words, systems) is system]
    starts = [system.x(words.start_s) for words in mine]
    placed, free_px = [], system.left_px
    for index, words in enumerate(mine):
        end_px = starts[index + 1] - 10 if index + 1 < len(mine) else system.edge_px
        natural_px = width_of(words.text)
        left_px = max(free_px, min(starts[index], end_px - min(natural_px, 150)))
        if end_px - left_px < LEAST_PX:
            continue
        rows = wrap(words.text.split(), end_px - left_px, MOST_LINES)
        placed.append(Caption(words, left_px, rows))
        free_px = left_px + max(width_of(" ".join(row)) for row in rows) + 10
    return placed


def height(captions: Sequence[Caption]) -> float:
    """Pixels that they need below each other."""
    return max((len(caption.rows) for caption in captions), default=0) * LINE_PX


def draw(canvas: Canvas, captions: Sequence[Caption], top_px: float, look: str) -> None:
    """Write them; words that nobody heard are struck."""
    for caption in captions:
        written = 0
        for number, row in enumerate(caption.rows):
            heard = len(row) if caption.words.heard is None else max(0, min(len(row), caption.words.heard - written))
            pieces = [(" ".join(row[:heard]) + (" " if 0 < heard < len(row) else ""), "")]
            pieces.append((" ".join(row[heard:]), "struck"))
            canvas.spans(caption.left_px, top_px + 11 + number * LINE_PX, pieces, look, hint=caption.words.text)
            written += len(row)


class Flags:
    """Short labels on plates beside marks. One turns to the left where the row ends, and down where another is."""

    def __init__(self, canvas: Canvas, system: System) -> None:
        self._canvas = canvas
        self._system = system
        self._taken: list[tuple[float, float, float]] = []

    def draw(self, x: float, y: float, text: str, look: str) -> None:
        wide = width_of(text, 11) * BOLD + 12
        left = x + 4 if x + 4 + wide <= self._system.edge_px else x - 4 - wide
        while any(left < right and start < left + wide and abs(y - at) < FLAG_PX for start, right, at in self._taken):
            y += FLAG_PX
        self._taken.append((left, left + wide, y))
        self._canvas.rect(left, y, wide, 17, "f-panel", round=4)
        self._canvas.rect(left, y, wide, 17, f"t-{look}", round=4)
        self._canvas.text(left + 6, y + 12.5, text, f"small bold f-{look}")


def _home(words: Words, systems: Sequence[System]) -> System:
    """The row that shows the most of it."""
    best = max(systems, key=lambda system: system.share(words.start_s, words.end_s))
    if best.share(words.start_s, words.end_s) > 0:
        return best
    return next((system for system in systems if system.shows(words.start_s)), systems[-1])
