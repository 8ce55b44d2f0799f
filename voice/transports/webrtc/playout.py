"""The assistant's sound until it is sent, and what the client is told of it (`output_audio_buffer.*`)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from voice.audio.frames import PCM_24K
from voice.audio.gain import Fader
from voice.protocol.server_events import (
    OutputAudioBufferCleared,
    OutputAudioBufferStarted,
    OutputAudioBufferStopped,
    ServerEvent,
)

_REMEMBERED = 16


class Playout:
    """Sound that waits for its turn, of one epoch. Bounded: what is beyond `max_ms` is kept out and counted."""

    def __init__(self, max_ms: float = 600_000) -> None:
        self.refused_frames = 0
        self.epoch = 0
        self._fader = Fader(PCM_24K)
        self._max_bytes = PCM_24K.size_bytes(max_ms)
        self._pieces: deque[tuple[str, bytes]] = deque()  # (response, sound)
        self._offset = 0  # bytes of the first piece that were taken
        self._bytes = 0
        self._taken_bytes = 0

    @property
    def waiting_bytes(self) -> int:
        return self._bytes

    @property
    def next_response(self) -> str:
        """Whose sound waits longest; "" when none waits."""
        return self._pieces[0][0] if self._pieces else ""

    @property
    def position_ms(self) -> float:
        """How much of the epoch's sound was taken."""
        return PCM_24K.duration_ms(self._taken_bytes)

    def put(self, response_id: str, data: bytes) -> None:
        if self._bytes + len(data) > self._max_bytes:
            self.refused_frames += 1
        elif data:
            self._pieces.append((response_id, data))
            self._bytes += len(data)

    def take(self, size: int) -> tuple[bytes, str]:
        """Up to `size` bytes at their level, and the response that the last of them belong to."""
        parts: list[bytes] = []
        response_id, wanted = "", size
        while wanted and self._pieces:
            response_id, piece = self._pieces[0]
            part = piece[self._offset : self._offset + wanted]
            parts.append(part)
            wanted -= len(part)
            self._offset += len(part)
            if self._offset >= len(piece):
                self._pieces.popleft()
                self._offset = 0
        sound = parts[0] if len(parts) == 1 else b"".join(parts)
        self._bytes -= len(sound)
        self._taken_bytes += len(sound)
        sound = self._fader.apply(sound)
        self._fader.skip(wanted // PCM_24K.sample_bytes)
        return sound, response_id

    def fade_to(self, gain_db: float, ms: float) -> None:
        """What is taken next is on its way to this level."""
        self._fader.fade_to(gain_db, ms)

    def clear(self, epoch: int) -> None:
        """Drop what was not taken; what is put next belongs to `epoch`, at full level."""
        self._fader.jump_to(1.0)
        self._pieces.clear()
        self._offset = self._bytes = self._taken_bytes = 0
        self.epoch = epoch


class BufferEvents:
    """Tells the client which response begins to sound, has sounded, or was cut off."""

    def __init__(self, emit: Callable[[ServerEvent], None]) -> None:
        self._emit = emit
        self._sounding = ""
        self._done: deque[str] = deque(maxlen=_REMEMBERED)

    def sent(self, response_id: str) -> None:
        """Sound of this response leaves."""
        if response_id != self._sounding:
            self._stop()
            self._sounding = response_id
            self._emit(OutputAudioBufferStarted(response_id=response_id))

    def ran_dry(self) -> None:
        """All that waited has left."""
        if self._sounding in self._done:
            self._stop()

    def response_done(self, response_id: str, *, dry: bool) -> None:
        """No more sound will come of this response."""
        self._done.append(response_id)
        if dry and response_id == self._sounding:
            self._stop()

    def is_done(self, response_id: str) -> bool:
        return response_id in self._done

    def cleared(self) -> None:
        """What was left of it was dropped."""
        sounding, self._sounding = self._sounding, ""
        if sounding:
            self._emit(OutputAudioBufferCleared(response_id=sounding))

    def _stop(self) -> None:
        sounding, self._sounding = self._sounding, ""
        if sounding:
            self._emit(OutputAudioBufferStopped(response_id=sounding))
