"""A moment of less loudness, because a sound set in that nobody can name yet.

It comes before the floor control's own duck and asks less of the evidence: so it is small, it ends by itself, and a
sound that nothing came of is followed by a while in which such sounds do not count: a keyboard, a busy room.
"""

from __future__ import annotations

from voice.session.deadlines import Deadline
from voice.session.rules import FloorRules


class Hush:
    """Whether the assistant is hushed, and until when."""

    def __init__(self, rules: FloorRules) -> None:
        self._rules = rules
        self._until: float | None = None
        self._rests_until = float("-inf")

    def begin(self, now: float) -> bool:
        """A sound set in; whether the assistant is to be hushed for it."""
        if self._until is not None or now < self._rests_until:
            return False
        self._until = now + self._rules.hush_ms / 1000
        return True

    def settle(self) -> None:
        """It is known what the sound was, or the assistant fell silent."""
        self._until = None

    def is_over(self, now: float) -> bool:
        """Whether it ends now, and nothing came of it; true once."""
        if self._until is None or now < self._until:
            return False
        self._until = None
        self._rests_until = now + self._rules.hush_rest_ms / 1000
        return True

    def deadline(self) -> Deadline | None:
        return None if self._until is None else Deadline(self._until, "speak up after a hush")
