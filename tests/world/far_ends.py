"""Far ends that know exactly what was heard, for a room: a sound card, and a browser behind a network.

Both take sound in pieces of 20 ms, and what they have taken is heard, whatever is stopped afterwards.
"""

from __future__ import annotations

from collections import deque

from tests.world.room import Room
from voice.session import effects as ef
from voice.session import events as ev
from voice.transports.webrtc.far_ear import FarEar

BLOCK_MS = 20.0
REPORT_EVERY_S = 0.1


class FarEnd:
    """Takes a block every 20 ms, at moments of its own. `heard` is the truth, by item."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.heard: dict[str, float] = {}
        self.epoch = 0
        self.taken_ms = 0.0
        self._queue: deque[tuple[str, float]] = deque()
        self._zero_s = room.random.random() * BLOCK_MS / 1000
        self._ticks = 0
        room._hands[ef.Play] = lambda effect: self._queue.append((effect.item_id, effect.frame.duration_ms))
        room._hands[ef.StopPlayback] = self._stop
        self._next()

    def _stop(self, effect: ef.StopPlayback) -> None:
        self._queue.clear()
        self.epoch, self.taken_ms = effect.epoch, 0.0

    def _next(self) -> None:
        self._ticks += 1
        self.room.clock.at(self._zero_s + self._ticks * BLOCK_MS / 1000, self._tick)

    def _tick(self) -> None:
        self._next()
        room_ms = BLOCK_MS
        while self._queue and room_ms > 0:
            item_id, ms = self._queue[0]
            taken_ms = min(ms, room_ms)
            room_ms -= taken_ms
            self.heard[item_id] = self.heard.get(item_id, 0.0) + taken_ms
            self.taken_ms += taken_ms
            if taken_ms < ms:
                self._queue[0] = (item_id, ms - taken_ms)
            else:
                self._queue.popleft()
        self.took(BLOCK_MS - room_ms)

    def took(self, ms: float) -> None:
        """So much was taken by the last block."""


class SoundCard(FarEnd):
    """Reports each block at the moment when the converter's clock says that it was heard."""

    def __init__(self, room: Room, dac_ms: float = 35.0) -> None:
        super().__init__(room)
        self._dac_ms = dac_ms

    def took(self, ms: float) -> None:
        if not ms:
            return
        epoch, position_ms, held_ms = self.epoch, self.taken_ms, self._dac_ms + BLOCK_MS / 2
        report = ev.Played(epoch, position_ms, BLOCK_MS, held_ms)
        self.room.clock.after(self._dac_ms + ms, lambda: self.room.post(report))


class Browser(FarEnd):
    """Is believed to hear what left some time ago; how long ago, the network's reports say once a second."""

    def __init__(self, room: Room) -> None:
        super().__init__(room)
        self._ear = FarEar()
        self._reported_at = 0.0
        self._round_trip_s = room.random.uniform(0.02, 0.12)
        self._ear.learn(self._round_trip_s, 0.0)

    def took(self, ms: float) -> None:
        now, ear, random = self.room.clock.now, self._ear, self.room.random
        if self._ticks % 50 == 0:
            ear.learn(self._round_trip_s + random.uniform(-0.004, 0.004), random.uniform(0.0, 2.0))
        if ms:
            ear.sent(self.epoch, self.taken_ms, ms, now)
        if now - self._reported_at < REPORT_EVERY_S and not ear.all_heard(now):
            return
        for epoch, position_ms in ear.heard(now):
            self._reported_at = now
            self.room.post(ev.Played(epoch, position_ms, ear.uncertainty_ms, ear.delay_ms + BLOCK_MS / 2))
