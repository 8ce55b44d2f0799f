"""Frame headers of RFC 6455 section 5.2: what a message needs before it can leave."""

from __future__ import annotations

import os

try:
    from websockets.speedups import apply_mask
except ImportError:  # a platform for which the library has no compiled part
    from websockets.utils import apply_mask

TEXT = 0x81
BINARY = 0x82
"""First byte of an unfragmented data frame: FIN and the opcode."""

MASKED = 0x80
_KEYS_BYTES = 4096


def header(first: int, size: int, masked: int = 0) -> bytes:
    """The header of a frame of `size` payload bytes, without the masking key."""
    if size < 126:
        return bytes((first, masked | size))
    if size < 65536:
        return bytes((first, masked | 126, size >> 8, size & 0xFF))
    return bytes((first, masked | 127)) + size.to_bytes(8, "big")


class Masks:
    """Masking keys of a client: unpredictable (section 10.3), drawn from the system a page at a time."""

    __slots__ = ("_keys", "_next")

    def __init__(self) -> None:
        self._keys = b""
        self._next = 0

    def key(self) -> bytes:
        start = self._next
        if start == len(self._keys):
            self._keys, start = os.urandom(_KEYS_BYTES), 0
        self._next = start + 4
        return self._keys[start : start + 4]


__all__ = ["BINARY", "MASKED", "TEXT", "Masks", "apply_mask", "header"]
