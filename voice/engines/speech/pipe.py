"""What a worker process and its owner say to each other over a pipe: a kind, a number, a body.

    kind (1 byte) · utterance number (4 bytes, little-endian) · length (4 bytes) · body

Bodies are sound (PCM16) or JSON text. Nothing here does I/O.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

HEADER = struct.Struct("<cII")
BIGGEST_BYTES = 4_000_000

START = b"S"
"""Owner: a new utterance; the body is JSON, what the worker needs to know about it."""
EXPECT = b"G"
"""Owner: get ready for utterances with these phrases; the body is that of START. Between utterances."""
SOUND = b"A"
"""Either way: samples."""
FINISH = b"F"
"""Owner: no more sound, the result please."""
ABANDON = b"X"
"""Owner: forget the utterance; nothing more is said about it."""
READY = b"R"
"""Worker: loaded."""
PARTIAL = b"P"
"""Worker: the words so far."""
RESULT = b"T"
"""Worker: all done; the body is JSON."""
TROUBLE = b"E"
"""Worker: this utterance (or, under number 0, the loading) failed; the body says why."""

Message = tuple[bytes, int, bytes]


class GarbledError(ValueError):
    """The other end does not speak this."""


def pack(kind: bytes, number: int, body: bytes = b"") -> bytes:
    """One message as bytes."""
    return HEADER.pack(kind, number, len(body)) + body


class Unpacker:
    """Messages out of bytes that come in any pieces."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are complete now. Raises GarbledError when a length is beyond reason."""
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            kind, number, length = HEADER.unpack_from(self._buffer)
            if length > BIGGEST_BYTES:
                raise GarbledError("message too long")
            end = HEADER.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[HEADER.size : end])
            del self._buffer[:end]
            yield kind, number, body
