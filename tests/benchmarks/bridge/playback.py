"""The far end's loudspeaker: what it would have sounded, when it ran dry, and which marks it has passed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from tests.benchmarks.bridge.markers import Heard, Symbol

WHOLE_REPLY_MS = 3_000.0


@dataclass(slots=True)
class Reply:
    """One reply as it arrived. Times are seconds on the clock that all processes share."""

    opened_s: float
    digit: int = -1
    markers: int = 0
    sound_ms: float = 0.0
    underrun_ms: float = 0.0
    lead_ms: float = 0.0
    cleared_s: float = 0.0
    stale_ms: float = 0.0

    def as_list(self) -> list[float]:
        return [
            self.opened_s,
            self.digit,
            self.markers,
            self.sound_ms,
            self.underrun_ms,
            self.lead_ms,
            self.cleared_s,
            self.stale_ms,
        ]


class Playback:
    """A player without a buffer of its own: it starts what arrives at once and queues what is early."""

    def __init__(self) -> None:
        self.ends_s = 0.0
        self.replies: list[Reply] = []
        self.clears: list[float] = []
        self._marks: deque[tuple[float, str]] = deque()

    def media(self, at_s: float, sound_ms: float, heard: Iterable[Heard], *, voiced: bool) -> None:
        """A piece of sound with the markers recognised in it. `voiced` is false for mere silence."""
        for marker in heard:
            self._mark_heard(marker)
        reply = self.replies[-1] if self.replies else None
        if reply is not None and reply.cleared_s:
            reply.stale_ms += sound_ms if voiced else 0.0
        elif reply is not None:
            if reply.sound_ms and reply.sound_ms < WHOLE_REPLY_MS - 50 and at_s > self.ends_s:
                reply.underrun_ms += (at_s - self.ends_s) * 1000
            reply.sound_ms += sound_ms
            reply.lead_ms = max(reply.lead_ms, (self.ends_s - at_s) * 1000 + sound_ms)
        self.ends_s = max(self.ends_s, at_s) + sound_ms / 1000

    def _mark_heard(self, marker: Heard) -> None:
        if marker.symbol == Symbol.OPEN:
            self.replies.append(Reply(marker.at_s))
        if self.replies and not self.replies[-1].cleared_s:
            reply = self.replies[-1]
            reply.markers += 1
            if marker.symbol <= Symbol.FOUR and reply.digit < 0:
                reply.digit = marker.symbol

    def mark(self, at_s: float, name: str) -> None:
        """To be echoed when what is queued now has been heard."""
        self._marks.append((max(self.ends_s, at_s), name))

    def due_marks(self, at_s: float) -> list[str]:
        due = []
        while self._marks and self._marks[0][0] <= at_s:
            due.append(self._marks.popleft()[1])
        return due

    def clear(self, at_s: float) -> list[str]:
        """Drop what is queued. Answers the names of pending marks: the carrier returns them at once."""
        self.clears.append(at_s)
        self.ends_s = at_s
        if self.replies and not self.replies[-1].cleared_s:
            self.replies[-1].cleared_s = at_s
        pending = [name for _, name in self._marks]
        self._marks.clear()
        return pending
