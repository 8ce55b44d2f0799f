"""The way between two ends: late, unevenly late, and forgetful, but in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.world.clock import Clock


@dataclass(frozen=True)
class Line:
    """Between the session and the person: one-way delay, how much it varies, and the share of reports that get lost."""

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    loss: float = 0.0


class Way:
    """One direction of a line. What was sent first arrives first."""

    def __init__(self, line: Line, clock: Clock, random: Random) -> None:
        self._line = line
        self._clock = clock
        self._random = random
        self._last_at = 0.0

    def carry(self, do: Callable[[], None]) -> None:
        """Do it at the far end."""
        line = self._line
        if not line.delay_ms and not line.jitter_ms:
            do()
            return
        late_ms = line.delay_ms + (self._random.random() * line.jitter_ms if line.jitter_ms else 0.0)
        self._last_at = max(self._last_at, self._clock.now + late_ms / 1000)
        self._clock.at(self._last_at, do)

    def carry_or_lose(self, do: Callable[[], None]) -> None:
        """The same for what may get lost."""
        if not self._line.loss or self._random.random() >= self._line.loss:
            self.carry(do)
