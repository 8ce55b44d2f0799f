"""Whether a carrier's socket comes from the carrier: it signs the request with a token that only it and we know."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from urllib.parse import urlsplit

from voice.errors import RequestRefused

SIGNATURE = "x-twilio-signature"


class TwilioSignature:
    """Checks the handshake of Twilio Media Streams. `public_origin` is how Twilio reaches us: it signs that address,
    as `wss://`, with the path and without parameters."""

    def __init__(self, token: str, public_origin: str) -> None:
        self._token = token.encode()
        parts = urlsplit(public_origin)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
        self._bases = (f"wss://{host}", f"wss://{host}:{parts.port or 443}")  # Twilio signs one or the other

    def check(self, path: str, signature: str) -> None:
        """Raises RequestRefused (403)."""
        given = signature.encode("utf-8", "surrogatepass")
        fits = [hmac.compare_digest(self._signed(base + path), given) for base in self._bases]
        if not any(fits):
            raise RequestRefused(403, "invalid_signature", "This request does not come from the carrier.")

    def _signed(self, url: str) -> bytes:
        return b64encode(hmac.new(self._token, url.encode(), hashlib.sha1).digest())
