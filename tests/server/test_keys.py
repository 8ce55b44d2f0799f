"""The file of keys: hashes only, closed to others, written whole."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from voice.errors import ConfigError
from voice.server.keys import DEFAULT_SCOPES, KeyFile, default_path, find, hash_of


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "deep" / "keys.json")


def test_a_key_is_shown_once_and_only_its_hash_is_kept(file: KeyFile) -> None:
    secret, key = file.add("website")
    text = file.path.read_text(encoding="utf-8")
    assert secret.startswith("vk_")
    assert len(secret) > 43
    assert secret not in text
    assert hash_of(secret) in text
    assert file.read() == (key,)
    assert key.scopes == DEFAULT_SCOPES
    assert find(secret, file.read()) == key
    assert find(secret[:-1], file.read()) is None
    assert find("", file.read()) is None


def test_the_file_is_its_owners_alone(file: KeyFile) -> None:
    before = os.umask(0)
    try:
        file.add("website")
    finally:
        os.umask(before)
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.path.parent.iterdir()] == ["keys.json"], "nothing is left of the writing"
    file.path.chmod(0o640)
    with pytest.raises(ConfigError, match="Others may read") as refused:
        file.read()
    assert f"chmod 600 {file.path}" in refused.value.fix


def test_a_revoked_key_is_forgotten(file: KeyFile) -> None:
    one, _ = file.add("one")
    other, kept = file.add("other", ["metrics"])
    assert file.revoke("one").name == "one"
    assert file.read() == (kept,)
    assert find(one, file.read()) is None
    assert file.revoke(kept.id) == kept
    assert find(other, file.read()) is None
    with pytest.raises(ConfigError, match="no key 'one'"):
        file.revoke("one")


@pytest.mark.parametrize(
    ("name", "scopes", "words"),
    [("website", ["metrics"], "already"), (" ", ["metrics"], "empty"), ("x", ["all"], "no scope"), ("x", [], "opens")],
)
def test_what_cannot_be_a_key(file: KeyFile, name: str, scopes: list[str], words: str) -> None:
    file.add("website")
    with pytest.raises(ConfigError, match=words):
        file.add(name, scopes)
    assert len(file.read()) == 1


def test_admin_may_everything_and_others_what_they_may(file: KeyFile) -> None:
    _, admin = file.add("a", ["admin"])
    _, metrics = file.add("m", ["metrics", "metrics"])
    assert admin.may("realtime")
    assert metrics.scopes == ("metrics",)
    assert not metrics.may("realtime")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1}', '{"version": 1, "keys": [{}]}', '{"version": 2}'])
def test_what_is_no_file_of_keys_is_said_to_be_none(file: KeyFile, text: str) -> None:
    file.path.parent.mkdir()
    file.path.write_text(text)
    file.path.chmod(0o600)
    with pytest.raises(ConfigError) as refused:
        file.read()
    assert refused.value.path == file.path


def test_a_folder_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ConfigError):
        KeyFile(blocked / "keys.json").add("x")


def test_no_file_is_no_keys(file: KeyFile) -> None:
    assert file.read() == ()


def test_where_keys_are_by_default() -> None:
    assert default_path({"XDG_CONFIG_HOME": "/c"}) == Path("/c/voice/keys.json")
    assert default_path({"HOME": "/h"}) == Path("/h/.config/voice/keys.json")


def test_the_file_is_json_that_a_person_can_read(file: KeyFile) -> None:
    file.add("websitë")
    content = json.loads(file.path.read_text(encoding="utf-8"))
    assert content["version"] == 1
    assert set(content["keys"][0]) == {"id", "name", "scopes", "sha256", "hint", "created_at"}
