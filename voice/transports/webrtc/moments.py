"""One timer for all calls whose frames are due at the same moment: the loop rings once, and they go one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from weakref import WeakKeyDictionary

_PER_S = 10_000
"""Moments that lie nearer than this are the same one."""


class Appointment:
    """A call at a moment; `cancel` before it, and it does not come."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Moments:
    """The moments of one loop. A callback raises nothing."""

    def __init__(self) -> None:
        self._due: dict[int, list[Appointment]] = {}

    def call_at(self, when_s: float, callback: Callable[[], None]) -> Appointment:
        """As the loop's own `call_at`."""
        appointment = Appointment(callback)
        number = round(when_s * _PER_S)
        others = self._due.get(number)
        if others is not None:
            others.append(appointment)
        else:
            self._due[number] = [appointment]
            asyncio.get_running_loop().call_at(when_s, self._ring, number)
        return appointment

    def _ring(self, number: int) -> None:
        for appointment in self._due.pop(number):
            if appointment.callback is not None:
                appointment.callback()


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, Moments] = WeakKeyDictionary()


def moments() -> Moments:
    """Those of the running loop."""
    loop = asyncio.get_running_loop()
    found = _of_loops.get(loop)
    if found is None:
        found = _of_loops[loop] = Moments()
    return found
