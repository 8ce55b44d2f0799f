"""From one audio format to another, as a stream: code words opened, rate changed, code words closed.

What both ends spell alike passes through untouched, and numpy is only loaded by a conversion that needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voice.audio import g711
from voice.audio.frames import AudioFormat

if TYPE_CHECKING:
    from voice.audio.resample import Resampler


class Converter:
    """One stream of sound from format `source` to format `target`, in pieces of any size.

    Half a PCM16 sample at the end of a piece is kept for the next one. Not shared by two streams.
    """

    __slots__ = ("_half", "_resampler", "source", "target")

    def __init__(self, source: AudioFormat, target: AudioFormat) -> None:
        self.source = source
        self.target = target
        self._half = b""
        self._resampler: Resampler | None = None
        if source.rate_hz != target.rate_hz:
            from voice.audio.resample import Resampler

            self._resampler = Resampler(source.rate_hz, target.rate_hz)

    @property
    def identity(self) -> bool:
        """Nothing to do: `convert` answers with the very object it was given."""
        return self.source == self.target

    @property
    def held_back_ms(self) -> float:
        """How much later sound comes out than it went in."""
        return 0.0 if self._resampler is None else self._resampler.held_back_ms

    def convert(self, data: bytes) -> bytes:
        """The next piece, in the target format; may be empty while the filter fills."""
        if self.identity:
            return data
        pcm = self._opened(data)
        if self._resampler is not None:
            pcm = self._resampler.feed(pcm)
        return self._closed(pcm)

    def flush(self) -> bytes:
        """The end of the stream: what was held back. The converter is then as new."""
        self._half = b""
        return b"" if self._resampler is None else self._closed(self._resampler.flush())

    def reset(self) -> None:
        """Forget the stream: what was held back is dropped."""
        self._half = b""
        if self._resampler is not None:
            self._resampler.reset()

    def _opened(self, data: bytes) -> bytes:
        if self.source.encoding != "pcm16":
            return g711.decode(data, self.source.encoding)
        if self._half or len(data) % 2:
            data = self._half + data
            whole = len(data) & ~1
            data, self._half = data[:whole], data[whole:]
        return data

    def _closed(self, pcm: bytes) -> bytes:
        return pcm if self.target.encoding == "pcm16" else g711.encode(pcm, self.target.encoding)


def convert_whole(data: bytes, source: AudioFormat, target: AudioFormat) -> bytes:
    """A whole recording at once, as long afterwards as before."""
    converter = Converter(source, target)
    return converter.convert(data) + converter.flush()
