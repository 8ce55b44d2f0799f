"""Opus with the settings that speech on a lossy line wants: libopus itself, through ctypes.

PyAV brings libopus along but shows little of it: no concealment, no in-band FEC when decoding, no decoding to anything
but 48 kHz, no change of settings on the way. So the same shared library is opened a second time here, and 24 kHz goes
in and out without a resampler. Where no libopus can be opened, `opus_by_pyav` does what PyAV can.

Constants are those of `opus_defines.h`.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from voice.audio.frames import PCM_24K
from voice.audio.opus_packet import CLOCK_HZ
from voice.errors import TransportError

_VOIP = 2048
_SET_BITRATE, _SET_COMPLEXITY, _SET_INBAND_FEC = 4002, 4010, 4012
_SET_PACKET_LOSS_PERC, _SET_SIGNAL = 4014, 4024
_SIGNAL_VOICE = 3001
_MOST_BYTES = 1_275
_LONGEST_SAMPLES = PCM_24K.rate_hz * 120 // 1000
_RATIO = CLOCK_HZ // PCM_24K.rate_hz


def bundled() -> list[Path]:
    """Where the PyAV wheel for this system keeps its libopus."""
    spec = find_spec("av")
    if spec is None or spec.origin is None:
        return []
    package = Path(spec.origin).parent
    places = (package.parent / "av.libs", package / ".dylibs")
    return sorted(path for place in places if place.is_dir() for path in place.glob("*opus*") if path.is_file())


@cache
def library() -> Any:
    """libopus, or None when there is none to open."""
    for name in (*map(str, bundled()), ctypes.util.find_library("opus")):
        if name:
            try:
                return _declared(ctypes.CDLL(name))
            except (OSError, AttributeError):
                continue
    return None


def _declared(opus: Any) -> Any:
    """With the types of what is used, without which pointers would be cut to 32 bits."""
    pointer, number = ctypes.c_void_p, ctypes.c_int
    opus.opus_encoder_create.restype = pointer
    opus.opus_encoder_create.argtypes = [ctypes.c_int32, number, number, ctypes.POINTER(number)]
    opus.opus_encoder_ctl.argtypes = [pointer, number]  # the value follows as a variadic argument
    opus.opus_encode.argtypes = [pointer, ctypes.c_char_p, number, ctypes.c_char_p, ctypes.c_int32]
    opus.opus_encoder_destroy.argtypes = [pointer]
    opus.opus_encoder_destroy.restype = None
    opus.opus_decoder_create.restype = pointer
    opus.opus_decoder_create.argtypes = [ctypes.c_int32, number, ctypes.POINTER(number)]
    opus.opus_decode.argtypes = [pointer, ctypes.c_char_p, ctypes.c_int32, ctypes.c_char_p, number, number]
    opus.opus_decoder_destroy.argtypes = [pointer]
    opus.opus_decoder_destroy.restype = None
    opus.opus_strerror.restype = ctypes.c_char_p
    return opus


class OpusEncoder:
    """24 kHz mono PCM16 to Opus packets. Not shared by two streams."""

    def __init__(self, *, bitrate: int, complexity: int, fec: bool) -> None:
        self._opus = library()
        self._fec = fec
        self._loss_percent = 0
        error = ctypes.c_int()
        self._encoder = self._opus.opus_encoder_create(PCM_24K.rate_hz, 1, _VOIP, ctypes.byref(error))
        _check(error.value)
        self._out = ctypes.create_string_buffer(_MOST_BYTES)
        for request, value in (
            (_SET_BITRATE, bitrate),
            (_SET_COMPLEXITY, complexity),
            (_SET_SIGNAL, _SIGNAL_VOICE),
        ):
            self._set(request, value)

    def encode(self, pcm: bytes) -> bytes:
        """One packet of 10, 20, 40 or 60 ms of sound."""
        size = self._opus.opus_encode(self._encoder, pcm, len(pcm) // 2, self._out, _MOST_BYTES)
        _check(size)
        return ctypes.string_at(self._out, size)

    def expect_loss(self, percent: int) -> None:
        """So much is lost on the way: spend bits on in-band FEC accordingly, none when nothing is."""
        if self._fec and percent != self._loss_percent:
            self._loss_percent = percent
            self._set(_SET_INBAND_FEC, int(percent > 0))
            self._set(_SET_PACKET_LOSS_PERC, percent)

    def close(self) -> None:
        encoder, self._encoder = self._encoder, None
        if encoder is not None:
            self._opus.opus_encoder_destroy(encoder)

    def _set(self, request: int, value: int) -> None:
        _check(self._opus.opus_encoder_ctl(self._encoder, request, ctypes.c_int32(value)))

    def __del__(self) -> None:
        if getattr(self, "_encoder", None) is not None:
            self.close()


class OpusDecoder:
    """Opus packets to 24 kHz mono PCM16; what is missing is concealed. Not shared by two streams."""

    def __init__(self) -> None:
        self._opus = library()
        error = ctypes.c_int()
        self._decoder = self._opus.opus_decoder_create(PCM_24K.rate_hz, 1, ctypes.byref(error))
        _check(error.value)
        self._out = ctypes.create_string_buffer(2 * _LONGEST_SAMPLES)

    def decode(self, packet: bytes) -> bytes:
        """The sound of a packet; nothing for what is no packet of Opus."""
        return self._run(packet, _LONGEST_SAMPLES, fec=False)

    def conceal(self, samples: int, following: bytes | None = None) -> bytes:
        """Instead of so many samples (of 48 kHz) that were lost: what `following` says of them, else a continuation
        of what was heard that fades away."""
        wanted = min(samples // _RATIO, _LONGEST_SAMPLES)
        whole = wanted - wanted % (PCM_24K.rate_hz // 400)  # libopus counts in 2.5 ms
        pcm = self._run(following, whole, fec=following is not None) if whole else b""
        return pcm + bytes(2 * wanted - len(pcm))

    def close(self) -> None:
        decoder, self._decoder = self._decoder, None
        if decoder is not None:
            self._opus.opus_decoder_destroy(decoder)

    def _run(self, packet: bytes | None, most_samples: int, *, fec: bool) -> bytes:
        size = 0 if packet is None else len(packet)
        count = self._opus.opus_decode(self._decoder, packet, size, self._out, most_samples, int(fec))
        return ctypes.string_at(self._out, 2 * count) if count > 0 else b""

    def __del__(self) -> None:
        if getattr(self, "_decoder", None) is not None:
            self.close()


def _check(status: int) -> None:
    if status < 0:
        reason = library().opus_strerror(status)
        raise TransportError("Opus refused to work.", detail=reason.decode() if reason else str(status))
