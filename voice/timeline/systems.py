"""A long conversation is broken into rows, as music is into systems: where it is quiet, if it ever is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from voice.timeline.story import Story

SECONDS_PER_SYSTEM = 12.0
MOST_SYSTEMS = 30
SQUEEZE = 1.5
TAIL_S = 1.0


@dataclass(frozen=True, slots=True)
class System:
    """One row of the picture and its scale. `edge_px` is where the page's room ends."""

    start_s: float
    end_s: float
    left_px: float
    px_per_s: float
    edge_px: float

    def x(self, at_s: float) -> float:
        """Where a moment lies, held inside of the row."""
        return self.left_px + (min(max(at_s, self.start_s), self.end_s) - self.start_s) * self.px_per_s

    @property
    def right_px(self) -> float:
        return self.x(self.end_s)

    def shows(self, start_s: float, end_s: float | None = None) -> bool:
        """Some of a span (or the moment) lies in this row. A moment on a border belongs to the later row."""
        end_s = start_s if end_s is None else end_s
        if end_s <= start_s:
            return self.start_s <= start_s < self.end_s
        return start_s < self.end_s and end_s > self.start_s

    def share(self, start_s: float, end_s: float) -> float:
        """Seconds of a span that lie in this row."""
        return max(0.0, min(end_s, self.end_s) - max(start_s, self.start_s))


def break_up(story: Story, left_px: float, room_px: float) -> list[System]:
    """The rows of a story, all of one scale, on a page with so much room."""
    busy = _busy(story)
    duration_s = _drawn_s(story, busy)
    most_s = max(SECONDS_PER_SYSTEM, duration_s / MOST_SYSTEMS)
    if duration_s <= most_s * SQUEEZE:
        most_s = max(duration_s, 4.0)
    borders = [0.0]
    while duration_s - borders[-1] > most_s * 1.001:
        borders.append(_border(borders[-1], duration_s, most_s, busy))
    borders.append(duration_s)
    scale = room_px / max(b - a for a, b in pairwise(borders))
    return [System(a, b, left_px, scale, left_px + room_px) for a, b in pairwise(borders)]


def _drawn_s(story: Story, busy: list[tuple[float, float]]) -> float:
    """A long silence at the end is not worth a row."""
    last_s = max((end for _, end in busy), default=story.duration_s)
    return last_s + TAIL_S if story.duration_s > last_s + 2 * TAIL_S else story.duration_s


def _border(start_s: float, end_s: float, most_s: float, busy: list[tuple[float, float]]) -> float:
    """The quiet moment nearest to an even share; without one, the share itself."""
    rows = math.ceil((end_s - start_s) / most_s - 1e-9)
    wanted = start_s + (end_s - start_s) / rows
    low, high = start_s + most_s * 0.45, min(start_s + most_s, end_s)
    edges = sorted({low, high, wanted, *(s - 0.15 for s, _ in busy), *(e + 0.15 for _, e in busy)})
    quiet = [at for at in edges if low <= at <= high and not any(s - 0.1 < at < e + 0.1 for s, e in busy)]
    return min(quiet, key=lambda at: abs(at - wanted), default=min(wanted, high))


def _busy(story: Story) -> list[tuple[float, float]]:
    spans = [(speech.start_s, speech.end_s or speech.start_s) for speech in story.speeches]
    spans += [(tool.start_s, tool.end_s or tool.start_s) for tool in story.tools]
    spans += [(gap.start_s, gap.end_s or gap.start_s) for gap in story.gaps]
    spans += [(reply.start_s, reply.end_s) for reply in story.replies]
    spans += [(latency.stopped_s, latency.audible_s) for latency in story.latencies]
    spans += [(mark.at_s, mark.at_s + 0.5) for mark in story.interruptions]
    return spans
