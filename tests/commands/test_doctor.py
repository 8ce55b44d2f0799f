"""The doctor looks, changes nothing, and names the one command that helps."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from pathlib import Path

import pytest

from voice.cli import main
from voice.commands import checks
from voice.commands.checks import Check
from voice.commands.doctor import line_of
from voice.config import Settings, load
from voice.errors import ExtraMissing
from voice.server.keys import KeyFile

Output = pytest.CaptureFixture[str]


def settings_for(**overrides: object) -> Settings:
    return load(None, {}, {name.replace("__", "."): value for name, value in overrides.items()})


def test_a_port_that_is_taken_is_seen() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        check = checks.port(settings_for(server__port=taken.getsockname()[1]))
    assert not check.ok
    assert "voice serve --port" in check.fix
    assert checks.port(settings_for(server__port=0)).ok


def test_a_key_is_needed_where_it_is_used_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert checks.key(settings_for()).ok
    missing = checks.key(settings_for(engine__kind="openai"))
    assert (missing.ok, missing.needed, missing.fix) == (False, True, "export OPENAI_API_KEY=sk-…")
    present = checks.key(load(None, {"OPENAI_API_KEY": "sk-secret"}, {"engine.kind": "openai"}))
    assert present.ok
    assert "sk-secret" not in repr(present)


def test_who_gets_in_and_why_it_would_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def look(**overrides: object) -> Check:
        return asyncio.run(checks.attempt("doors", lambda: checks.doors(settings_for(**overrides))))

    assert look().found == "everybody on this machine, and nobody else"
    public = look(server__public_origin="https://voice.example.com")
    assert not public.ok
    assert "voice keys add" in public.fix
    assert look(server__host="0.0.0.0", server__open_to_all="true").found == "everybody who can reach it"
    assert look(server__keys_file=str(tmp_path / "none.json")).found.startswith("nobody")
    KeyFile(tmp_path / "voice" / "keys.json").add("website")
    assert look(server__host="0.0.0.0").found == "whoever shows a key (known here: 1)"
    missing = look(server__tls_cert="/nowhere.pem", server__tls_key="/nowhere.key")
    assert "/nowhere.pem cannot be read" in missing.found


def test_an_engine_that_is_not_there_is_one_sentence() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{reserved.getsockname()[1]}/v1/realtime"
        settings = load(None, {}, {"engine.url": url})
        check = asyncio.run(checks.attempt("engine", lambda: checks.remote(settings)))
    assert not check.ok
    assert "could not be reached" in check.found
    assert check.fix == "Is it running, and is the address right?"


@pytest.mark.parametrize(
    ("url", "called"),
    [
        ("http://there:1/v1/realtime", "ws://there:1/v1/realtime"),
        ("https://there/x?model=m", "wss://there/x?model=m"),
        ("wss://there/x", "wss://there/x"),
        ("", "wss://api.openai.com/v1/realtime?model=m"),
    ],
)
def test_the_engine_is_called_where_the_settings_say(url: str, called: str) -> None:
    assert (
        checks.address(load(None, {}, {"engine.url": url} if url else {"engine.kind": "openai", "engine.model": "m"}))
        == called
    )


def test_a_part_that_is_missing_says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    check = asyncio.run(checks.attempt("pictures as PNG", checks.png, needed=False))
    assert "pip install 'voice[png]'" in check.fix
    assert line_of(check).startswith("optional  pictures as PNG")


def test_a_part_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PATIENCE_S", 0.01)

    async def forever() -> str:
        await asyncio.Event().wait()
        return ""

    check = asyncio.run(checks.attempt("recogniser", forever))
    assert (check.ok, check.found) == (False, "no answer within 0.01 s")


def doctor_finds(monkeypatch: pytest.MonkeyPatch, *findings: Check) -> None:
    async def look(settings: Settings):  # type: ignore[no-untyped-def]
        for finding in findings:
            yield finding

    monkeypatch.setattr(checks, "checks", look)


def test_all_is_well(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    doctor_finds(monkeypatch, Check("Python", True, "3.11"), Check("devices", False, "none", needed=False))
    assert main(["doctor"]) == 0
    assert "Everything needed is there. Try: voice serve" in capsys.readouterr().out


def test_something_needed_is_missing(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    doctor_finds(monkeypatch, Check("recogniser", False, "not installed", "pip install 'voice[local]'"))
    assert main(["doctor"]) == 1
    assert "→ pip install 'voice[local]'" in capsys.readouterr().out
    assert main(["doctor", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)[0]["fix"] == "pip install 'voice[local]'"


@pytest.mark.speech
def test_the_embedded_engine_is_proven_by_using_it() -> None:
    async def look() -> list[Check]:
        return [check async for check in checks.checks(settings_for(server__port=0))]

    found = {check.name: check for check in asyncio.run(look())}
    assert found["recogniser"].ok
    assert found["synthesiser"].ok
    assert found["speech detector"].ok


def test_an_extra_that_is_missing_is_not_a_crash() -> None:
    async def missing() -> str:
        raise ExtraMissing("PocketSphinx", "local")

    check = asyncio.run(checks.attempt("recogniser", missing))
    assert check.fix == "Install it with: pip install 'voice[local]'"


def test_a_model_of_turns_is_looked_at_where_one_is_set(tmp_path: Path) -> None:
    async def found(path: str) -> list[Check]:
        settings = settings_for(engine__kind="openai", turns__end_of_turn_model=path)
        check = await checks.attempt("end-of-turn model", lambda: checks.end_of_turn_model(settings))
        return [check]

    (check,) = asyncio.run(found(str(tmp_path / "none.onnx")))
    assert not check.ok
    assert "none.onnx" in check.found or "onnxruntime" in check.found
    assert "turns.end_of_turn_model" in check.fix or "voice[smartturn]" in check.fix
