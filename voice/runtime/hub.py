"""All conversations of this process: how many there may be, how long, and how they end when we must."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from voice.errors import Busy, RequestRefused, VoiceError
from voice.runtime.driver import Driver

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HubLimits:
    """`grace_s`: how long conversations may go on after the signal to stop; `goodbye_s`: to close, after that.
    `max_sessions_per_owner` 0: as many as there may be at all."""

    max_sessions: int = 200
    max_sessions_per_owner: int = 0
    max_session_s: float = 7_200.0
    grace_s: float = 20.0
    goodbye_s: float = 5.0


class Place:
    """Room for one conversation of one owner, kept from the moment it was asked for."""

    def __init__(self, hub: Hub, owner: str) -> None:
        self.owner = owner
        self._hub: Hub | None = hub

    def give_back(self) -> None:
        """Others may have it. Idempotent."""
        hub, self._hub = self._hub, None
        if hub is not None:
            hub.vacate(self)


class Hub:
    """Admits conversations, ends those that are too long, and drains."""

    def __init__(self, limits: HubLimits) -> None:
        self.limits = limits
        self.draining = False
        self.started = 0
        self.refused = 0
        self._drivers: dict[Driver, str] = {}
        self._places: set[Place] = set()
        self._owners: Counter[str] = Counter()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def active(self) -> int:
        """Conversations that go on, and those that are about to begin."""
        return len(self._places)

    def readiness(self) -> tuple[bool, str]:
        """Whether a new conversation would be admitted, and why not."""
        if self.draining:
            return False, "draining: the service is stopping"
        if self.active >= self.limits.max_sessions:
            return False, f"busy: {self.active} of {self.limits.max_sessions} sessions are taken"
        return True, "ready"

    def take(self, owner: str = "") -> Place:
        """Room for a conversation. Raises Busy when there is none, RequestRefused (429) when the owner has enough."""
        ready, reason = self.readiness()
        if not ready:
            self.refused += 1
            raise Busy(f"No session can be opened ({reason}).", fix="Try again later.", retry_after_s=5.0)
        most = self.limits.max_sessions_per_owner
        if owner and most and self._owners[owner] >= most:
            self.refused += 1
            raise RequestRefused(
                429, "too_many_sessions", f"This key has {most} sessions open, and may not have more.", retry_after_s=5
            )
        place = Place(self, owner)
        self._places.add(place)
        self._owners[owner] += 1
        self._empty.clear()
        return place

    def vacate(self, place: Place) -> None:
        """What `Place.give_back` calls."""
        self._places.discard(place)
        self._owners[place.owner] -= 1
        if not self._owners[place.owner]:
            del self._owners[place.owner]
        if not self._places:
            self._empty.set()

    async def run(self, make: Callable[[], Driver], place: Place | None = None) -> str:
        """One conversation, to its end. Returns why it ended. Raises Busy, or what broke it."""
        place = place or self.take()
        try:
            return await self._run(make(), place.owner)
        finally:
            place.give_back()

    def end_all_of(self, owner: str, reason: str) -> None:
        """Say goodbye to every conversation of this owner."""
        for driver in [driver for driver, other in self._drivers.items() if other == owner]:
            driver.close(reason)

    async def _run(self, driver: Driver, owner: str) -> str:
        self.started += 1
        self._drivers[driver] = owner
        cap = asyncio.get_running_loop().call_later(
            self.limits.max_session_s, driver.close, "the longest time for one session is over"
        )
        try:
            return await driver.run()
        except VoiceError as error:
            logger.warning("session failed", extra={"session_id": driver.session_id, "error": error.code})
            raise
        finally:
            cap.cancel()
            del self._drivers[driver]

    async def drain(self) -> None:
        """Refuse new conversations, let old ones finish for the grace, then say goodbye and close them."""
        self.draining = True
        if await self._emptied(self.limits.grace_s):
            return
        for driver in list(self._drivers):
            driver.close("the service is stopping")
        if not await self._emptied(self.limits.goodbye_s):
            logger.warning("sessions did not close in time", extra={"sessions": self.active})

    async def _emptied(self, timeout_s: float) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True
