"""Virtual time: things to do at times, done in order, with no waiting."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count


class Clock:
    """Seconds since the world began."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, when: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._due, (max(when, self.now), next(self._order), do))

    def after(self, delay_ms: float, do: Callable[[], None]) -> None:
        self.at(self.now + delay_ms / 1000, do)

    def next_at(self) -> float:
        """When something is due; infinity when nothing is."""
        return self._due[0][0] if self._due else float("inf")

    def step(self) -> None:
        """Jump to the next thing and do it."""
        when, _, do = heapq.heappop(self._due)
        self.now = when
        do()
