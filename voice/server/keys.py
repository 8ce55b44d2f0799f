"""API keys: who may use the service, and for what.

A key is shown once, when it is made. The file keeps its SHA-256 only: a key is 256 random bits, so nobody can guess
one from its hash, and a slow password hash would only slow us down. The file belongs to its owner alone (0600).
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Any

from voice.errors import ConfigError

PREFIX = "vk_"
SCOPES: Mapping[str, str] = {
    "realtime": "open conversations: WS /v1/realtime, POST /v1/realtime/calls",
    "calls": "attend and end calls: WS /v1/realtime?call_id=, POST /v1/realtime/calls/{id}/hangup",
    "secrets": "make client secrets: POST /v1/realtime/client_secrets",
    "metrics": "read /metrics",
    "admin": "everything, and calls of other keys too",
}
DEFAULT_SCOPES = ("realtime", "calls", "secrets")
VERSION = 1
_OTHERS = 0o077
_RANDOM_BYTES = 32


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What the file knows of one key. `hint` is its end, so that a person can tell keys apart."""

    id: str
    name: str
    scopes: tuple[str, ...]
    hash: str
    hint: str
    created_at: str

    def may(self, scope: str) -> bool:
        return scope in self.scopes or "admin" in self.scopes


class KeyFile:
    """The keys in a file, for the commands that change it and for the service that reads it. Calls block shortly."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> tuple[ApiKey, ...]:
        """Every key; none when there is no file. Raises ConfigError for a file that is broken or open to others."""
        try:
            with self.path.open(encoding="utf-8") as file:
                mode = os.fstat(file.fileno()).st_mode
                text = file.read()
        except FileNotFoundError:
            return ()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError("The keys cannot be read.", fix="Check the file's owner.", path=self.path) from error
        if os.name == "posix" and mode & _OTHERS:
            raise ConfigError("Others may read this file.", fix=f"Close it: chmod 600 {self.path}", path=self.path)
        return tuple(_keys_in(text, self.path))

    def add(self, name: str, scopes: Iterable[str] = DEFAULT_SCOPES) -> tuple[str, ApiKey]:
        """Make a key. Returns it (only here) and what is kept of it. Raises ConfigError."""
        keys, wanted = self.read(), tuple(dict.fromkeys(scopes))
        for scope in wanted:
            if scope not in SCOPES:
                raise ConfigError(f"{scope!r} is no scope.", fix=f"There are: {', '.join(SCOPES)}.")
        if not wanted:
            raise ConfigError("A key without a scope opens nothing.", fix=f"There are: {', '.join(SCOPES)}.")
        if not name.strip() or any(key.name == name for key in keys):
            raise ConfigError(f"There is a key named {name!r} already, or the name is empty.", fix="Choose another.")
        secret = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        key = ApiKey(f"key_{secrets.token_hex(6)}", name, wanted, hash_of(secret), secret[-4:], made_at)
        self._write((*keys, key))
        return secret, key

    def revoke(self, name: str) -> ApiKey:
        """Forget a key, by its name or id. Raises ConfigError when there is none."""
        keys = self.read()
        found = next((key for key in keys if name in (key.name, key.id)), None)
        if found is None:
            known = ", ".join(key.name for key in keys)
            fix = f"There are: {known}." if known else "There are none."
            raise ConfigError(f"There is no key {name!r}.", fix=fix, path=self.path)
        self._write(tuple(key for key in keys if key is not found))
        return found

    def _write(self, keys: tuple[ApiKey, ...]) -> None:
        """Whole or not at all, and never readable by others, not even for a moment."""
        rows = [
            {
                "id": key.id,
                "name": key.name,
                "scopes": list(key.scopes),
                "sha256": key.hash,
                "hint": key.hint,
                "created_at": key.created_at,
            }
            for key in keys
        ]
        new = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"version": VERSION, "keys": rows}, file, indent=2, ensure_ascii=False)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path)
        except OSError as error:
            new.unlink(missing_ok=True)
            raise ConfigError("The keys cannot be written.", fix="Check the folder.", path=self.path) from error


def find(secret: str, keys: Iterable[ApiKey]) -> ApiKey | None:
    """The key that this is. Every hash is compared, each in constant time: how long it takes says nothing."""
    hashed, found = hash_of(secret), None
    for key in keys:
        if compare_digest(key.hash, hashed):
            found = key
    return found


def hash_of(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def default_path(env: Mapping[str, str]) -> Path:
    """Where keys are when nobody said where: `voice/keys.json` in the person's configuration folder."""
    base = env.get("XDG_CONFIG_HOME") or str(Path(env.get("HOME") or Path.home()) / ".config")
    return Path(base) / "voice" / "keys.json"


def _keys_in(text: str, path: Path) -> Iterable[ApiKey]:
    try:
        content: Any = json.loads(text)
        if content["version"] != VERSION:
            raise ConfigError("This version of voice cannot read these keys.", fix="Use a newer one.", path=path)
        for row in content["keys"]:
            scopes = tuple(str(scope) for scope in row["scopes"])
            values = (str(row[name]) for name in ("sha256", "hint", "created_at"))
            yield ApiKey(str(row["id"]), str(row["name"]), scopes, *values)
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            "This is not a file of keys.", fix="Put it back, or make new keys: voice keys add", path=path
        ) from error
