"""`voice call` around a conversation: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import wave
from pathlib import Path
from typing import Any

import pytest

from tests.commands.scene import a_short_conversation, app_that_plays
from voice.cli import main
from voice.commands.running import run_politely

Output = pytest.CaptureFixture[str]


@pytest.fixture
def question(tmp_path: Path) -> Path:
    path = tmp_path / "question.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(1600))
    return path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []
    monkeypatch.setitem(sys.modules, "voice.app", app_that_plays(a_short_conversation(), calls=seen))
    return seen


def test_both_sides_are_printed_with_tools_and_waiting_times(
    question: Path, calls: list[dict[str, Any]], capsys: Output
) -> None:
    assert main(["call", str(question)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "   1.5  person    What time is it?" in lines
    assert "   1.6  tool      get_time · 12 ms" in lines
    assert "   1.8  assistant It is noon." in lines or "   1.7  assistant It is noon." in lines
    assert "   1.8  wait      800 ms (end of turn 400 ms, thinking 300 ms, to the ear 100 ms)" in lines
    assert "   2.0            interrupted · heard 15 ms of 20 ms" in lines
    assert "2.5 s · 1 utterance · 1 tool call · 1 interruption · voice to voice 800 ms" in lines


def test_the_report_says_who_spoke_and_who_cut_in(question: Path, calls: list[dict[str, Any]], capsys: Output) -> None:
    assert main(["call", str(question)]) == 0
    *_, talk, turns, cut_in = capsys.readouterr().out.splitlines()
    assert talk == (
        "talk      person 0.8 s, assistant 0.3 s (27%), both 0.0 s · longest monologue 0.3 s · "
        "nobody 101.4 s, at most 100.2 s"
    )
    assert turns == "turns     decided 400 ms · first sound 700 ms · heard 800 ms after the last word"
    assert cut_in == "cut in    by the person 1"


def test_json_is_one_object_and_nothing_else(question: Path, calls: list[dict[str, Any]], capsys: Output) -> None:
    assert main(["call", str(question), "--json", "--url", "ws://there/v1/realtime"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [line["who"] for line in facts["transcript"]] == ["person", "assistant"]
    assert facts["turns"][0]["voice_to_voice_ms"] == 800
    assert facts["ended"] == "file ended"
    assert facts["report"]["assistant_interrupted"] == 1
    assert facts["report"]["talk_ratio"] == pytest.approx(0.27, abs=0.01)
    assert calls[0]["url"] == "ws://there/v1/realtime"


def test_a_key_is_not_carried_to_another_server(
    question: Path, calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("VOICE_ENGINE", "openai")
    assert main(["call", str(question), "--json", "--url", "ws://there/v1/realtime"]) == 0
    assert calls[0]["settings"].engine.api_key == ""


def test_a_picture_needs_no_trace_of_its_own(question: Path, calls: list[dict[str, Any]], tmp_path: Path) -> None:
    picture = tmp_path / "t.svg"
    assert main(["call", str(question), "--timeline", str(picture)]) == 0
    assert "sess_test" in picture.read_text(encoding="utf-8")
    assert not Path(calls[0]["trace"]).exists()


def test_a_trace_that_was_asked_for_stays(question: Path, calls: list[dict[str, Any]], tmp_path: Path) -> None:
    trace = tmp_path / "t.jsonl"
    assert main(["call", str(question), "--trace", str(trace), "--timeline", str(tmp_path / "t.svg")]) == 0
    assert trace.exists()


def test_the_words_go_to_the_file_transport(question: Path, calls: list[dict[str, Any]], tmp_path: Path) -> None:
    assert main(["call", str(question), "--speed", "4", "--patience", "1", "--out", str(tmp_path / "a.wav")]) == 0
    rules = calls[0]["transport"].rules
    assert (rules.speed, rules.quiet_s) == (4.0, 1.0)


def test_nobody_who_answers_is_not_a_success(question: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    silence = a_short_conversation()[:1]
    monkeypatch.setitem(sys.modules, "voice.app", app_that_plays(silence))
    assert main(["call", str(question)]) == 1
    assert "Nothing was answered." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--out", "/nowhere/a.wav"], "there is no folder /nowhere"),
        (["--timeline", "t.pdf"], "neither .svg nor .png"),
        (["--speed", "0"], "--speed is more than 0"),
        (["--engine", "openai", "--url", "ws://there/"], "--engine and --url both say who answers"),
    ],
)
def test_what_could_not_be_written_is_said_before_the_call(
    question: Path, calls: list[dict[str, Any]], words: list[str], says: str, capsys: Output
) -> None:
    assert main(["call", str(question), *words]) == 2
    assert says in capsys.readouterr().err
    assert calls == []


# Ctrl-C


class Line:
    """A person's end that hangs up when told to."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()

    async def close(self) -> None:
        self.closed.set()


@pytest.mark.skipif(os.name == "nt", reason="no signals to send")
def test_the_first_ctrl_c_hangs_up_and_lets_the_conversation_end() -> None:
    line = Line()

    async def conversation() -> str:
        os.kill(os.getpid(), signal.SIGINT)
        await line.closed.wait()
        return "ended in order"

    assert run_politely(conversation(), line) == "ended in order"


@pytest.mark.skipif(os.name == "nt", reason="no signals to send")
def test_the_second_ctrl_c_stops_at_once() -> None:
    line = Line()

    async def conversation() -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0.005)
        await asyncio.Event().wait()

    with pytest.raises(KeyboardInterrupt):
        run_politely(conversation(), line)


def test_what_breaks_the_conversation_is_told() -> None:
    async def conversation() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        run_politely(conversation(), Line())
