"""All conversations of this process: how many there may be, how long, and how they end when we must."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from voice.errors import Busy, VoiceError
from voice.runtime.driver import Driver

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HubLimits:
    """`grace_s`: how long conversations may go on after the signal to stop; `goodbye_s`: to close, after that."""

    max_sessions: int = 200
    max_session_s: float = 7_200.0
    grace_s: float = 20.0
    goodbye_s: float = 5.0


class Hub:
    """Admits conversations, ends those that are too long, and drains."""

    def __init__(self, limits: HubLimits) -> None:
        self.limits = limits
        self.draining = False
        self.started = 0
        self.refused = 0
        self._drivers: set[Driver] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def active(self) -> int:
        return len(self._drivers)

    def readiness(self) -> tuple[bool, str]:
        """Whether a new conversation would be admitted, and why not."""
        if self.draining:
            return False, "draining: the service is stopping"
        if self.active >= self.limits.max_sessions:
            return False, f"busy: {self.active} of {self.limits.max_sessions} sessions are taken"
        return True, "ready"

    def admit(self) -> None:
        """Raises Busy when no further conversation may begin."""
        ready, reason = self.readiness()
        if not ready:
            self.refused += 1
            raise Busy(f"No session can be opened ({reason}).", fix="Try again later.", retry_after_s=5.0)

    async def run(self, make: Callable[[], Driver]) -> str:
        """One conversation, to its end. Returns why it ended. Raises Busy, or what broke it."""
        self.admit()
        driver = make()
        self.started += 1
        self._drivers.add(driver)
        self._empty.clear()
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
            self._drivers.discard(driver)
            if not self._drivers:
                self._empty.set()

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
