"""WAV files as bytes: read any usual kind into mono PCM16, write mono PCM16.

The container is RIFF (Microsoft Multimedia Programming Interface 1.0, 1991) with the WAVE_FORMAT_EXTENSIBLE
addition. Integer samples of 8, 16, 24 and 32 bits, floats of 32 and 64 bits and G.711 are read; channels are averaged.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voice.audio import g711
from voice.errors import AudioFileError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PCM, _FLOAT, _ALAW, _ULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_SIZE_UNKNOWN = (0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000)  # written by programs that cannot seek back
_FIX = "Use a WAV file with PCM, float or G.711 samples."


@dataclass(frozen=True, slots=True)
class WavSound:
    """A recording as mono PCM16 at its own rate, and how the file had it."""

    rate_hz: int
    pcm: bytes
    channels: int = 1
    sample_bits: int = 16

    @property
    def samples(self) -> int:
        return len(self.pcm) // 2

    @property
    def duration_ms(self) -> float:
        return self.samples * 1000 / self.rate_hz


@dataclass(frozen=True, slots=True)
class _Layout:
    kind: int
    channels: int
    rate_hz: int
    bits: int

    @property
    def frame_bytes(self) -> int:
        return self.channels * (self.bits // 8)


def read_wav(data: bytes) -> WavSound:
    """The sound in a WAV file's bytes. Raises AudioFileError when there is none that can be read."""
    if not data:
        raise AudioFileError("The sound file is empty.", fix=_FIX)
    if len(data) < 12 or data[:4] not in (b"RIFF", b"RF64") or data[8:12] != b"WAVE":
        raise AudioFileError("This is not a WAV file.", fix=_FIX)
    layout: _Layout | None = None
    for name, body, promised in _chunks(data):
        if name == b"fmt ":
            layout = _layout(body)
        elif name == b"data":
            if layout is None:
                raise AudioFileError("The WAV file has sound before it says how it is written.", fix=_FIX)
            if len(body) < promised:
                raise AudioFileError(
                    "The WAV file is cut short.",
                    fix="Copy or record it again.",
                    detail=f"{len(body)} of {promised} bytes",
                )
            return _sound(layout, body)
    raise AudioFileError("The WAV file holds no sound.", fix=_FIX)


def write_wav(pcm: bytes, rate_hz: int) -> bytes:
    """A WAV file's bytes of mono PCM16."""
    return wav_header(len(pcm), rate_hz) + pcm


def wav_header(pcm_bytes: int, rate_hz: int) -> bytes:
    """The 44 bytes that go before mono PCM16 samples."""
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", 36 + pcm_bytes, b"WAVE", b"fmt ", 16, _PCM, 1, rate_hz, rate_hz * 2, 2, 16, b"data", pcm_bytes,
    )  # fmt: skip


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, int]]:
    """Name, bytes present and bytes promised of each chunk."""
    view = memoryview(data)
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        at += 8
        if name == b"data" and size in _SIZE_UNKNOWN:
            size = len(data) - at
        yield name, view[at : at + size], size
        at += size + size % 2


def _layout(body: memoryview) -> _Layout:
    if len(body) < 16:
        raise AudioFileError("The WAV file's description of its sound is cut short.", fix=_FIX)
    kind, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if kind == _EXTENSIBLE and len(body) >= 26:
        (kind,) = struct.unpack_from("<H", body, 24)  # the sub-format's first two bytes are the plain kind
    layout = _Layout(kind, channels, rate_hz, bits)
    readable = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64), _ALAW: (8,), _ULAW: (8,)}.get(kind, ())
    if bits not in readable:
        raise AudioFileError(
            "The WAV file's samples are of a kind that cannot be read.", fix=_FIX, detail=f"{kind}/{bits}"
        )
    if not 1 <= channels <= 64 or not 1_000 <= rate_hz <= 768_000:
        raise AudioFileError("The WAV file's description of its sound makes no sense.", fix=_FIX, detail=str(layout))
    return layout


def _sound(layout: _Layout, body: memoryview) -> WavSound:
    frames = bytes(body[: len(body) // layout.frame_bytes * layout.frame_bytes])
    if not frames:
        raise AudioFileError("The WAV file holds no sound: its length is zero.", fix=_FIX)
    if layout.kind in (_ALAW, _ULAW):
        frames = g711.decode(frames, "pcma" if layout.kind == _ALAW else "pcmu")
        bits = 16
    else:
        bits = layout.bits
    plain = layout.kind != _FLOAT and bits == 16 and layout.channels == 1
    pcm = frames if plain else _mixed(frames, bits, layout)
    return WavSound(layout.rate_hz, pcm, layout.channels, layout.bits)


def _mixed(frames: bytes, bits: int, layout: _Layout) -> bytes:
    """Channels averaged, rounded to 16 bits."""
    import numpy as np

    values = _float_values(frames, bits) if layout.kind == _FLOAT else _integer_values(frames, bits)
    mono = values.reshape(-1, layout.channels).mean(axis=1)
    return bytes(np.clip(np.rint(mono), -32768, 32767).astype("<i2").data)


def _integer_values(frames: bytes, bits: int) -> NDArray[Any]:
    """On the scale of 16 bits."""
    import numpy as np

    if bits == 8:
        return (np.frombuffer(frames, dtype=np.uint8).astype(np.float64) - 128) * 256
    if bits == 24:
        packed = np.frombuffer(frames, dtype=np.uint8).reshape(-1, 3)
        wide = np.zeros((len(packed), 4), dtype=np.uint8)
        wide[:, 1:] = packed
        return wide.view("<i4").reshape(-1) / 65536
    return np.frombuffer(frames, dtype="<i2" if bits == 16 else "<i4") / (1 if bits == 16 else 65536)


def _float_values(frames: bytes, bits: int) -> NDArray[Any]:
    import numpy as np

    values = np.frombuffer(frames, dtype="<f4" if bits == 32 else "<f8").astype(np.float64)
    return np.nan_to_num(values, nan=0.0, posinf=1.0, neginf=-1.0) * 32768
