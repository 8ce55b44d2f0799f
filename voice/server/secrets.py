"""Client secrets: short-lived `ek_…` tokens that a backend makes and a browser shows.

A secret opens conversations with the settings that its maker bound to it; they stay here, in memory, and never travel
inside the token. The token is a random number, its expiry, and a signature over both, so that a forged one is refused
without a look at the table, and an expired one can be told so after the table has forgotten it. The signing key is
made at every start: a restart ends all secrets, running conversations outlive theirs.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest, digest

from voice.errors import RequestRefused
from voice.protocol.settings import Session, TranscriptionSession

PREFIX = "ek_"
LEAST_S, MOST_S, USUAL_S = 10, 7_200, 600
_ID_BYTES, _EXPIRY_BYTES, _SIGNATURE_BYTES = 16, 5, 20
_TOKEN_BYTES = _ID_BYTES + _EXPIRY_BYTES + _SIGNATURE_BYTES


@dataclass(slots=True)
class ClientSecret:
    """What was bound to one token. `owner` is the key that made it; `uses_left` None: as many as it likes."""

    owner: str
    assistant: str
    session: Session | TranscriptionSession
    expires_at: int
    uses_left: int | None = None
    value: str = field(default="", repr=False)


class ClientSecrets:
    """Makes and opens them. `clock` gives seconds since 1970; at most `most` are valid at one time."""

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self._most = most
        self._clock = clock
        self._signing_key = secrets.token_bytes(32)
        self._table: OrderedDict[bytes, ClientSecret] = OrderedDict()

    def __len__(self) -> int:
        return len(self._table)

    def make(
        self,
        owner: str,
        assistant: str,
        session: Session | TranscriptionSession,
        *,
        lasts_s: int = USUAL_S,
        uses: int | None = None,
    ) -> ClientSecret:
        """A new one. Raises RequestRefused (429) when too many are valid."""
        now = int(self._clock())
        if len(self._table) >= self._most:
            self._forget_expired(now)
        if len(self._table) >= self._most:
            soonest = min(secret.expires_at for secret in self._table.values())
            raise RequestRefused(
                429, "too_many_client_secrets", "Too many client secrets are valid.", retry_after_s=soonest - now + 1
            )
        name = secrets.token_bytes(_ID_BYTES)
        secret = ClientSecret(owner, assistant, session, now + lasts_s, uses)
        signed = name + secret.expires_at.to_bytes(_EXPIRY_BYTES, "big")
        secret.value = PREFIX + urlsafe_b64encode(signed + self._signature(signed)).decode().rstrip("=")
        self._table[name] = secret
        return secret

    def open(self, value: str) -> ClientSecret:
        """What is bound to this token. Raises RequestRefused (401), and says no more than why."""
        name, expires_at = self._verified(value)
        if expires_at <= self._clock():
            self._table.pop(name, None)
            raise _refused("expired_client_secret", "This client secret has expired.")
        secret = self._table.get(name)
        if secret is None or secret.uses_left == 0:
            raise _refused("used_client_secret", "This client secret was used, or its maker's key was revoked.")
        return secret

    def use(self, secret: ClientSecret) -> None:
        """A conversation begins with it. Raises RequestRefused (401) when another one was quicker."""
        if secret.uses_left is None:
            return
        if secret.uses_left <= 0:
            raise _refused("used_client_secret", "This client secret was used.")
        secret.uses_left -= 1

    def revoke_owner(self, owner: str) -> None:
        """Forget every secret that this key has made."""
        for name in [name for name, secret in self._table.items() if secret.owner == owner]:
            del self._table[name]

    def _verified(self, value: str) -> tuple[bytes, int]:
        text = value.removeprefix(PREFIX)
        try:
            raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except ValueError:
            raw = b""
        signed, signature = raw[:-_SIGNATURE_BYTES], raw[-_SIGNATURE_BYTES:]
        whole = len(raw) == _TOKEN_BYTES and urlsafe_b64encode(raw).decode().rstrip("=") == text
        if not compare_digest(self._signature(signed), signature) or not whole:
            raise _refused("invalid_client_secret", "This client secret is not valid.")
        return signed[:_ID_BYTES], int.from_bytes(signed[_ID_BYTES:], "big")

    def _signature(self, signed: bytes) -> bytes:
        return digest(self._signing_key, signed, sha256)[:_SIGNATURE_BYTES]

    def _forget_expired(self, now: int) -> None:
        for name in [name for name, secret in self._table.items() if secret.expires_at <= now]:
            del self._table[name]


def _refused(code: str, message: str) -> RequestRefused:
    return RequestRefused(401, code, message)
