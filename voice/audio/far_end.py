"""What a loudspeaker was given, laid on the clock of the microphone's samples."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from voice.audio.convert import Converter
from voice.audio.fades import Fades
from voice.audio.frames import PCM_16K, AudioFormat, AudioFrame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PER_MS = PCM_16K.rate_hz // 1000
_SEAM = 10 * _PER_MS
"""Frames that lie closer than this follow each other: a converter holds a little back, a player jitters."""


class FarEnd:
    """Frames in the order in which they sound, each at a position in 16 kHz samples of the near end.

    A frame sounds when it is given, or after the one before if that still sounds. Frames stay unopened until
    somebody asks for their samples: `keep_ms` of what has sounded, `limit_ms` with what is still to come. Beyond that
    the oldest go, counted in `dropped`. While the loudspeaker is turned down, so is what is read of it.
    """

    __slots__ = (
        "_base",
        "_converter",
        "_end",
        "_fades",
        "_format",
        "_frames",
        "_keep",
        "_kept",
        "_limit",
        "_opened",
        "dropped",
    )

    def __init__(self, keep_ms: int = 1_500, limit_ms: int = 30_000) -> None:
        self._frames: deque[tuple[int, int, AudioFrame]] = deque()
        self._keep = keep_ms * _PER_MS
        self._limit = limit_ms * _PER_MS
        self._kept = 0
        self._end = 0
        self._base = 0  # where the opened sound begins
        self._opened = bytearray()
        self._format: AudioFormat | None = None
        self._converter: Converter | None = None
        self._fades = Fades(PCM_16K)
        self.dropped = 0

    @property
    def end(self) -> int:
        """Where the sound that was given ends."""
        return self._end

    def play(self, frame: AudioFrame, now: int) -> None:
        """The next frame; `now` is how far the near end has come."""
        length = round(frame.duration_ms * _PER_MS)
        begin = max(self._end, now)
        self._frames.append((begin, length, frame))
        self._end = begin + length
        self._kept += length
        self._forget_before(now - self._keep)
        while self._kept > self._limit:
            self._kept -= self._frames.popleft()[1]
            self.dropped += 1

    def stop(self, now: int) -> None:
        """What would have sounded from `now` on never does."""
        while self._frames and self._frames[-1][0] >= now:
            self._kept -= self._frames.pop()[1]
        self._end = min(self._end, now)
        del self._opened[max(0, now - self._base) * 2 :]
        self._fades.reset(now)

    def duck(self, gain_db: float, now: int) -> None:
        """What sounds from `now` on is turned down. Raises Misuse above 0 dB."""
        self._fades.forget_before(now - self._keep)
        self._fades.duck(gain_db, now)

    def restore(self, now: int) -> None:
        """Back to full level."""
        self._fades.forget_before(now - self._keep)
        self._fades.restore(now)

    def samples(self, begin: int, until: int) -> NDArray[np.int16]:
        """The sound from `begin` to `until`, zero where nothing sounded. Asked for in any order, near the present."""
        import numpy as np

        if not self._base <= begin <= self._reached:
            self._base = begin
            self._opened.clear()
            if self._converter is not None:
                self._converter.reset()
        while self._reached < until and self._open_next(until):
            pass
        start = (begin - self._base) * 2
        piece = bytes(self._opened[start : start + (until - begin) * 2])
        self._forget_opened()
        return np.frombuffer(self._fades.applied(piece, begin) + bytes((until - begin) * 2 - len(piece)), dtype="<i2")

    @property
    def _reached(self) -> int:
        return self._base + len(self._opened) // 2

    def _open_next(self, until: int) -> bool:
        """Open the first frame that ends after what is open, and its neighbours; false when there is none."""
        reached = self._reached
        self._forget_before(reached)
        if not self._frames:
            return False
        begin, length, frame = self._frames.popleft()
        self._kept -= length
        pcm = self._converted(frame, begin + length, until)
        seam = _SEAM if self._opened else 0
        if begin > reached + seam:
            self._opened += bytes(2 * (begin - reached))
        elif begin < reached - seam:
            pcm = pcm[2 * (reached - begin) :]
        self._opened += pcm
        return True

    def _converted(self, frame: AudioFrame, end: int, until: int) -> bytes:
        """A frame in 16 kHz, with those that follow it at once up to `until`: one conversion is cheaper than many."""
        data = [frame.data]
        while self._frames and end < until and self._frames[0][0] <= end + _SEAM:
            if self._frames[0][2].format != frame.format:
                break
            begin, length, following = self._frames.popleft()
            self._kept -= length
            data.append(following.data)
            end = begin + length
        if frame.format != self._format or self._converter is None:
            self._format = frame.format
            self._converter = Converter(frame.format, PCM_16K)
        return self._converter.convert(b"".join(data))

    def _forget_before(self, position: int) -> None:
        while self._frames and self._frames[0][0] + self._frames[0][1] <= position:
            self._kept -= self._frames.popleft()[1]

    def _forget_opened(self) -> None:
        """Let go of the oldest opened sound, now and then, not for every piece."""
        surplus = len(self._opened) // 2 - self._keep
        if surplus > self._keep // 2:
            del self._opened[: 2 * surplus]
            self._base += surplus
