"""Opus with what PyAV shows of it: for systems on which libopus cannot be opened by itself.

Sound is the same. What is lost: losses are concealed by a fade instead of by the codec, and the in-band FEC of what
comes is not used.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from voice.audio.convert import Converter
from voice.audio.frames import PCM_24K, AudioFormat
from voice.audio.gain import Fader
from voice.audio.opus_packet import CLOCK_HZ

_EXPECTED_LOSS_PERCENT = "5"
_RATIO = CLOCK_HZ // PCM_24K.rate_hz


class PyAvEncoder:
    """24 kHz mono PCM16 to Opus packets of 20 ms."""

    def __init__(self, *, bitrate: int, complexity: int, fec: bool) -> None:
        from av import CodecContext

        codec: Any = CodecContext.create("libopus", "w")
        codec.format, codec.layout, codec.sample_rate = "s16", "mono", PCM_24K.rate_hz
        codec.bit_rate, codec.time_base = bitrate, Fraction(1, PCM_24K.rate_hz)
        options = {"application": "voip", "frame_duration": "20", "compression_level": str(complexity)}
        codec.options = {**options, "fec": "1", "packet_loss": _EXPECTED_LOSS_PERCENT} if fec else options
        self._codec = codec
        self._samples = 0

    def encode(self, pcm: bytes) -> bytes:
        from av import AudioFrame

        samples = len(pcm) // 2
        frame: Any = AudioFrame(format="s16", layout="mono", samples=samples)
        frame.planes[0].update(pcm)
        frame.sample_rate, frame.pts, frame.time_base = PCM_24K.rate_hz, self._samples, self._codec.time_base
        self._samples += samples
        packets = self._codec.encode(frame)
        return bytes(packets[0]) if packets else b""

    def expect_loss(self, percent: int) -> None:
        """Not to be changed on the way."""

    def close(self) -> None:
        """Its memory goes with it."""


class PyAvDecoder:
    """Opus packets to 24 kHz mono PCM16."""

    def __init__(self) -> None:
        from av import CodecContext

        codec: Any = CodecContext.create("libopus", "r")
        codec.format, codec.layout, codec.sample_rate = "s16", "mono", CLOCK_HZ
        self._codec = codec
        self._converter = Converter(AudioFormat("pcm16", CLOCK_HZ), PCM_24K)
        self._last = b""

    def decode(self, packet: bytes) -> bytes:
        from av import FFmpegError, Packet

        if not packet:
            return b""
        try:
            frames = self._codec.decode(Packet(packet))
        except FFmpegError:
            return b""
        pcm = b"".join(bytes(frame.planes[0])[: 2 * frame.samples] for frame in frames)
        self._last = self._converter.convert(pcm)
        return self._last

    def conceal(self, samples: int, following: bytes | None = None) -> bytes:
        """The last sound once more, fading away; then silence."""
        wanted = 2 * (samples // _RATIO)
        fader = Fader(PCM_24K)
        fader.fade_to(float("-inf"), max(1.0, PCM_24K.duration_ms(len(self._last))))
        echo, self._last = fader.apply(self._last)[:wanted], b""
        return echo + bytes(wanted - len(echo))

    def close(self) -> None:
        """Its memory goes with it."""
