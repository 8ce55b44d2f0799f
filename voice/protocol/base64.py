"""Whether bytes are base64 text, without decoding them."""

from __future__ import annotations

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="


def is_base64(text: bytes) -> bool:
    """True when `text` is padded base64 of the standard alphabet without line breaks (RFC 4648, section 4)."""
    if len(text) % 4 or text.translate(None, _ALPHABET):
        return False
    padding = text.find(b"=")
    return padding < 0 or padding == len(text) - 1 or (padding == len(text) - 2 and text.endswith(b"=="))
