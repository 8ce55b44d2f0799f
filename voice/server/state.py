"""What must outlive a restart, in a small SQLite file: how much of today's minutes and money is used up.

A limit that began anew with every crash would be none. The file is this process's alone while it runs: two services
that counted in one file would each forget what the other one spent. Every call blocks shortly.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

from voice.errors import ConfigError
from voice.runtime.quota import DAY_S, Spent

VERSION = 1
_OURS_ALONE = 0o600
_MAKE = (
    "CREATE TABLE IF NOT EXISTS spent"
    " (owner TEXT PRIMARY KEY, began_at REAL NOT NULL, talked_s REAL NOT NULL, usd REAL NOT NULL) WITHOUT ROWID"
)


class StateFile:
    """The open file."""

    def __init__(self, path: Path) -> None:
        """Opens or makes it. Raises ConfigError when it cannot be used, or another service uses it."""
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, _OURS_ALONE))
            self._file = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise _unusable(path) from error
        try:
            self._prepare()
        except (sqlite3.Error, ConfigError) as error:
            self._file.close()
            if isinstance(error, ConfigError):
                raise
            raise _unusable(path, error) from error

    def read(self) -> list[Spent]:
        """Everything that was kept. Raises ConfigError."""
        try:
            rows = self._file.execute("SELECT owner, began_at, talked_s, usd FROM spent").fetchall()
            return [Spent(str(row[0]), *map(float, row[1:])) for row in rows]
        except (sqlite3.Error, TypeError, ValueError) as error:
            raise _unusable(self.path, error) from error

    def write(self, spent: Iterable[Spent], now: float) -> None:
        """Keep these, and forget whose day is over. Raises OSError when that cannot be done (a full disk)."""
        try:
            self._file.execute("BEGIN IMMEDIATE")
            self._file.executemany(
                "INSERT OR REPLACE INTO spent VALUES (?, ?, ?, ?)",
                [(one.owner, one.began_at, one.talked_s, one.usd) for one in spent],
            )
            self._file.execute("DELETE FROM spent WHERE began_at <= ?", (now - DAY_S,))
            self._file.execute("COMMIT")
        except sqlite3.Error as error:
            if self._file.in_transaction:
                self._file.rollback()
            raise OSError(type(error).__name__) from error

    def close(self) -> None:
        self._file.close()

    def _prepare(self) -> None:
        """Raises sqlite3.Error, or ConfigError for a file of a newer version."""
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = NORMAL"):
            self._file.execute(f"PRAGMA {pragma}")
        self._file.execute("BEGIN IMMEDIATE")  # takes the lock, which stays ours
        (version,) = self._file.execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            raise ConfigError(
                "This version of voice cannot read what was kept here.", fix="Use a newer one.", path=self.path
            )
        self._file.execute(_MAKE)
        self._file.execute(f"PRAGMA user_version = {VERSION}")
        self._file.execute("COMMIT")


def default_path(env: Mapping[str, str]) -> Path:
    """Where it is when nobody said where: `voice/state.db` in the person's state folder."""
    base = env.get("XDG_STATE_HOME") or str(Path(env.get("HOME") or Path.home()) / ".local" / "state")
    return Path(base) / "voice" / "state.db"


def _unusable(path: Path, error: Exception | None = None) -> ConfigError:
    if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
        return ConfigError(
            "Another service counts in this file.", fix="Give each its own: server.state_path.", path=path
        )
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        return ConfigError(
            "This is not what voice has kept of minutes and money.",
            fix="Choose another server.state_path; or remove it, and today's limits begin anew.",
            path=path,
        )
    return ConfigError(
        "What was used of minutes and money cannot be kept here, so that no restart forgets it.",
        fix="Set server.state_path to a file in a folder that the service may write to.",
        path=path,
    )
