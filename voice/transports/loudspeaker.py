"""A loudspeaker without a device: it sounds at real pace on a clock that somebody else advances.

Time is an argument, in milliseconds; sound is counted in samples, so nothing drifts however often it is asked.
"""

from __future__ import annotations

from collections import deque

from voice.audio.fades import Fades
from voice.audio.frames import AudioFormat, AudioFrame


class VirtualLoudspeaker:
    """Plays frames one behind the other and remembers exactly what was heard, and when.

    A frame begins to sound when it comes, or when what is queued before it has ended. What `stop` finds unheard was
    never heard: it is in no recording and in no position; except that a loudspeaker which holds `held_ms`, as devices
    do, sounds these to their end.
    """

    def __init__(self, format: AudioFormat, *, held_ms: float = 0.0) -> None:
        self.format = format
        self.epoch = 0
        self.held_ms = held_ms
        self._queue: deque[tuple[int, bytes]] = deque()  # (epoch, sound)
        self._offset = 0  # bytes of the first queued piece that were already heard
        self._now_samples = 0
        self._heard_samples: dict[int, int] = {}  # by epoch
        self._pieces: list[tuple[int, bytes]] = []  # (sample at which it sounded, sound)
        self._fades = Fades(format)

    @property
    def position_ms(self) -> float:
        """Sound heard since the last stop, up to the time last told."""
        return self.position_of_ms(self.epoch)

    def position_of_ms(self, epoch: int) -> float:
        """Sound heard of one epoch, up to the time last told."""
        return self._heard_samples.get(epoch, 0) * 1000 / self.format.rate_hz

    @property
    def sounding(self) -> bool:
        """Is anything queued that was not yet heard?"""
        return bool(self._queue)

    @property
    def queued_ms(self) -> float:
        """Sound that waits to be heard."""
        return self.format.duration_ms(sum(len(sound) for _, sound in self._queue) - self._offset)

    def play(self, frame: AudioFrame, now_ms: float) -> None:
        """Queue a frame of the loudspeaker's own format."""
        self.advance(now_ms)
        if frame.data:
            self._queue.append((self.epoch, frame.data))

    def advance(self, now_ms: float) -> float:
        """It is `now_ms`: everything due until then was heard. Returns the milliseconds heard by this call.

        Earlier times than the last are ignored.
        """
        now = int(now_ms * self.format.rate_hz / 1000)
        heard = 0
        while self._queue and self._now_samples < now:
            heard += self._sound(now - self._now_samples)
        self._now_samples = max(self._now_samples, now)
        return heard * 1000 / self.format.rate_hz

    def stop(self, epoch: int, now_ms: float) -> None:
        """Drop what was not heard by now; what is played next belongs to `epoch`, at full level."""
        self.advance(now_ms)
        self._keep(self.format.size_bytes(self.held_ms))
        self._fades.reset(self._now_samples)
        self.epoch = epoch

    def duck(self, gain_db: float, now_ms: float) -> None:
        """What is heard from now on is turned down. Raises Misuse above 0 dB."""
        self.advance(now_ms)
        self._fades.duck(gain_db, self._now_samples)

    def restore(self, now_ms: float) -> None:
        """Back to full level."""
        self.advance(now_ms)
        self._fades.restore(self._now_samples)

    def level_at(self, ms: float) -> float:
        """The factor, 0..1, by which sound was (or would have been) turned down at that time."""
        return self._fades.level_at(int(ms * self.format.rate_hz / 1000))

    def recording(self) -> bytes:
        """All that was heard, with silence where nothing sounded, from time zero to the last sound."""
        size = self.format.sample_bytes
        out = bytearray()
        quiet = self.format.silence(1000)[:1]
        for sample, sound in self._pieces:
            out += quiet * (sample * size - len(out))
            out += sound
        return bytes(out)

    def _sound(self, samples: int) -> int:
        """Sound the first piece, up to so many samples. Returns how many it had."""
        size = self.format.sample_bytes
        epoch, first = self._queue[0]
        piece = first[self._offset : self._offset + samples * size]
        self._offset += len(piece)
        if self._offset >= len(first):
            self._queue.popleft()
            self._offset = 0
        heard = len(piece) // size
        self._pieces.append((self._now_samples, self._fades.applied(piece[: heard * size], self._now_samples)))
        self._now_samples += heard
        self._heard_samples[epoch] = self._heard_samples.get(epoch, 0) + heard
        return heard

    def _keep(self, size: int) -> None:
        """Of what is queued keep the first `size` bytes."""
        kept: deque[tuple[int, bytes]] = deque()
        size += self._offset
        for epoch, sound in self._queue:
            if size <= 0:
                break
            kept.append((epoch, sound[:size]))
            size -= len(sound)
        if not kept or len(kept[0][1]) <= self._offset:
            kept.clear()
            self._offset = 0
        self._queue = kept
