"""What a sound card is yet to be given."""

from __future__ import annotations

import threading
from collections import deque

from voice.audio.frames import PCM_24K, AudioFormat
from voice.audio.gain import Fader


class PlayoutQueue:
    """Sound that waits for the loudspeaker, filled by the loop and emptied by PortAudio's thread.

    Bounded: sound beyond `max_bytes` is kept out and counted in `refused_frames`. Its level is changed as it is taken.
    """

    def __init__(self, max_bytes: int, format: AudioFormat = PCM_24K) -> None:
        self.refused_frames = 0
        self._fader = Fader(format)
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._pieces: deque[bytes] = deque()
        self._bytes = 0
        self._taken_bytes = 0
        self._epoch = 0

    def put(self, data: bytes) -> None:
        with self._lock:
            if self._bytes + len(data) > self._max_bytes:
                self.refused_frames += 1
            elif data:
                self._pieces.append(data)
                self._bytes += len(data)

    def take(self, size: int) -> tuple[bytes, int, int]:
        """Up to `size` bytes, their epoch, and how many bytes of that epoch were taken by then."""
        with self._lock:
            out = bytearray()
            while self._pieces and len(out) < size:
                piece = self._pieces.popleft()
                room = size - len(out)
                if len(piece) > room:
                    self._pieces.appendleft(piece[room:])
                out += piece[:room]
            self._bytes -= len(out)
            self._taken_bytes += len(out)
            sound = self._fader.apply(bytes(out))
            self._fader.skip((size - len(out)) // self._fader.format.sample_bytes)
            return sound, self._epoch, self._taken_bytes

    def fade_to(self, gain_db: float, ms: float) -> None:
        """What is taken next is on its way to this level."""
        with self._lock:
            self._fader.fade_to(gain_db, ms)

    def clear(self, epoch: int) -> None:
        """Drop what was not taken; what is put next belongs to `epoch`, at full level."""
        with self._lock:
            self._fader.jump_to(1.0)
            self._pieces.clear()
            self._bytes = self._taken_bytes = 0
            self._epoch = epoch
