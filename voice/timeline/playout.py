"""When was which piece of the assistant's sound heard? Reconstructed from what was queued and what was reported."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from voice.timeline.story import Sound


@dataclass(frozen=True, slots=True)
class Chunk:
    """A queued piece: its item, its place in the epoch's sound (ms), its length and its peak."""

    item_id: str
    start_ms: float
    length_ms: float
    level: float


@dataclass(slots=True)
class Epoch:
    """The sound between two stops. `knots` join a moment (s) with the position (ms) that was heard then."""

    chunks: list[Chunk] = field(default_factory=list)
    knots: list[tuple[float, float]] = field(default_factory=list)
    queued_ms: float = 0.0
    stopped_s: float | None = None
    _begins: bool = False

    def queue(self, at_s: float, item_id: str, length_ms: float, level: float) -> None:
        """More sound. It begins at once when everything before it has been heard."""
        idle_s = self.time_of(self.queued_ms) if self.knots else at_s
        if idle_s <= at_s:
            self._knot(idle_s, self.queued_ms)
            self._knot(at_s, self.queued_ms)
            self._begins = True
        self.chunks.append(Chunk(item_id, self.queued_ms, length_ms, level))
        self.queued_ms += length_ms

    def report(self, at_s: float, position_ms: float) -> None:
        """The far end says how much was heard; what it never got cannot be."""
        if not self.knots:
            return
        position_ms = min(position_ms, self.queued_ms)
        if self._begins and position_ms > self.knots[-1][1]:
            begin_s = at_s - (position_ms - self.knots[-1][1]) / 1000
            if begin_s > self.knots[-1][0]:  # a device that takes its time before the first sound
                self._knot(begin_s, self.knots[-1][1])
            self._begins = False
        self._knot(at_s, position_ms)

    def stop(self, at_s: float, position_ms: float | None) -> None:
        """Everything not yet heard was dropped; `position_ms` is where, when that was noted."""
        if position_ms is not None:
            self.report(at_s, position_ms)
        self.stopped_s = at_s

    def time_of(self, position_ms: float) -> float:
        """The moment at which a position was heard, or would have been if nothing had stopped it."""
        positions = [knot[1] for knot in self.knots]
        after = bisect_right(positions, position_ms)
        if after == 0:
            return self.knots[0][0]
        before_s, before_ms = self.knots[after - 1]
        if after == len(self.knots):
            return before_s + (position_ms - before_ms) / 1000
        then_s, then_ms = self.knots[after]
        return before_s + (then_s - before_s) * (position_ms - before_ms) / (then_ms - before_ms)

    def heard_ms(self, end_s: float) -> float:
        """How much of it had been heard when it was stopped, or when the conversation ended."""
        limit_s = end_s if self.stopped_s is None else min(self.stopped_s, end_s)
        heard = [position for at, position in self.knots if at <= limit_s + 1e-6]
        if not heard:
            return 0.0
        at_s, position_ms = max(knot for knot in self.knots if knot[0] <= limit_s + 1e-6)
        if self.stopped_s is not None and self.knots[-1][0] >= limit_s:
            return position_ms  # the last word was said at the stop itself
        return min(self.queued_ms, position_ms + (limit_s - at_s) * 1000)

    def sounds(self, end_s: float) -> list[tuple[Chunk, Sound]]:
        """Each piece where it was heard; a piece that was cut appears as its heard and its unheard part."""
        heard_ms = self.heard_ms(end_s)
        placed = []
        for chunk in self.chunks:
            until_ms = chunk.start_ms + chunk.length_ms
            for start, end, heard in (
                (chunk.start_ms, min(until_ms, heard_ms), True),
                (max(chunk.start_ms, heard_ms), until_ms, False),
            ):
                if end - start > 1e-6:
                    part = Chunk(chunk.item_id, start, end - start, chunk.level)
                    start_s = self.time_of(start)
                    end_s_ = max(start_s, self.time_of(end - 1e-9))
                    placed.append((part, Sound(start_s, end_s_, chunk.level, heard)))
        return placed

    def _knot(self, at_s: float, position_ms: float) -> None:
        """Moments and positions only grow; a report that contradicts an extrapolation replaces it."""
        while self.knots and (self.knots[-1][0] > at_s or self.knots[-1][1] > position_ms) and len(self.knots) > 1:
            self.knots.pop()
        if self.knots and self.knots[-1] == (at_s, position_ms):
            return
        if self.knots and (self.knots[-1][0] > at_s or self.knots[-1][1] > position_ms):
            return
        self.knots.append((at_s, position_ms))
