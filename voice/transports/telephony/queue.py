"""What lies in a carrier's queue: the sound and marks that were sent and may not have been played yet.

Time is an argument, in seconds. The carrier is modelled as playing what it is sent without a pause, from the moment at
which it was sent; what the wire adds is learnt from marks, which come back one round trip later than that model says.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import isfinite

from voice.audio.frames import AudioFrame

KEPT_MS = 120_000.0
"""Sound further ahead of the carrier than this is not kept: it cannot be taken back."""
STRANGE_MS = 60.0
"""How unevenly a wire may deliver of which we know nothing yet."""

_SLACK_MS = 1_000.0
_MARGIN_MS = 5.0
_UNEVEN_MS = 120.0  # a message that took longer was lost and sent anew by TCP: no measure of the wire
_ENOUGH_TRIPS = 4
_MAX_OUTSTANDING = 4_000


@dataclass(frozen=True, slots=True)
class QueuedMark:
    """A mark of the session: what it means when it comes back."""

    epoch: int
    position_ms: float


@dataclass(frozen=True, slots=True)
class _Pause:
    """The carrier had nothing to play for so long."""

    duration_ms: float


class CarrierQueue:
    """One carrier's queue, from our side of the wire.

    Sound can be taken back and sent again (`take_back`), and the marks in it are then named anew: what a clear returns
    is so told from what was played, whatever the carrier does with marks that a clear overtakes.
    """

    __slots__ = ("_cap_ms", "_entries", "_expected_s", "_ms", "_sending", "_trim_at_ms", "_trips_ms", "_until_s")

    def __init__(self, cap_ms: float) -> None:
        self._cap_ms = cap_ms
        self._until_s = 0.0
        self._entries: deque[AudioFrame | QueuedMark | _Pause] = deque()
        self._ms = 0.0
        self._trim_at_ms = _SLACK_MS
        self._sending = 0
        self._expected_s: dict[str, float] = {}
        self._trips_ms: deque[float] = deque(maxlen=32)

    def push(self, frame: AudioFrame, now_s: float) -> bool:
        """Sound is sent now. False when the carrier would discard it, for want of room."""
        duration_ms = frame.duration_ms
        until_s = self._until_s
        if until_s < now_s:
            self._pause((now_s - until_s) * 1000)
            until_s = now_s
        until_s += duration_ms / 1000
        if (until_s - now_s) * 1000 > self._cap_ms:
            return False
        self._until_s = until_s
        self._entries.append(frame)
        self._ms += duration_ms
        if self._ms > self._trim_at_ms:
            self._trim(now_s)
        return True

    def push_mark(self, mark: QueuedMark, now_s: float) -> str:
        """A mark is sent now, behind all sound. Returns its name on the wire."""
        name = mark_name(mark.epoch, mark.position_ms, self._sending)
        self._entries.append(mark)
        self._expected_s[name] = max(self._until_s, now_s)
        if len(self._expected_s) > _MAX_OUTSTANDING:  # they are not coming back
            del self._expected_s[next(iter(self._expected_s))]
        return name

    def mark_returned(self, name: str, now_s: float) -> QueuedMark | None:
        """What a mark says that came back: played so far. None when it was overtaken by a clear, or never sent."""
        mark = read_mark_name(name)
        expected_s = self._expected_s.pop(name, None)
        if mark is None or expected_s is None:
            return None
        self._trips_ms.append((now_s - expected_s) * 1000)
        return mark

    def ahead_ms(self, now_s: float) -> float:
        """Sound sent beyond what the model has played by now."""
        return max(0.0, (self._until_s - now_s) * 1000)

    @property
    def uneven_ms(self) -> float:
        """How much longer one round trip took than another; 0 while too few are known."""
        if len(self._trips_ms) < _ENOUGH_TRIPS:
            return 0.0
        return min(max(self._trips_ms) - min(self._trips_ms), _UNEVEN_MS)

    def unheard_ms(self, now_s: float) -> float:
        """So much sound, at most, will not have been played when what we send now arrives.

        The model, plus how late the present sound is against the fastest round trip, plus the wire's unevenness: what
        is sent now may be faster than anything was.
        """
        if len(self._trips_ms) < _ENOUGH_TRIPS:
            behind_ms = STRANGE_MS
        else:
            late_ms = self._trips_ms[-1] - min(self._trips_ms)
            behind_ms = min(late_ms, _UNEVEN_MS) + self.uneven_ms + _MARGIN_MS
        ahead_ms = (self._until_s - now_s) * 1000
        return max(0.0, min(self._ms, ahead_ms + behind_ms))

    def take_back(self, now_s: float) -> list[AudioFrame | QueuedMark] | None:
        """A clear is sent now: what has to be sent again behind it, in order. None when it was not kept."""
        left_ms = self.unheard_ms(now_s)
        if self.ahead_ms(now_s) > KEPT_MS:
            return None
        again: deque[AudioFrame | QueuedMark] = deque()
        while self._entries and left_ms > 0:
            entry = self._entries.pop()
            if isinstance(entry, _Pause):
                left_ms -= entry.duration_ms
                continue
            if isinstance(entry, AudioFrame):
                if entry.duration_ms > left_ms:
                    skip = entry.format.size_bytes(entry.duration_ms - left_ms)
                    entry = AudioFrame(entry.format, entry.data[skip:])
                left_ms -= entry.duration_ms
            else:
                self._expected_s.pop(mark_name(entry.epoch, entry.position_ms, self._sending), None)
            again.appendleft(entry)
        self._forget(now_s)
        self._sending += 1
        return list(again)

    def clear(self) -> None:
        """A clear is sent, and nothing is sent again: no mark out there has a meaning any more."""
        self._forget(0.0)
        self._expected_s.clear()

    def _pause(self, ms: float) -> None:
        if ms > _SLACK_MS:  # all before it was played
            self._entries.clear()
            self._ms = 0.0
        else:
            self._entries.append(_Pause(ms))
            self._ms += ms

    def _forget(self, now_s: float) -> None:
        self._entries.clear()
        self._ms = 0.0
        self._trim_at_ms = _SLACK_MS
        self._until_s = now_s

    def _trim(self, now_s: float) -> None:
        """Forget what was certainly played, and what is too much to keep."""
        keep_ms = min(self.ahead_ms(now_s), KEPT_MS) + _SLACK_MS
        entries = self._entries
        while entries:
            first = entries[0]
            if not isinstance(first, QueuedMark):
                if self._ms - first.duration_ms < keep_ms:
                    break
                self._ms -= first.duration_ms
            entries.popleft()
        self._trim_at_ms = self._ms + _SLACK_MS


def mark_name(epoch: int, position_ms: float, sending: int = 0) -> str:
    """What a mark is called on the wire, so that it says by itself what it means when it comes back.

    `sending` counts how often sound was taken back and sent again; 0 is not written.
    """
    name = f"{epoch}:{float(position_ms)!r}"
    return f"{name}:{sending}" if sending else name


def read_mark_name(name: str) -> QueuedMark | None:
    """Epoch and position, or None for a mark that `mark_name` did not name."""
    parts = name.split(":")
    if len(name) > 60 or not 2 <= len(parts) <= 3 or not all(part.isdecimal() for part in (parts[0], *parts[2:])):
        return None
    try:
        position_ms = float(parts[1])
    except ValueError:
        return None
    return QueuedMark(int(parts[0]), position_ms) if isfinite(position_ms) and position_ms >= 0 else None
