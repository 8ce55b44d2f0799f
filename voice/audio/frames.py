"""A piece of sound and its format.

A frame is immutable and knows two spellings of itself: raw bytes and the base64 text that sockets carry.
It converts from one to the other only when somebody asks, so audio that both ends spell alike is never opened.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from typing import Literal

from voice.errors import ProtocolError

Encoding = Literal["pcm16", "pcmu", "pcma"]


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """How mono samples are written: `pcm16` is signed 16-bit little-endian; `pcmu`/`pcma` are G.711."""

    encoding: Encoding
    rate_hz: int

    @property
    def sample_bytes(self) -> int:
        return 2 if self.encoding == "pcm16" else 1

    @property
    def bytes_per_second(self) -> int:
        return self.rate_hz * self.sample_bytes

    def duration_ms(self, size_bytes: int) -> float:
        return size_bytes * 1000 / self.bytes_per_second

    def size_bytes(self, duration_ms: float) -> int:
        """Bytes of that many ms, in whole samples."""
        return int(duration_ms * self.rate_hz / 1000) * self.sample_bytes

    def silence(self, duration_ms: float) -> bytes:
        quiet = {"pcm16": b"\0", "pcmu": b"\xff", "pcma": b"\xd5"}[self.encoding]
        return quiet * self.size_bytes(duration_ms)


PCM_24K = AudioFormat("pcm16", 24_000)
PCM_16K = AudioFormat("pcm16", 16_000)
PCMU_8K = AudioFormat("pcmu", 8_000)
PCMA_8K = AudioFormat("pcma", 8_000)


class AudioFrame:
    """Some samples in one format, held as raw bytes, as base64 text, or as both once both were asked for."""

    __slots__ = ("_base64", "_data", "_duration_ms", "format")

    def __init__(self, format: AudioFormat, data: bytes | None = None, *, base64: bytes | None = None) -> None:
        if data is None and base64 is None:
            raise ValueError("a frame needs data or base64")
        self.format = format
        self._data = data
        self._base64 = base64
        self._duration_ms = -1.0

    @property
    def duration_ms(self) -> float:
        """How long it sounds. Counted when first asked."""
        if self._duration_ms < 0:
            self._duration_ms = self._count_ms()
        return self._duration_ms

    def _count_ms(self) -> float:
        if self._data is not None:
            size = len(self._data)
        else:
            assert self._base64 is not None
            size = len(self._base64) // 4 * 3
            if self._base64.endswith(b"="):
                size -= 2 if self._base64.endswith(b"==") else 1
        return size * 1000 / self.format.bytes_per_second

    @property
    def data(self) -> bytes:
        """Raw samples. Raises ProtocolError when the base64 text it was made from is not base64."""
        if self._data is None:
            assert self._base64 is not None
            try:
                self._data = binascii.a2b_base64(self._base64, strict_mode=True)
            except binascii.Error as error:
                raise ProtocolError("The audio is not valid base64.", param="audio") from error
        return self._data

    @property
    def base64(self) -> bytes:
        """The samples as base64 text, in ASCII bytes and without a line break."""
        if self._base64 is None:
            assert self._data is not None
            self._base64 = binascii.b2a_base64(self._data, newline=False)
        return self._base64

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AudioFrame) and self.format == other.format and self.data == other.data

    def __hash__(self) -> int:
        return hash((self.format, self.data))

    def __repr__(self) -> str:
        return f"AudioFrame({self.format.encoding}/{self.format.rate_hz}, {self.duration_ms:g} ms)"
