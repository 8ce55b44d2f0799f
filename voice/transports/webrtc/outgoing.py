"""The assistant's sound on its way out: 20 ms at a time, at the pace at which it sounds, as Opus.

While there is nothing to say nothing is encoded, and next to nothing is sent: now and then the last packet of silence
once more. That is not left to the encoder's own DTX, which takes a tone for silence and codes it as noise; nor is the
far end told of it by an empty frame, because Chromium then plays every reply some 10 ms later than the one before.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Protocol

from voice.audio.frames import PCM_24K
from voice.audio.opus_packet import CLOCK_HZ
from voice.transports.webrtc.far_ear import FarEar
from voice.transports.webrtc.moments import Appointment, moments
from voice.transports.webrtc.playout import BufferEvents, Playout

FRAME_MS = 20
FRAME_S = FRAME_MS / 1000
FRAME_BYTES = PCM_24K.size_bytes(FRAME_MS)
_GRID_S = 0.01
"""Frames of all calls are due at the same moments, so that one waking of the process serves many calls: what the codec
needs is then warm. The first frame behind a pause leaves at once; the second follows by up to this much sooner."""
_IDLE_S = 0.4
_TAIL_FRAMES = 6
"""Silence that is coded behind the last sound: it flushes encoders and other people's jitter buffers."""
_TOO_LATE_S = 0.1
_REPORT_EVERY_S = 0.1


class Encoder(Protocol):
    """What turns 20 ms of PCM into a packet."""

    def encode(self, pcm: bytes) -> bytes: ...

    def expect_loss(self, percent: int) -> None: ...

    def close(self) -> None: ...


class Outgoing:
    """Paces, encodes and sends; says what was heard.

    A frame is sent when it is due, or at once after a pause. When only part of a frame is there in the middle of a
    reply, the rest is waited for by a frame's time at most; then silence fills it. A loop that comes too late by more
    than 100 ms goes on from there instead of catching up.
    """

    def __init__(
        self,
        playout: Playout,
        events: BufferEvents,
        encoder: Encoder,
        send: Callable[[bytes, int, float, bool], None],
        report: Callable[[int, float, float], None],
        fail: Callable[[Exception], None],
        *,
        dtx: bool,
    ) -> None:
        self.far_ear = FarEar()
        self._playout = playout
        self._events = events
        self._encoder = encoder
        self._send = send
        self._report = report
        self._fail = fail
        self._dtx = dtx
        self._loop = asyncio.get_running_loop()
        self._moments = moments()
        self._timer: Appointment | None = None
        self._zero_s = 0.0
        self._zero_stamp = random.getrandbits(32)
        self._due_s = 0.0
        self._sent_s = -1.0
        self._early_s = 0.0
        self._packet = b""
        self._silent_frames = 0
        self._resting = False
        self._starving = False
        self._spurt_begins = True
        self._reported_s = 0.0

    def begin(self) -> None:
        """The connection stands."""
        self._zero_s = self._loop.time()
        self._go_on_from(self._zero_s)
        self._tick()

    def wake(self) -> None:
        """Sound was queued."""
        if self._timer is None:
            return
        if self._resting or (self._starving and self._playout.waiting_bytes >= FRAME_BYTES):
            if self._resting:
                self._go_on_from(max(self._loop.time(), self._sent_s + FRAME_S))
            self._resting = self._starving = False
            self._timer.cancel()
            self._timer = self._moments.call_at(self._due_s, self._tick)

    def learn(self, round_trip_s: float | None, far_jitter_ms: float, lost_share: float) -> None:
        """What the far end said of the way there."""
        self.far_ear.learn(round_trip_s, far_jitter_ms)
        self._encoder.expect_loss(min(30, round(lost_share * 100)))

    def end(self) -> None:
        """Nothing is sent any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._encoder.close()

    def _tick(self) -> None:
        """A frame is due. A mistake of ours here would leave the person in silence for good: it ends the call."""
        try:
            self._send_due()
        except Exception as error:
            self._fail(error)

    def _send_due(self) -> None:
        now_s = self._loop.time()
        if now_s - self._due_s > _TOO_LATE_S:
            self._go_on_from(now_s)
        while self._due_s <= now_s:
            if self._starves(now_s):
                self._timer = self._moments.call_at(self._due_s + FRAME_S, self._tick)
                return
            self._send_frame(now_s)
        self._report_heard(now_s)
        self._timer = self._moments.call_at(self._due_s, self._tick)

    def _go_on_from(self, now_s: float) -> None:
        """The next frame is due now, by the moments that all calls share a little before now."""
        self._due_s = max(int(now_s / _GRID_S) * _GRID_S, self._sent_s + FRAME_S)
        self._early_s = max(0.0, now_s - self._due_s)

    def _starves(self, now_s: float) -> bool:
        """Whether the rest of a frame is worth waiting for; when it was waited for in vain, the frame is due now."""
        waiting = self._playout.waiting_bytes
        if not 0 < waiting < FRAME_BYTES or self._events.is_done(self._playout.next_response):
            self._starving = False
            return False
        if self._starving and now_s >= self._due_s + FRAME_S:
            self._starving = False
            self._due_s += FRAME_S
            return False
        self._starving = True
        return True

    def _send_frame(self, now_s: float) -> None:
        sound, response_id = self._playout.take(FRAME_BYTES)
        if sound:
            self._events.sent(response_id)
            sound_ms = PCM_24K.duration_ms(len(sound))
            plays_s = max(self._due_s + self._early_s, now_s)
            self.far_ear.sent(self._playout.epoch, self._playout.position_ms, sound_ms, plays_s)
        self._silent_frames = 0 if sound else self._silent_frames + 1
        resting = self._dtx and self._silent_frames > _TAIL_FRAMES and not self.far_ear.waits
        if not resting:
            self._packet = self._encoder.encode(sound + bytes(FRAME_BYTES - len(sound)))
        stamp = self._zero_stamp + round((self._due_s - self._zero_s) * CLOCK_HZ) & 0xFFFF_FFFF
        self._send(self._packet, stamp, now_s, self._spurt_begins)
        self._spurt_begins = self._resting = resting
        self._sent_s = self._due_s
        self._due_s += _IDLE_S if resting else FRAME_S
        if not self._playout.waiting_bytes:
            self._events.ran_dry()

    def _report_heard(self, now_s: float) -> None:
        """Positions that have been reached: ten times a second, and the last one."""
        if now_s - self._reported_s < _REPORT_EVERY_S and not self.far_ear.all_heard(now_s):
            return
        for epoch, position_ms in self.far_ear.heard(now_s):
            self._reported_s = now_s
            self._report(epoch, position_ms, self.far_ear.uncertainty_ms)
