"""The patience of a session in which nobody answers the assistant (`idle_timeout_ms`)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Idle:
    """Runs from the moment the reply has been played, as far as its length tells. Times: `at` in seconds of the
    engine's clock, `audio_start_ms` on the clock of the input audio."""

    at: float
    audio_start_ms: int

    @classmethod
    def after_reply(cls, now: float, reply_ms: float, timeout_ms: int, heard_ms: float) -> Idle:
        """A reply of `reply_ms` was just sent; `heard_ms` of input had come by then."""
        return cls(at=now + (reply_ms + timeout_ms) / 1000, audio_start_ms=round(heard_ms + reply_ms))
