"""The engine's connection: when to try again, and when to give up."""

from __future__ import annotations

from voice.session.deadlines import Deadline
from voice.session.rules import LinkRules


class Retry:
    """When to connect, and when to give up."""

    def __init__(self, rules: LinkRules) -> None:
        self._rules = rules
        self._tries = 0
        self._at: float | None = float("-inf")
        self._ready_at: float | None = None
        self._greeting_by: float | None = None
        self._at_once = False

    def at_once(self) -> None:
        """The connection will be ended by us, to have a better one: no waiting then, and no count."""
        self._at_once = True

    def trying(self) -> None:
        """An attempt is being made: nothing to wait for."""
        self._at = None

    def opened(self, now: float) -> None:
        """The connection stands: the engine's greeting is due."""
        self._greeting_by = now + self._rules.greeting_ms / 1000

    def greeted(self, now: float) -> None:
        """It is of use. If it lasts, the count begins anew with its loss."""
        self._ready_at, self._greeting_by = now, None

    def greeting_overdue(self, now: float) -> bool:
        """Time passed: true once, when a connection that stands was never of use."""
        if self._greeting_by is None or now < self._greeting_by:
            return False
        self._greeting_by = None
        return True

    def lost(self, now: float, jitter: float, *, final: bool) -> bool:
        """The attempt failed or the connection ended. False when it is time to give up."""
        lasted = self._ready_at is not None and (now - self._ready_at) * 1000 >= self._rules.stable_ms
        if lasted:
            self._tries = 0
        self._ready_at = self._greeting_by = None
        at_once, self._at_once = self._at_once, False
        if at_once and not final:
            self._at = now
            return True
        if final or self._tries >= self._rules.attempts:
            self._at = None
            return False
        wait_ms = min(self._rules.backoff_ms * 2**self._tries, self._rules.backoff_max_ms)
        self._tries += 1
        least = 0.0 if lasted else 0.5  # most losses are one connection's own: the first try need not wait
        self._at = now + wait_ms * (least + 0.5 * jitter) / 1000
        return True

    def stop(self) -> None:
        self._at = self._greeting_by = None

    def due(self, now: float) -> bool:
        return self._at is not None and self._at <= now

    def deadline(self) -> Deadline | None:
        if self._at is not None:
            return Deadline(self._at, "connect to the engine")
        return None if self._greeting_by is None else Deadline(self._greeting_by, "the engine's greeting")
