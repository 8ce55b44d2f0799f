"""Whose turn it is: the person's speech as the engine hears it, or as the talk button says.

This part knows when a turn began, ended and was committed, and whether the person's sound goes to the engine now.
What follows from a turn (interrupt, ask for a reply) is the session's to decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from voice.session.deadlines import Deadline
from voice.session.rules import TurnRules


@dataclass(slots=True)
class TurnTimes:
    """When each step of one turn happened, in seconds of `now`; None: not yet, or not known."""

    speech_started_at: float | None = None
    speech_stopped_at: float | None = None
    committed_at: float | None = None
    asked_at: float | None = None
    first_delta_at: float | None = None
    first_audible_at: float | None = None

    def as_values(self) -> dict[str, float]:
        names = type(self).__slots__
        return {name: round(value, 4) for name in names if (value := getattr(self, name)) is not None}


class Button(Enum):
    UP = "up"
    HELD = "held"
    TAIL = "tail"


class PushToTalk:
    """The talk button: what is held is sent, with a tail after the release; a tap is a mistake."""

    def __init__(self, rules: TurnRules) -> None:
        self._rules = rules
        self._button = Button.UP
        self._pressed_at = 0.0
        self._tail_until = 0.0

    @property
    def open(self) -> bool:
        """Whether the person's sound goes to the engine."""
        return self._button is not Button.UP

    def press(self, now: float) -> bool:
        """True when a new turn begins (a press within the tail only goes on with the old one)."""
        fresh = self._button is Button.UP
        self._button = Button.HELD
        if fresh:
            self._pressed_at = now
        return fresh

    def release(self, now: float) -> bool:
        """True when it was held long enough to be meant; a tap closes at once and is to be forgotten."""
        if self._button is not Button.HELD:
            return True
        if (now - self._pressed_at) * 1000 < self._rules.tap_ms:
            self._button = Button.UP
            return False
        self._button = Button.TAIL
        self._tail_until = now + self._rules.release_tail_ms / 1000
        return True

    def tail_over(self, now: float) -> bool:
        """Time passed: true once, when the tail after a release is complete."""
        if self._button is Button.TAIL and now >= self._tail_until:
            self._button = Button.UP
            return True
        return False

    def deadline(self) -> Deadline | None:
        return Deadline(self._tail_until, "release tail") if self._button is Button.TAIL else None
