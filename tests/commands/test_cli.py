"""What somebody types, and what they get: help that teaches, one sentence for a mistake, and an exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from voice import __version__
from voice.cli import COMMANDS, build_parser, main
from voice.errors import EngineRefused, PortInUse

Output = pytest.CaptureFixture[str]


def typed(*words: str) -> int:
    """The exit code, whether argparse or the command gave it."""
    try:
        return main(words)
    except SystemExit as stop:
        return int(stop.code or 0)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UPSTREAM_URL", "OPENAI_API_KEY", "VOICE_CONFIG"):
        monkeypatch.delenv(name, raising=False)


# Help


def test_the_help_names_every_command_and_says_where_to_begin(capsys: Output) -> None:
    assert typed("--help") == 0
    text = capsys.readouterr().out
    assert all(f"\n    {name} " in text for name in COMMANDS)
    assert "voice doctor" in text


@pytest.mark.parametrize("command", list(COMMANDS))
def test_each_command_explains_itself_with_examples_that_it_accepts(command: str, capsys: Output) -> None:
    assert typed(command, "--help") == 0
    text = capsys.readouterr().out
    examples = [line.strip() for line in text.splitlines() if line.startswith("  ") and f"voice {command}" in line]
    assert examples
    for example in examples:
        words = example.partition(f"voice {command}")[2].split("  ")[0].split()
        build_parser([command, *words]).parse_args([command, *words])


def test_the_version(capsys: Output) -> None:
    assert typed("--version") == 0
    assert capsys.readouterr().out == f"voice {__version__}\n"


def test_python_dash_m_is_the_same_program() -> None:
    done = subprocess.run([sys.executable, "-m", "voice", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"voice {__version__}\n"


def test_help_does_not_wait_for_heavy_libraries() -> None:
    code = "import sys\nfrom voice.cli import build_parser\nbuild_parser(['serve'])\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pydantic", "numpy", "httpx", "rich", "voice.app", "voice.commands.call"} & set(loaded)


# Mistakes


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "which command? serve, call, talk"),
        (["sreve"], "there is no command 'sreve'. Did you mean voice serve?"),
        (["xyzzy"], "there is no command 'xyzzy'. There are: serve, call"),
        (["replay"], "the following arguments are required: TRACE"),
        (["serve", "--prot", "1"], "'--prot' is no option of this command. Did you mean --port?"),
        (["serve", "--prot=1"], "More: voice serve --help"),
        (["call", "x.wav", "y.wav"], "'y.wav' is no option of this command."),
        (["serve", "--port", "http"], "--port: expected a whole number from 0 to 65535, not 'http'"),
        (["serve", "--engine", "opnai"], 'Did you mean "openai"?'),
        (["serve", "--config", "/nowhere/voice.toml"], "/nowhere/voice.toml: the settings file cannot be read"),
        (["serve", "--engine", "openai"], "There is no key for OpenAI. Set it: export OPENAI_API_KEY=sk-…"),
        (["call", "nowhere.wav"], "There is no file nowhere.wav. Check the path."),
        (["replay", "nowhere.jsonl"], "Record one with: voice call IN.wav --trace t.jsonl"),
        (["timeline", "nowhere.jsonl", "--out", "x.gif"], "x.gif is neither .svg nor .png."),
        (["timeline", "nowhere.jsonl", "--out", "/nowhere/x.svg"], "there is no folder /nowhere"),
        (["timeline", "nowhere.jsonl", "--out", "x.svg"], "nowhere.jsonl cannot be read."),
    ],
)
def test_a_mistake_is_answered_in_one_sentence_with_the_fix(
    words: list[str], says: str, capsys: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert typed(*words) == 2
    shown = capsys.readouterr()
    assert says in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""


def fake_service(monkeypatch: pytest.MonkeyPatch, error: BaseException | None) -> list[Any]:
    """A `voice.app` whose service says it is ready, and then fails in this way."""
    seen: list[Any] = []

    class Service:
        async def serve(self, ready: Any) -> None:
            ready("http://127.0.0.1:9000")
            if error is not None:
                raise error

    def build_service(settings: Any) -> Service:
        seen.append(settings)
        return Service()

    app = ModuleType("voice.app")
    app.build_service = build_service  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "voice.app", app)
    return seen


def test_serve_says_when_it_is_ready(monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    seen = fake_service(monkeypatch, None)
    assert typed("serve", "--port", "9000", "--host", "::1", "--engine", "ws://up:1/v1/realtime") == 0
    assert "voice is ready on http://127.0.0.1:9000 · engine ws://up:1/v1/realtime" in capsys.readouterr().out
    (settings,) = seen
    assert (settings.server.port, settings.server.host, settings.engine.kind) == (9000, "::1", "url")


def test_serve_finds_its_engine_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = fake_service(monkeypatch, None)
    monkeypatch.setenv("UPSTREAM_URL", "ws://up:1/v1/realtime")
    assert typed("serve") == 0
    assert seen[0].engine.url == "ws://up:1/v1/realtime"


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (PortInUse("Port 9000 is taken.", fix="Choose another one: --port 9001"), 2, "Port 9000 is taken. Choose"),
        (EngineRefused("The key was refused.", fix="Check OPENAI_API_KEY."), 2, "Check OPENAI_API_KEY."),
        (RuntimeError("boom"), 70, "RuntimeError. This is a fault of voice itself. Run it again with --debug"),
        (KeyboardInterrupt(), 130, "\n"),
    ],
)
def test_a_failure_has_its_exit_code_and_no_traceback(
    error: BaseException, code: int, says: str, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    fake_service(monkeypatch, error)
    assert typed("serve") == code
    shown = capsys.readouterr().err
    assert says in shown
    assert "Traceback" not in shown


def test_debug_shows_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_service(monkeypatch, RuntimeError("boom"))
    with pytest.raises(RuntimeError, match="boom"):
        main(["serve", "--debug"])


# Small commands


@pytest.mark.parametrize(("equal", "code", "says"), [(True, 0, "Identical: 7 events"), (False, 1, "effect 0 was Play")])
def test_replay_says_whether_the_decisions_are_the_same(
    equal: bool, code: int, says: str, monkeypatch: pytest.MonkeyPatch, capsys: Output, tmp_path: Path
) -> None:
    app = ModuleType("voice.app")
    result = SimpleNamespace(equal=equal, events=7, first_difference=None if equal else "effect 0 was Play")
    app.replay = lambda path: result  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "voice.app", app)
    trace = tmp_path / "t.jsonl"
    trace.write_text("{}")
    assert typed("replay", str(trace)) == code
    assert says in capsys.readouterr().out


def test_timeline_writes_the_picture(tmp_path: Path, capsys: Output) -> None:
    trace, out = tmp_path / "t.jsonl", tmp_path / "t.svg"
    trace.write_text('{"voice_trace": 1, "session_id": "s"}\n')
    assert typed("timeline", str(trace), "--out", str(out), "--theme", "dark", "--width", "900") == 0
    assert out.read_text(encoding="utf-8").startswith('<svg xmlns="http://www.w3.org/2000/svg" width="900"')
    assert capsys.readouterr().out == f"{out}\n"


def test_timeline_of_something_else_says_what_would_be_a_trace(tmp_path: Path, capsys: Output) -> None:
    trace = tmp_path / "song.wav"
    trace.write_bytes(b"RIFF\x00\xff")
    assert typed("timeline", str(trace), "--out", str(tmp_path / "t.svg")) == 2
    assert f"{trace}" in capsys.readouterr().err


def test_tools_are_listed_with_what_they_do_to_the_world(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    assert typed("tools") == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split()[:2] == ["set_timer", "write"] for line in lines)
    monkeypatch.setenv("VOICE_TOOLS_ENABLED", "calculate")
    assert typed("tools", "--json") == 0
    (tool,) = json.loads(capsys.readouterr().out)
    assert (tool["name"], tool["side_effect"]) == ("calculate", "read")


def test_a_tool_that_does_not_exist_is_refused(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICE_TOOLS_ENABLED", "launch_rocket")
    assert typed("tools") == 2
    assert "there is no such tool" in capsys.readouterr().err


def test_the_settings_file_can_be_named_by_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Output
) -> None:
    path = tmp_path / "voice.toml"
    path.write_text('[tools]\nenabled = ["spell"]\n')
    monkeypatch.setenv("VOICE_CONFIG", str(path))
    assert typed("tools") == 0
    assert capsys.readouterr().out.split()[0] == "spell"
