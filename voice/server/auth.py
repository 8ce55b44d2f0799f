"""Who is asking: an API key, a client secret, or anybody where no keys are needed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from voice.config import LimitSettings
from voice.errors import RequestRefused
from voice.server.keys import PREFIX as KEY_PREFIX
from voice.server.keys import ApiKey, find
from voice.server.rates import Rate
from voice.server.secrets import PREFIX as SECRET_PREFIX
from voice.server.secrets import ClientSecret, ClientSecrets

SUBPROTOCOL = "openai-insecure-api-key."
"""A browser cannot set headers on a websocket; the protocol's clients offer their key as a subprotocol."""
OF_A_SECRET = frozenset({"realtime"})
_NAMES_OF_KEYS = frozenset({"api_key", "apikey", "api-key", "key", "token", "access_token", "authorization", "secret"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asked, and what that allows. `owner` is the key's id, of a secret the id of the key that made it; empty
    where no keys are needed."""

    kind: Literal["open", "key", "secret"]
    owner: str = ""
    scopes: frozenset[str] = frozenset()
    secret: ClientSecret | None = field(default=None, repr=False)

    def may(self, scope: str) -> bool:
        return self.kind == "open" or scope in self.scopes or "admin" in self.scopes

    def need(self, scope: str) -> None:
        """Raises RequestRefused (403) for whoever may not."""
        if self.may(scope):
            return
        what = "A client secret" if self.kind == "secret" else "This key"
        raise RequestRefused(403, "insufficient_scope", f"{what} may not do this: it needs the scope '{scope}'.")

    def owns(self, owner: str) -> bool:
        """Whether something of that owner is theirs."""
        return self.kind == "open" or self.owner == owner or "admin" in self.scopes


class Authority:
    """Tells who is asking. `keys` None: nobody needs one; then requests are counted only where they come from others
    than this machine, `open_to_all`."""

    def __init__(
        self,
        keys: Iterable[ApiKey] | None,
        secrets: ClientSecrets,
        limits: LimitSettings,
        *,
        trusted_proxies: Iterable[str] = (),
        open_to_all: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.keys_needed = keys is not None
        self._keys = tuple(keys or ())
        self._secrets = secrets
        self._counts_addresses = self.keys_needed or open_to_all
        self._proxies = frozenset(trusted_proxies)
        self._clock = clock
        self._by_key = Rate(limits.requests_per_minute)
        self._by_address = Rate(limits.requests_per_minute)
        self._failures = Rate(limits.failures_per_minute)

    def change_keys(self, keys: Iterable[ApiKey]) -> set[str]:
        """These are the keys from now on. Returns the ids of revoked ones; the secrets they have made are void."""
        before, self._keys = {key.id for key in self._keys}, tuple(keys)
        revoked = before - {key.id for key in self._keys}
        for owner in revoked:
            self._secrets.revoke_owner(owner)
        return revoked

    def identify(
        self,
        headers: Mapping[str, str],
        client: str,
        *,
        query: Mapping[str, str] | None = None,
        subprotocols: Sequence[str] = (),
    ) -> Caller:
        """Who this is. `headers` have lower-case names, `client` is the peer's address without a port.

        Raises RequestRefused: 400 for a key in the URL, 401 without a valid one, 429 for too many requests."""
        _refuse_keys_in(query or {})
        credential = _credential(headers, subprotocols)
        address = self.address(headers, client)
        if self._counts_addresses:
            self._count(self._by_address, address)
        try:
            caller = self._known(credential)
        except RequestRefused:
            self._count(self._failures, address)
            raise
        if caller.owner:
            self._count(self._by_key, caller.owner)
        return caller

    def address(self, headers: Mapping[str, str], client: str) -> str:
        """Where the request comes from: what the nearest proxy that is not ours says, or the peer itself."""
        if client not in self._proxies:
            return client
        hops = [hop.strip() for hop in headers.get("x-forwarded-for", "").split(",") if hop.strip()]
        return next((hop for hop in reversed(hops) if hop not in self._proxies), client)

    def _known(self, credential: str) -> Caller:
        if credential.startswith(SECRET_PREFIX):
            secret = self._secrets.open(credential)
            return Caller("secret", secret.owner, OF_A_SECRET, secret)
        if not self.keys_needed:
            return Caller("open")
        if not credential:
            raise RequestRefused(401, "missing_api_key", "Show a key: Authorization: Bearer " + KEY_PREFIX + "…")
        key = find(credential, self._keys)
        if key is None:
            raise RequestRefused(401, "invalid_api_key", "This key is not known here.")
        return Caller("key", key.id, frozenset(key.scopes))

    def _count(self, rate: Rate, name: str) -> None:
        wait_s = rate.take(name, self._clock())
        if wait_s:
            raise RequestRefused(
                429, "rate_limit_exceeded", "Too many requests. Try again in a moment.", retry_after_s=wait_s
            )


def _credential(headers: Mapping[str, str], subprotocols: Sequence[str]) -> str:
    scheme, _, value = headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer" and value:
        return value.strip()
    offered = (name for name in subprotocols if name.startswith(SUBPROTOCOL))
    return next(offered, "").removeprefix(SUBPROTOCOL)


def _refuse_keys_in(query: Mapping[str, str]) -> None:
    """Addresses end up in logs, histories and referrers: a key that was in one is to be replaced."""
    for name, value in query.items():
        if name.lower() in _NAMES_OF_KEYS or value.startswith((KEY_PREFIX, SECRET_PREFIX, "sk-")):
            raise RequestRefused(
                400, "key_in_url", "A key must not be in the address. Send it as: Authorization: Bearer …", param=name
            )
