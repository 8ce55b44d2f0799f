"""How often somebody may ask: a bucket of tokens for each name, refilled evenly."""

from __future__ import annotations

from collections import OrderedDict

MOST_NAMES = 20_000


class Rate:
    """`per_minute` requests for each name, as many at once when nothing was asked for a minute; 0: as many as one
    likes. Time is an argument (seconds, any zero). What is known of the names asked for longest ago is forgotten when
    there are too many; a forgotten name begins with a full bucket."""

    def __init__(self, per_minute: int) -> None:
        self._most = float(per_minute)
        self._per_s = per_minute / 60
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, now: float) -> float:
        """One request. Returns 0 when it is granted, else how many seconds to wait."""
        if not self._most:
            return 0.0
        left, at = self._buckets.pop(name, (self._most, now))
        left = min(self._most, left + max(0.0, now - at) * self._per_s)
        wait_s = 0.0 if left >= 1 else (1 - left) / self._per_s
        self._buckets[name] = (left - 1 if left >= 1 else left, now)
        if len(self._buckets) > MOST_NAMES:
            self._buckets.popitem(last=False)
        return wait_s
