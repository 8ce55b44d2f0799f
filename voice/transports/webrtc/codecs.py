"""Opus by libopus where it can be opened, by PyAV alone where not."""

from __future__ import annotations

from voice.transports.webrtc import opus
from voice.transports.webrtc.incoming import Decoder
from voice.transports.webrtc.outgoing import Encoder


def new_encoder(*, bitrate: int, complexity: int, fec: bool) -> Encoder:
    if opus.library() is not None:
        return opus.OpusEncoder(bitrate=bitrate, complexity=complexity, fec=fec)
    from voice.transports.webrtc.opus_by_pyav import PyAvEncoder

    return PyAvEncoder(bitrate=bitrate, complexity=complexity, fec=fec)


def new_decoder() -> Decoder:
    if opus.library() is not None:
        return opus.OpusDecoder()
    from voice.transports.webrtc.opus_by_pyav import PyAvDecoder

    return PyAvDecoder()
