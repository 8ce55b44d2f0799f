"""Where a realtime server is and how a key is shown to it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from voice.errors import ConfigError

OPENAI_URL = "wss://api.openai.com/v1/realtime"

_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_NAMES_A_SESSION = {"model", "call_id", "intent", "deployment"}
_SECRETS = {"api_key", "api-key", "key", "token", "access_token"}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def endpoint(url: str, model: str | None = None) -> str:
    """The websocket URL of a realtime server, from that URL or from its base URL (`https://host/v1`).

    `model` is added unless the URL already names what it wants. Raises ConfigError, also for a key in the URL:
    URLs end up in logs.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ConfigError(
            f"{_shown(url)} is not the address of an engine.",
            fix="Write it as wss://host/v1/realtime or https://host/v1.",
        )
    query = parse_qsl(parts.query, keep_blank_values=True)
    names = {name.lower() for name, _ in query}
    if names & _SECRETS or parts.username or parts.password:
        raise ConfigError(
            f"The engine's address {_shown(url)} contains a key.", fix="Put the key into the environment instead."
        )
    path = parts.path.rstrip("/")
    if not path.endswith("/realtime"):
        path += "/realtime" if path else "/v1/realtime"
    if model and not names & _NAMES_A_SESSION:
        query.append(("model", model))
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, path, urlencode(query), ""))


def credentials(url: str, api_key: str | None) -> Mapping[str, str]:
    """The header that carries the key: `api-key` for Azure, `Authorization: Bearer` for everybody else."""
    if not api_key:
        return {}
    key = api_key.strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigError("The engine's key contains characters that no key has.", fix="Copy it again, without quotes.")
    if host_of(url).endswith(".azure.com"):
        return {"api-key": key}
    return {"Authorization": f"Bearer {key}"}


def host_of(url: str) -> str:
    return urlsplit(url).hostname or ""


def is_clear_text(url: str) -> bool:
    """Whether what is said to this URL can be read on the way."""
    return urlsplit(url).scheme == "ws" and host_of(url) not in _LOOPBACK


def _shown(url: str) -> str:
    """An address without what could be secret in it."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if host else "This"
