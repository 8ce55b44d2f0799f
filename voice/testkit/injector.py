"""Decides which faults happen now: counts events, keeps the time, draws from a seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from voice.testkit.faults import At, Chance, ClockOut, Fault, On, What


@dataclass(frozen=True, slots=True)
class Fired:
    """A fault happened at this time of the server."""

    at: float
    fault: Fault


class Injector:
    """One server's faults, over all of its connections. The same seed and the same events: the same faults."""

    def __init__(self, faults: Iterable[Fault] = (), *, seed: int = 0) -> None:
        self.fired: list[Fired] = []
        self.life_s: float | None = None
        self._random = Random(seed)
        self._seen: Counter[str] = Counter()
        self._timed: list[tuple[float, Fault]] = []
        self._by_event: list[Fault] = []
        for fault in faults:
            if isinstance(fault.when, At):
                self._timed.append((fault.when.seconds, fault))
            else:
                self._by_event.append(fault)
        self._timed.sort(key=lambda timed: timed[0])

    def meet(self, type: str, now: float) -> list[What]:
        """An event of this type is about to happen: what goes wrong with it."""
        self._seen[type] += 1
        if not self._by_event:
            return []
        return [self._fire(fault, now) for fault in self._by_event if self._is_met(fault, type)]

    def due(self, now: float) -> list[What]:
        """What goes wrong because it is time."""
        found = []
        while self._timed and self._timed[0][0] <= now:
            found.append(self._fire(self._timed.pop(0)[1], now))
        return found

    def deadline(self) -> float | None:
        """When `due` has something."""
        return self._timed[0][0] if self._timed else None

    def _is_met(self, fault: Fault, type: str) -> bool:
        when = fault.when
        if isinstance(when, On):
            return when.type == type and when.nth <= self._seen[type] < when.nth + when.times
        if isinstance(when, Chance):
            return when.type in ("", type) and self._random.random() < when.probability
        return False

    def _fire(self, fault: Fault, now: float) -> What:
        self.fired.append(Fired(now, fault))
        if isinstance(fault.what, ClockOut):
            self.life_s = fault.what.after_s
        return fault.what
