"""A loudspeaker without a device: it sounds at real pace on a clock that somebody else advances.

Time is an argument, in milliseconds; sound is counted in samples, so nothing drifts however often it is asked.
"""

from __future__ import annotations

from collections import deque

from voice.audio.frames import AudioFormat, AudioFrame


class VirtualLoudspeaker:
    """Plays frames one behind the other and remembers exactly what was heard, and when.

    A frame begins to sound when it comes, or when what is queued before it has ended. What `stop` finds unheard was
    never heard: it is in no recording and in no position.
    """

    def __init__(self, format: AudioFormat) -> None:
        self.format = format
        self.epoch = 0
        self._queue: deque[bytes] = deque()
        self._offset = 0  # bytes of the first queued piece that were already heard
        self._now_samples = 0
        self._heard_samples = 0
        self._pieces: list[tuple[int, bytes]] = []  # (sample at which it sounded, sound)

    @property
    def position_ms(self) -> float:
        """Sound heard since the last stop, up to the time last told."""
        return self._heard_samples * 1000 / self.format.rate_hz

    @property
    def sounding(self) -> bool:
        """Is anything queued that was not yet heard?"""
        return bool(self._queue)

    @property
    def queued_ms(self) -> float:
        """Sound that waits to be heard."""
        return self.format.duration_ms(sum(map(len, self._queue)) - self._offset)

    def play(self, frame: AudioFrame, now_ms: float) -> None:
        """Queue a frame of the loudspeaker's own format."""
        self.advance(now_ms)
        if frame.data:
            self._queue.append(frame.data)

    def advance(self, now_ms: float) -> float:
        """It is `now_ms`: everything due until then was heard. Returns the milliseconds heard by this call.

        Earlier times than the last are ignored.
        """
        before = self._heard_samples
        now = int(now_ms * self.format.rate_hz / 1000)
        while self._queue and self._now_samples < now:
            self._sound(now - self._now_samples)
        self._now_samples = max(self._now_samples, now)
        return (self._heard_samples - before) * 1000 / self.format.rate_hz

    def stop(self, epoch: int, now_ms: float) -> None:
        """Drop what was not heard by now; what is played next belongs to `epoch`."""
        self.advance(now_ms)
        self._queue.clear()
        self._offset = 0
        self._heard_samples = 0
        self.epoch = epoch

    def recording(self) -> bytes:
        """All that was heard, with silence where nothing sounded, from time zero to the last sound."""
        size = self.format.sample_bytes
        out = bytearray()
        quiet = self.format.silence(1000)[:1]
        for sample, sound in self._pieces:
            out += quiet * (sample * size - len(out))
            out += sound
        return bytes(out)

    def _sound(self, samples: int) -> None:
        size = self.format.sample_bytes
        first = self._queue[0]
        piece = first[self._offset : self._offset + samples * size]
        self._offset += len(piece)
        if self._offset >= len(first):
            self._queue.popleft()
            self._offset = 0
        heard = len(piece) // size
        self._pieces.append((self._now_samples, piece[: heard * size]))
        self._now_samples += heard
        self._heard_samples += heard
