"""When what was sent is heard at the other side.

A browser does not say. What is known: half the round trip, by RTCP; what its jitter buffer holds at the least
(measured: Chromium plays the first sample of a packet some 45 ms after it left, on the same machine); and that it
holds more where packets come unevenly. What a headset adds is not known: that is the uncertainty.
"""

from __future__ import annotations

from collections import deque

PLAYER_MS = 45.0
"""From a packet's arrival to its first sample's sound, in a browser on an even network."""
UNKNOWN_ROUND_TRIP_MS = 20.0
UNCERTAIN_MS = 20.0
_MOST_JITTER_MS = 60.0


class FarEar:
    """What has been sent and not been heard yet. Times in seconds of the loop's clock."""

    def __init__(self) -> None:
        self.delay_ms = PLAYER_MS + UNKNOWN_ROUND_TRIP_MS / 2
        self.uncertainty_ms = UNCERTAIN_MS + UNKNOWN_ROUND_TRIP_MS / 2
        self._under_way: deque[tuple[float, int, float, float]] = deque()  # (heard at, epoch, position, length)

    def learn(self, round_trip_s: float | None, jitter_ms: float) -> None:
        """What the last report said of the way there."""
        round_trip_ms = UNKNOWN_ROUND_TRIP_MS if round_trip_s is None else round_trip_s * 1000
        jitter_ms = min(jitter_ms, _MOST_JITTER_MS)
        self.delay_ms = PLAYER_MS + round_trip_ms / 2 + 2 * jitter_ms
        self.uncertainty_ms = UNCERTAIN_MS + round_trip_ms / 2 + jitter_ms

    def sent(self, epoch: int, position_ms: float, sound_ms: float, now_s: float) -> None:
        """So much of the epoch has left; the last of it is `sound_ms` long."""
        self._under_way.append((now_s + (self.delay_ms + sound_ms) / 1000, epoch, position_ms, sound_ms))

    def heard(self, now_s: float) -> list[tuple[int, float]]:
        """Epochs and the positions in them that are reached now, oldest first; nothing where nothing has moved."""
        reached: dict[int, float] = {}
        while self._under_way and self._under_way[0][0] <= now_s:
            _, epoch, position_ms, _ = self._under_way.popleft()
            reached[epoch] = position_ms
        if self._under_way:
            end_s, epoch, position_ms, sound_ms = self._under_way[0]
            left_ms = (end_s - now_s) * 1000
            if left_ms < sound_ms:
                reached[epoch] = position_ms - left_ms
        return list(reached.items())

    def all_heard(self, now_s: float) -> bool:
        """Whether all that has left has been heard by now."""
        return not self._under_way or self._under_way[-1][0] <= now_s

    @property
    def waits(self) -> bool:
        """Whether something has left that was not heard yet."""
        return bool(self._under_way)
