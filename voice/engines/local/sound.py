"""From the wire's audio to the recogniser's and from the speaker's to the wire's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from voice.audio import g711
from voice.audio.frames import PCM_16K, PCM_24K, PCMA_8K, PCMU_8K, AudioFormat
from voice.errors import ProtocolError

if TYPE_CHECKING:
    from voice.audio.resample import Resampler

WIRE_FORMATS = {"audio/pcm": PCM_24K, "audio/pcmu": PCMU_8K, "audio/pcma": PCMA_8K}
PIECE_MS = 100
FIRST_PIECE_MS = 40


class Decoder:
    """One stream of wire audio to PCM16 at 16 kHz. The format may change on the way."""

    def __init__(self) -> None:
        self._resampler: Resampler | None = None

    def feed(self, data: bytes, format: AudioFormat) -> bytes:
        """Raises ProtocolError when the bytes are not whole samples."""
        if len(data) % format.sample_bytes:
            raise ProtocolError(
                "The audio ends within a sample: 16-bit PCM has an even number of bytes.", param="audio"
            )
        pcm = data if format.encoding == "pcm16" else g711.decode(data, format.encoding)
        if format.rate_hz == PCM_16K.rate_hz:
            return pcm
        if self._resampler is None or self._resampler.from_hz != format.rate_hz:
            self._resampler = _resampler(format.rate_hz, PCM_16K.rate_hz)
        return self._resampler.feed(pcm)

    def flush(self) -> bytes:
        """The end of the stream: what the filter still held."""
        return b"" if self._resampler is None else self._resampler.flush()


class Encoder:
    """One stretch of the speaker's PCM16 to pieces of wire audio: a short first one, then one for each 100 ms."""

    def __init__(self, from_hz: int, format: AudioFormat, first_ms: int = FIRST_PIECE_MS) -> None:
        self._format = format
        self._resampler = None if from_hz == format.rate_hz else _resampler(from_hz, format.rate_hz)
        self._pending = bytearray()
        self._piece_bytes = format.size_bytes(first_ms)

    def feed(self, pcm: bytes) -> Iterator[bytes]:
        """More sound; the pieces that are full now."""
        self._pending += self._encode(pcm if self._resampler is None else self._resampler.feed(pcm))
        yield from self._full_pieces()

    def flush(self) -> Iterator[bytes]:
        """The rest, in pieces no longer than the others."""
        if self._resampler is not None:
            self._pending += self._encode(self._resampler.flush())
        yield from self._full_pieces()
        if self._pending:
            yield bytes(self._pending)
            self._pending.clear()

    def _full_pieces(self) -> Iterator[bytes]:
        while len(self._pending) >= self._piece_bytes:
            piece = bytes(self._pending[: self._piece_bytes])
            del self._pending[: self._piece_bytes]
            self._piece_bytes = self._format.size_bytes(PIECE_MS)
            yield piece

    def _encode(self, pcm: bytes) -> bytes:
        return pcm if self._format.encoding == "pcm16" else g711.encode(pcm, self._format.encoding)


def from_16k(pcm: bytes, format: AudioFormat) -> bytes:
    """A whole stretch of the recogniser's PCM16 in a wire format."""
    encoder = Encoder(PCM_16K.rate_hz, format)
    return b"".join([*encoder.feed(pcm), *encoder.flush()])


def _resampler(from_hz: int, to_hz: int) -> Resampler:
    from voice.audio.resample import Resampler  # numpy: only once sound flows

    return Resampler(from_hz, to_hz)
