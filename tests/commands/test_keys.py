"""Keys from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from voice.cli import main
from voice.commands.serve import with_keys
from voice.config import ServerSettings, Settings
from voice.server.keys import KeyFile, find


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("VOICE_CONFIG", "VOICE_SERVER_KEYS_FILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "voice" / "keys.json"


def test_a_key_is_made_listed_and_revoked(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "add", "website"]) == 0
    out, err = capsys.readouterr()
    secret = out.strip()
    assert find(secret, KeyFile(home).read())
    assert "not shown again" in err
    assert secret not in err

    assert main(["keys", "add", "watch", "--scope", "metrics", "--scope", "calls"]) == 0
    capsys.readouterr()
    assert main(["keys", "list"]) == 0
    listed = capsys.readouterr().out
    assert secret not in listed
    assert secret[-4:] in listed
    assert "metrics, calls" in listed
    assert main(["keys", "list", "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == ["website", "watch"]

    assert main(["keys", "revoke", "website"]) == 0
    assert main(["keys", "revoke", "website"]) == 2
    assert "There is no key 'website'. There are: watch." in capsys.readouterr().err


def test_mistakes_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["keys"])
    with pytest.raises(SystemExit):
        main(["keys", "add", "x", "--scope", "everything"])
    assert "invalid choice: 'everything'" in capsys.readouterr().err
    assert main(["keys", "list"]) == 0
    assert "Make one: voice keys add NAME" in capsys.readouterr().out


def test_the_settings_may_say_where_the_keys_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICE_SERVER_KEYS_FILE", str(tmp_path / "mine.json"))
    assert main(["keys", "add", "x"]) == 0
    assert (tmp_path / "mine.json").stat().st_mode & 0o777 == 0o600


def test_a_service_asks_for_keys_as_soon_as_there_are_some(home: Path) -> None:
    assert with_keys(Settings()).server.keys_file == ""
    KeyFile(home).add("x")
    assert with_keys(Settings()).server.keys_file == str(home)
    mine = Settings(server=ServerSettings(keys_file="mine.json"))
    assert with_keys(mine) == mine
    KeyFile(home).revoke("x")
    assert with_keys(Settings()).server.keys_file == ""
