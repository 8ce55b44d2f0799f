"""What outlives a restart."""

from __future__ import annotations

import sqlite3
import stat
from pathlib import Path

import pytest

from voice.errors import ConfigError
from voice.runtime.quota import ALL, DAY_S, Spent
from voice.server.state import StateFile, default_path

NOW = 1_800_000_000.0


def test_what_was_kept_is_there_again_and_days_that_are_over_are_not(tmp_path: Path) -> None:
    path = tmp_path / "new" / "state.db"
    file = StateFile(path)
    assert file.read() == []
    mine, others, everybody = Spent("key_1", NOW, 60.0, 1.5), Spent("", NOW - 5, 1.0, 0.0), Spent(ALL, NOW, 0.0, 1.5)
    file.write([mine, others, everybody, Spent("old", NOW - DAY_S, 9.0, 9.0)], NOW)
    file.write([Spent("key_1", NOW, 61.0, 1.5)], NOW + 1)
    file.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = StateFile(path)
    assert sorted(again.read(), key=lambda one: one.owner) == [others, everybody, Spent("key_1", NOW, 61.0, 1.5)]
    again.write([], NOW + DAY_S)
    assert again.read() == []
    again.close()


def test_a_file_that_was_not_closed_is_as_it_was_written(tmp_path: Path) -> None:
    """As after a kill: what is copied is what a dead process leaves, its journal beside the file."""
    file = StateFile(tmp_path / "state.db")
    file.write([Spent("key_1", NOW, 60.0, 1.5)], NOW)
    left = tmp_path / "left"
    left.mkdir()
    for part in tmp_path.glob("state.db*"):
        (left / part.name).write_bytes(part.read_bytes())
    after = StateFile(left / "state.db")
    assert after.read() == [Spent("key_1", NOW, 60.0, 1.5)]
    after.close()
    file.close()


def test_one_file_is_one_services_alone(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state.db")
    with pytest.raises(ConfigError, match="Another service") as refused:
        StateFile(tmp_path / "state.db")
    assert "server.state_path" in refused.value.fix
    file.close()
    StateFile(tmp_path / "state.db").close()


def test_what_cannot_be_used_is_said_in_a_sentence(tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Sir, " * 100)
    with pytest.raises(ConfigError, match="not what voice has kept"):
        StateFile(letter)
    assert letter.read_text() == "Dear Sir, " * 100
    with pytest.raises(ConfigError, match="cannot be kept here"):
        StateFile(tmp_path)
    with pytest.raises(ConfigError, match="cannot be kept here"):
        StateFile(letter / "state.db")
    newer = tmp_path / "newer.db"
    file = sqlite3.connect(newer)
    file.execute("PRAGMA user_version = 2")
    file.close()
    with pytest.raises(ConfigError, match="This version"):
        StateFile(newer)


def test_a_write_that_fails_leaves_what_there_was(tmp_path: Path) -> None:
    file = StateFile(tmp_path / "state.db")
    file.write([Spent("a", NOW, 1.0, 1.0)], NOW)
    broken: list[Spent] = [Spent("a", NOW, 2.0, 2.0), Spent("b", None, 0.0, 0.0)]  # type: ignore[arg-type]
    with pytest.raises(OSError, match="IntegrityError"):
        file.write(broken, NOW)
    assert file.read() == [Spent("a", NOW, 1.0, 1.0)]
    file.write([Spent("a", NOW, 3.0, 3.0)], NOW)
    file.close()


def test_where_it_is_when_nobody_said_where() -> None:
    assert default_path({"XDG_STATE_HOME": "/s", "HOME": "/h"}) == Path("/s/voice/state.db")
    assert default_path({"HOME": "/h"}) == Path("/h/.local/state/voice/state.db")
