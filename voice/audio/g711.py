"""G.711: 8-bit logarithmic samples, µ-law and A-law, to and from signed 16-bit PCM.

The code words are those of ITU-T G.711 (1988), tables 1a/1b and 2a/2b, in the usual 16-bit scale: µ-law has 14
significant bits and A-law 13, so the lowest bits of PCM are dropped on the way in. Everything is a table:
decoding needs no numpy at all, encoding takes one look-up in a table of 65536 bytes that is built once.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Law = Literal["pcmu", "pcma"]

_ULAW_BIAS = 33
_ULAW_CLIP = 8158


def decode(data: bytes, law: Law) -> bytes:
    """PCM16 little-endian of G.711 code words: two bytes for each."""
    low, high = _halves(law)
    pcm = bytearray(2 * len(data))
    pcm[0::2] = data.translate(low)
    pcm[1::2] = data.translate(high)
    return bytes(pcm)


def encode(pcm: bytes, law: Law) -> bytes:
    """G.711 code words of PCM16 little-endian samples: one byte for each. A half sample at the end is refused."""
    import numpy as np

    samples = np.frombuffer(pcm, dtype="<u2")
    return _encoder(law).take(samples).tobytes()


def expand(code: int, law: Law) -> int:
    """The 16-bit value that one code word stands for."""
    return _expand_ulaw(code) if law == "pcmu" else _expand_alaw(code)


def _expand_ulaw(code: int) -> int:
    bits = ~code & 0xFF
    magnitude = ((((bits & 0x0F) << 1) + _ULAW_BIAS) << ((bits & 0x70) >> 4)) - _ULAW_BIAS
    return (-magnitude if bits & 0x80 else magnitude) << 2


def _expand_alaw(code: int) -> int:
    bits = code ^ 0x55
    segment = (bits & 0x70) >> 4
    magnitude = ((bits & 0x0F) << 1) + 1
    if segment:
        magnitude = (magnitude + 32) << (segment - 1)
    return (magnitude if bits & 0x80 else -magnitude) << 3


@cache
def _halves(law: Law) -> tuple[bytes, bytes]:
    """Low and high bytes of the 256 values, for `bytes.translate`."""
    values = [expand(code, law) & 0xFFFF for code in range(256)]
    return bytes(value & 0xFF for value in values), bytes(value >> 8 for value in values)


@cache
def _encoder(law: Law) -> NDArray[np.uint8]:
    """Code word for every 16-bit pattern, indexed by the pattern read as unsigned."""
    import numpy as np

    values = np.arange(65536, dtype=np.int32)
    values = np.where(values < 32768, values, values - 65536)
    return _compress_ulaw(values) if law == "pcmu" else _compress_alaw(values)


def _compress_ulaw(values: NDArray[Any]) -> NDArray[np.uint8]:
    import numpy as np

    coarse = values >> 2  # 14 bits
    biased = np.minimum(np.abs(coarse), _ULAW_CLIP) + _ULAW_BIAS
    segment = np.floor(np.log2(biased)).astype(np.int32) - 5
    bits = (segment << 4) | ((biased >> (segment + 1)) & 0x0F)
    codes: NDArray[np.uint8] = np.where(coarse < 0, bits ^ 0x7F, bits ^ 0xFF).astype(np.uint8)
    return codes


def _compress_alaw(values: NDArray[Any]) -> NDArray[np.uint8]:
    import numpy as np

    coarse = values >> 3  # 13 bits
    magnitude = np.where(coarse < 0, -coarse - 1, coarse)
    segment = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 4, 0)
    bits = (segment << 4) | ((magnitude >> np.maximum(segment, 1)) & 0x0F)
    codes: NDArray[np.uint8] = np.where(coarse < 0, bits ^ 0x55, bits ^ 0xD5).astype(np.uint8)
    return codes
