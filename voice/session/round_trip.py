"""How long a line takes there and back, learned from the marks that a carrier sends back.

Sound that begins to play at a far end that was silent, and its mark: between the two lies the length of the sound and
the way there and back. The shortest of the last ways counts: jitter and the far end's own pauses only make it longer.
"""

from __future__ import annotations

from collections import deque

KEPT = 16


class RoundTrip:
    """`ms` is 0 until the first mark came back."""

    def __init__(self) -> None:
        self.ms = 0.0
        self._began: tuple[float, float] | None = None
        self._ways_ms: deque[float] = deque(maxlen=KEPT)

    def began(self, position_ms: float, now: float) -> None:
        """Sound leaves for a far end that has none left."""
        self._began = (position_ms, now)

    def stopped(self) -> None:
        """What comes back from now on is of no stretch that is known."""
        self._began = None

    def echoed(self, position_ms: float, now: float) -> None:
        """A mark behind so much sound came back."""
        if self._began is None or position_ms <= self._began[0]:
            return
        began_ms, began_at = self._began
        self._ways_ms.append(max(0.0, (now - began_at) * 1000 - (position_ms - began_ms)))
        self.ms = min(self._ways_ms)
