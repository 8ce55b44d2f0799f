"""The engine's connection: when to try again, and what the person said meanwhile.

The gap buffer holds the person's sound that the engine has not settled yet. While nobody speaks it keeps the last
second (a pre-roll); from the start of speech until the engine answers it keeps everything, so that a turn that dies
with a connection is said again on the next one.
"""

from __future__ import annotations

from collections import deque

from voice.audio.frames import AudioFrame
from voice.session.deadlines import Deadline
from voice.session.rules import LinkRules


class GapBuffer:
    """The last of the person's sound, bounded by age; the oldest goes first and is counted."""

    def __init__(self, limit_ms: float) -> None:
        self.held_ms = 0.0
        self.dropped_ms = 0.0
        self._limit_ms = limit_ms
        self._frames: deque[AudioFrame] = deque()

    def append(self, frame: AudioFrame, keep_ms: float | None = None) -> None:
        """Keep a frame; hold at most `keep_ms` (a pre-roll) or the limit (counted as lost when exceeded)."""
        frames = self._frames
        frames.append(frame)
        self.held_ms += frame.duration_ms
        limit = self._limit_ms if keep_ms is None else keep_ms
        while self.held_ms > limit and len(frames) > 1:
            oldest = frames.popleft()
            self.held_ms -= oldest.duration_ms
            if keep_ms is None:
                self.dropped_ms += oldest.duration_ms

    def take(self) -> list[AudioFrame]:
        """All frames, in order; the buffer is empty afterwards."""
        frames = list(self._frames)
        self.clear()
        return frames

    def peek(self) -> list[AudioFrame]:
        """All frames, in order; they stay (the engine has not settled them)."""
        return list(self._frames)

    def clear(self) -> None:
        self._frames.clear()
        self.held_ms = 0.0


class Retry:
    """When to connect, and when to give up."""

    def __init__(self, rules: LinkRules) -> None:
        self._rules = rules
        self._tries = 0
        self._at: float | None = float("-inf")

    def opened(self) -> None:
        """It stands: the count begins anew with the next loss."""
        self._tries = 0

    def trying(self) -> None:
        """An attempt is being made: nothing to wait for."""
        self._at = None

    def lost(self, now: float, jitter: float, *, final: bool) -> bool:
        """The attempt failed or the connection ended. False when it is time to give up."""
        if final or self._tries >= self._rules.attempts:
            self._at = None
            return False
        wait_ms = min(self._rules.backoff_ms * 2**self._tries, self._rules.backoff_max_ms)
        self._tries += 1
        self._at = now + wait_ms * (0.5 + 0.5 * jitter) / 1000
        return True

    def stop(self) -> None:
        self._at = None

    def due(self, now: float) -> bool:
        return self._at is not None and self._at <= now

    def deadline(self) -> Deadline | None:
        if self._at is None:
            return None
        return Deadline(self._at, "connect to the engine")
