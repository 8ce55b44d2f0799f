"""Who may knock: the Host and Origin a request must carry, and where we may listen.

A page in somebody's browser can reach a service on the same machine; its requests carry the page's Origin, and
after DNS rebinding a foreign Host. Both are compared with lists before anything else looks at the request.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from voice.config import ServerSettings
from voice.errors import ConfigError
from voice.net.server import Refusal

_EXPOSED = "location, retry-after"
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


class Guard:
    """The lists. Hosts are names without a port (`*.example.com` means any name below it), origins are
    `https://host[:port]`. The loopback names are always allowed.
    """

    def __init__(self, allowed_hosts: Iterable[str] = (), allowed_origins: Iterable[str] = ()) -> None:
        self._hosts = {_name(host) for host in (*_LOOPBACK_NAMES, *allowed_hosts)}
        self._origins = {origin.rstrip("/").lower() for origin in allowed_origins}

    def check_host(self, headers: Mapping[str, str]) -> Refusal | None:
        """400 without a Host, 421 (RFC 9110 section 15.5.20) for one that is not ours."""
        host = headers.get("host", "")
        if not host or "," in host:
            return _refusal(400, "invalid_host", "The request has no usable Host header.")
        name = _name(host)
        if name in self._hosts or any(name.endswith(known[1:]) for known in self._hosts if known.startswith("*.")):
            return None
        return _refusal(421, "misdirected_request", "This host name is not ours. Add it to server.allowed_hosts.")

    def check_socket(self, path: str, headers: Mapping[str, str]) -> Refusal | None:
        """As `check_host` and `check_origin`."""
        return self.check_host(headers) or self.check_origin(headers)

    def check_origin(self, headers: Mapping[str, str]) -> Refusal | None:
        """A browser (it sends an Origin) must come from our own page or an allowed one."""
        origin = headers.get("origin")
        if origin is None or self.is_allowed(origin) or _same_origin(origin, headers.get("host", "")):
            return None
        return _refusal(
            403, "origin_not_allowed", "Pages of this origin may not connect. Add it to server.allowed_origins."
        )

    def is_allowed(self, origin: str) -> bool:
        """Whether the settings name this origin."""
        return origin.lower() in self._origins

    def cors(self, headers: Mapping[str, str]) -> dict[str, str]:
        """What lets an allowed page of another origin read our answer (Fetch standard, CORS protocol)."""
        origin = headers.get("origin")
        if origin is None or not self.is_allowed(origin):
            return {}
        return {"access-control-allow-origin": origin, "vary": "Origin", "access-control-expose-headers": _EXPOSED}

    def preflight(self, headers: Mapping[str, str]) -> dict[str, str]:
        """What lets it send the request it asks about; nothing for other origins."""
        allowed = self.cors(headers)
        if not allowed:
            return {}
        allowed["access-control-allow-methods"] = "GET, POST"
        allowed["access-control-allow-headers"] = headers.get("access-control-request-headers", "authorization")
        allowed["access-control-max-age"] = "600"
        if headers.get("access-control-request-private-network") == "true":
            allowed["access-control-allow-private-network"] = "true"
        return allowed


def check_reach(server: ServerSettings, *, authenticated: bool) -> None:
    """Raises ConfigError for settings by which others can reach us while nobody has to show a key."""
    if authenticated or server.open_to_all:
        return
    own_name = urlsplit(server.public_origin).hostname
    names = [name for name in (own_name, *map(_name, server.allowed_hosts)) if name and not is_loopback(name)]
    if not is_loopback(server.host):
        told = f"Listening on {server.host}"
    elif names:
        told = f"Being reached as {names[0]}"
    elif server.trusted_proxies:
        told = "Standing behind a proxy (server.trusted_proxies)"
    else:
        return
    raise ConfigError(
        f"{told}, without a key that clients must show, would let anybody talk at your expense.",
        fix="Make one (voice keys add NAME), or, where something in front of the service decides who gets in, set "
        "server.open_to_all = true.",
    )


def check_bind(host: str, *, authenticated: bool) -> None:
    """Raises ConfigError for an address that others can reach while nobody has to show a key."""
    if authenticated or is_loopback(host):
        return
    raise ConfigError(
        f"Listening on {host} would let anybody talk at your expense.",
        fix="Make a key that clients must show (voice keys add NAME), or listen on 127.0.0.1.",
    )


def check_tls(files: tuple[str, str] | None) -> None:
    """Raises ConfigError for a certificate and a key that cannot be used."""
    if files is None:
        return
    import ssl  # only who has a certificate needs it

    fix = "Give two PEM files: the chain of certificates, and its private key without a password."
    for name in files:
        try:
            with Path(name).open("rb"):
                pass
        except OSError as error:
            reason = (error.strerror or "unreadable").lower()
            raise ConfigError(f"{name} cannot be read: {reason}.", fix=fix) from error
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*files, password=lambda: "")
    except OSError as error:  # what OpenSSL says of their content is for those who wrote it
        fits = getattr(error, "reason", "") != "KEY_VALUES_MISMATCH"
        reason = "they are not what they should be" if fits else "the key is that of another certificate"
        raise ConfigError(
            f"The certificate {files[0]} and its key {files[1]} cannot be used: {reason}.", fix=fix
        ) from error


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    """A Host header, or a host, without its port."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host if host.count(":") > 1 else host.partition(":")[0]


def _same_origin(origin: str, host: str) -> bool:
    """The scheme is not compared: behind a proxy that ends TLS we would not know it."""
    try:
        return urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


def problem(code: str, message: str, *, type: str = "invalid_request_error", param: str | None = None) -> bytes:
    """A JSON error body in the shape that realtime clients know."""
    return json.dumps({"error": {"type": type, "code": code, "message": message, "param": param}}).encode()


def _refusal(status: int, code: str, message: str) -> Refusal:
    return Refusal(status, problem(code, message))
