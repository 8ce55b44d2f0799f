"""Sound sent only as far ahead of the carrier as it must be, so that its level can still change."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from voice.audio.frames import AudioFormat, AudioFrame
from voice.audio.gain import DUCK_MS, RESTORE_MS, Fader
from voice.transports.telephony.queue import CarrierQueue, QueuedMark

LEAD_MS = 80.0
"""How far ahead sound is sent: what a wire and a busy loop may hold up without a gap being heard."""

_PIECE_MS = 20.0
_BATCH_MS = 40.0


class PacedSound:
    """All that is played goes through here while it is turned down, or while the wire is too uneven for clears.

    It is sent in frames, `lead_ms` ahead, and each gets its level as it leaves. With `at_full_level` false sound is
    paced only while it is down: a restore then needs no second clear, since it lets go of all that waits, the first
    part of it rising to full level.
    """

    def __init__(
        self,
        format: AudioFormat,
        queue: CarrierQueue,
        send: Callable[[AudioFrame], None],
        send_mark: Callable[[str], None],
    ) -> None:
        self.lead_ms = LEAD_MS
        self.at_full_level = False
        self.waiting_ms = 0.0
        self._queue = queue
        self._send = send
        self._send_mark = send_mark
        self._loop = asyncio.get_running_loop()
        self._fader = Fader(format)
        self._down = False
        self._waiting: deque[AudioFrame | QueuedMark] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def needless(self) -> bool:
        """Nothing to pace, nothing waits, full level: sound may go its direct way again."""
        return not (self._pacing or self._waiting) and self._fader.open

    @property
    def _pacing(self) -> bool:
        return self._down or self.at_full_level

    def duck(self, gain_db: float, again: Iterable[AudioFrame | QueuedMark] = ()) -> None:
        """What leaves from now on is turned down; first of all `again`, which a clear took back."""
        first = list(again)
        if first:
            self._fader.jump_to(0.0)  # it does not continue what was heard: from silence there is no click
            later, self._waiting, self.waiting_ms = self._waiting, deque(), 0.0
            first += later
        self._fader.fade_to(gain_db, DUCK_MS)
        self._down = True
        self.put(first)

    def restore(self) -> None:
        """What leaves from now on rises to full level."""
        self._fader.fade_to(0.0, RESTORE_MS)
        self._down = False
        self.pump()

    def put(self, entries: Iterable[AudioFrame | QueuedMark]) -> None:
        """Sound and marks, behind what waits already."""
        if not self._down and self._queue.ahead_ms(self._loop.time()) <= 0:
            self._fader.jump_to(1.0)  # it rose while nothing sounded
        for entry in entries:
            self._waiting.append(entry)
            if isinstance(entry, AudioFrame):
                self.waiting_ms += entry.duration_ms
        self.pump()

    def pump(self) -> None:
        """Send what is due."""
        self._cancel()
        now_s = self._loop.time()
        while self._waiting:
            ahead_ms = self._queue.ahead_ms(now_s)
            if self._pacing and ahead_ms >= self.lead_ms and isinstance(self._waiting[0], AudioFrame):
                self._timer = self._loop.call_at(now_s + (ahead_ms - self.lead_ms + _BATCH_MS) / 1000, self.pump)
                return
            self._send_next(now_s)

    def close(self) -> None:
        """What waits is not wanted any more; what follows is at full level."""
        self._cancel()
        self._waiting.clear()
        self.waiting_ms = 0.0
        self._down = False
        self._fader.jump_to(1.0)

    def _send_next(self, now_s: float) -> None:
        entry = self._waiting.popleft()
        if isinstance(entry, QueuedMark):
            self._send_mark(self._queue.push_mark(entry, now_s))
            return
        if self._pacing or not self._fader.open:
            entry = self._first_piece(entry)
        self.waiting_ms = max(0.0, self.waiting_ms - entry.duration_ms)
        if self._queue.push(entry, now_s):
            self._send(entry if self._fader.open else AudioFrame(entry.format, self._fader.apply(entry.data)))

    def _first_piece(self, frame: AudioFrame) -> AudioFrame:
        """A frame's worth of it; the rest goes on waiting."""
        if frame.duration_ms <= _PIECE_MS:
            return frame
        size = frame.format.size_bytes(_PIECE_MS)
        self._waiting.appendleft(AudioFrame(frame.format, frame.data[size:]))
        return AudioFrame(frame.format, frame.data[:size])

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
