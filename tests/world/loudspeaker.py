"""What the person hears: a buffer that plays in real time and knows what was heard of which item."""

from __future__ import annotations

from collections import deque

from tests.world.clock import Clock

REMEMBERED = 10_000


class Loudspeaker:
    """Plays what reaches it, in order, in real time; knows to the millisecond what was heard of which item."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.heard: dict[str, float] = {}
        self.stale_ms = 0.0
        self.epoch = 0
        self.position_ms = 0.0
        self.cleared: dict[str, None] = {}
        self._queue: deque[tuple[str, float]] = deque()
        self._since = 0.0

    def play(self, item_id: str, ms: float) -> None:
        self.sync()
        if item_id in self.cleared:
            self.stale_ms += ms
        self._queue.append((item_id, ms))

    def clear(self, epoch: int) -> None:
        self.sync()
        self.cleared.update((item_id, None) for item_id, _ in self._queue)
        self._queue.clear()
        self.epoch, self.position_ms = epoch, 0.0

    def sync(self) -> None:
        """Account for the time that has passed."""
        gone_ms = (self.clock.now - self._since) * 1000
        self._since = self.clock.now
        queue = self._queue
        while queue and gone_ms > 0:
            item_id, ms = queue[0]
            played = ms if ms <= gone_ms else gone_ms
            gone_ms -= played
            self.position_ms += played
            self.heard[item_id] = self.heard.get(item_id, 0.0) + played
            if played < ms:
                queue[0] = (item_id, ms - played)
            else:
                queue.popleft()
                self._forget()

    def heard_ms(self, item_id: str) -> float:
        self.sync()
        return self.heard.get(item_id, 0.0)

    def left_ms(self) -> float:
        self.sync()
        return sum(ms for _, ms in self._queue)

    def _forget(self) -> None:
        while len(self.heard) > REMEMBERED:
            del self.heard[next(iter(self.heard))]
