"""The input audio buffer: what was said and is not yet an item, on the clock of the session's audio.

Sound is PCM16 mono at 16 kHz, what recognisers and voice detectors want, whatever the wire carries. Milliseconds
count from the first sample of the session and never stop, also over commits and clears.

Bounded: beyond `limit_ms` the oldest sound is dropped and counted. While turns are detected and nobody speaks, only
the padding that a turn may begin with is kept.
"""

from __future__ import annotations

from voice.audio.frames import PCM_16K

BYTES_PER_MS = PCM_16K.bytes_per_second // 1000


class InputBuffer:
    """A stretch of the session's audio that ends now."""

    def __init__(self, limit_ms: int = 120_000) -> None:
        self._pcm = bytearray()
        self._limit_bytes = limit_ms * BYTES_PER_MS
        self._heard_bytes = 0
        self.dropped_ms = 0.0

    @property
    def now_ms(self) -> float:
        """The end of the newest sample, since the session began."""
        return self._heard_bytes / BYTES_PER_MS

    @property
    def start_ms(self) -> float:
        """The beginning of the oldest sample that is kept."""
        return (self._heard_bytes - len(self._pcm)) / BYTES_PER_MS

    def __bool__(self) -> bool:
        return bool(self._pcm)

    def append(self, pcm: bytes) -> None:
        """The newest sound."""
        self._pcm += pcm
        self._heard_bytes += len(pcm)
        excess = len(self._pcm) - self._limit_bytes
        if excess > 0:
            del self._pcm[:excess]
            self.dropped_ms += excess / BYTES_PER_MS

    def sound(self, from_ms: float, to_ms: float) -> bytes:
        """A copy of what is kept between two instants."""
        return bytes(self._pcm[self._offset(from_ms) : self._offset(to_ms)])

    def take(self, from_ms: float, to_ms: float) -> bytes:
        """Cut that stretch out, and forget what lies before it."""
        sound = self.sound(from_ms, to_ms)
        self.forget_before(to_ms)
        return sound

    def forget_before(self, at_ms: float) -> None:
        """Sound older than this is not wanted any more."""
        del self._pcm[: self._offset(at_ms)]

    def clear(self) -> None:
        """Forget all sound. The clock goes on."""
        self._pcm.clear()

    def _offset(self, at_ms: float) -> int:
        """Place of an instant, on the border of a sample, inside what is kept."""
        offset = round((at_ms - self.start_ms) * BYTES_PER_MS / 2) * 2
        return min(max(offset, 0), len(self._pcm))
