"""Sound at a lower level, sent only as far ahead of the carrier as it must be, so that its level can still change."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from voice.audio.frames import AudioFormat, AudioFrame
from voice.audio.gain import DUCK_MS, RESTORE_MS, Fader
from voice.transports.telephony.queue import CarrierQueue, QueuedMark

LEAD_MS = 80.0
"""How far ahead turned-down sound is sent: what the wire and a busy loop may hold up without a gap being heard."""

_PIECE_MS = 20.0


class DuckedSound:
    """From a duck until sound is at full level again, everything that is played goes through here.

    It is sent in frames, `LEAD_MS` ahead, and each is turned down as it leaves. A restore needs no second clear: it
    lets go of all that waits, the first part of it rising to full level.
    """

    def __init__(
        self,
        format: AudioFormat,
        queue: CarrierQueue,
        send: Callable[[AudioFrame], None],
        send_mark: Callable[[str], None],
        *,
        continues: bool,
    ) -> None:
        self.waiting_ms = 0.0
        self._queue = queue
        self._send = send
        self._send_mark = send_mark
        self._loop = asyncio.get_running_loop()
        self._fader = Fader(format)
        if not continues:
            self._fader.jump_to(0.0)  # behind a clear sound begins anew: from silence there is no click
        self._free = False
        self._waiting: deque[AudioFrame | QueuedMark] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def over(self) -> bool:
        """Full level, and nothing waits: sound may go its direct way again."""
        return self._free and not self._waiting and self._fader.open

    def duck(self, gain_db: float) -> None:
        self._free = False
        self._fader.fade_to(gain_db, DUCK_MS)

    def restore(self) -> None:
        self._free = True
        self._fader.fade_to(0.0, RESTORE_MS)
        self.pump()

    def put(self, entries: Iterable[AudioFrame | QueuedMark]) -> None:
        """Sound and marks, behind what waits already."""
        if self._free and self._queue.ahead_ms(self._loop.time()) <= 0:
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
            if not self._free and ahead_ms >= LEAD_MS and isinstance(self._waiting[0], AudioFrame):
                self._timer = self._loop.call_at(now_s + (ahead_ms - LEAD_MS + _PIECE_MS) / 1000, self.pump)
                return
            self._send_next(now_s)

    def close(self) -> None:
        """What waits is not wanted any more."""
        self._cancel()
        self._waiting.clear()
        self.waiting_ms = 0.0

    def _send_next(self, now_s: float) -> None:
        entry = self._waiting.popleft()
        if isinstance(entry, QueuedMark):
            self._send_mark(self._queue.push_mark(entry, now_s))
            return
        if not (self._free and self._fader.open):
            entry = self._first_piece(entry)
        self.waiting_ms = max(0.0, self.waiting_ms - entry.duration_ms)
        if self._queue.push(entry, now_s):
            self._send(entry if self._fader.open else AudioFrame(entry.format, self._fader.apply(entry.data)))

    def _first_piece(self, frame: AudioFrame) -> AudioFrame:
        """A frame's worth of it; the rest goes on waiting."""
        size = frame.format.size_bytes(_PIECE_MS)
        if len(frame.data) <= size:
            return frame
        self._waiting.appendleft(AudioFrame(frame.format, frame.data[size:]))
        return AudioFrame(frame.format, frame.data[:size])

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
