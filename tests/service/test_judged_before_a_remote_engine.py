"""Recorded people talk over a realtime engine elsewhere: our ear decides what stops it, and tells it what was heard.

The engine is the scripted server of the test kit on a real websocket; it finds turns by loudness alone, so by itself it
would stop for anything.
"""

from __future__ import annotations

import asyncio
import json
import sys
from array import array
from pathlib import Path
from typing import Any

import pytest

from tests.service.served import ROOT
from tests.service.sound import FIXTURES, RATE_HZ, resampled
from voice.audio.wav import read_wav, write_wav
from voice.testkit.mind import Reply, answers
from voice.testkit.script import ScriptedServer
from voice.testkit.server import RealtimeServer

pytestmark = [pytest.mark.speech, pytest.mark.timeout(120)]
WORD_MS = 200
ANSWER = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten") * 4


def spoken(path: Path, said: dict[float, str], length_s: float) -> None:
    """A recording in which these are said at these seconds."""
    track = array("h", bytes(2 * int(length_s * RATE_HZ)))
    for at_s, name in said.items():
        wav = read_wav((FIXTURES / name).read_bytes())
        samples = array("h", resampled(wav.pcm, wav.rate_hz, RATE_HZ))
        at = int(at_s * RATE_HZ)
        track[at : at + len(samples)] = samples
    path.write_bytes(write_wav(track.tobytes(), RATE_HZ))


async def call(recording: Path, interruption: str) -> tuple[dict[str, Any], ScriptedServer]:
    """`voice call` before the scripted engine: what it prints, and the engine's session."""
    settings = recording.with_name(f"{interruption}.toml")
    settings.write_text(f'[turns]\ninterruption = "{interruption}"\n', encoding="utf-8")
    async with RealtimeServer(answers({}, Reply((" ".join(ANSWER),), word_ms=WORD_MS))) as server:
        command = ("-m", "voice", "call", str(recording), "--engine", server.url, "--config", str(settings))
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, "--json", "--patience", "1", cwd=ROOT, stdout=-1, stderr=-1
        )
        printed, complaints = await process.communicate()
        assert process.returncode == 0, complaints.decode()
        (session,) = server.sessions
        return json.loads(printed), session


def heard_of_the_first_answer(session: ScriptedServer) -> tuple[str, ...]:
    """The words that the engine believes were heard."""
    return tuple(next(item.text for item in session.belief() if item.kind == "assistant").split())


def test_judged_an_agreement_lets_it_go_on_and_stop_stops_it_and_at_once_both_do(tmp_path: Path) -> None:
    question, agreement, stop = "what_s_the_weather_like", "right_9a7c1f83_1", "stop_3b4f8f24_2"
    recording = tmp_path / "person.wav"
    spoken(recording, {0.3: f"speech/{question}.wav", 4.5: f"speech/{agreement}.wav", 7.0: f"speech/{stop}.wav"}, 8.5)

    async def both() -> list[tuple[dict[str, Any], ScriptedServer]]:
        return list(await asyncio.gather(call(recording, "judged"), call(recording, "at_once")))

    (judged, session), (hasty, other) = asyncio.run(both())
    assert session.complaints == other.complaints == []
    agreed, stopped = judged["report"]["interruptions"]
    assert (agreed["why"], agreed["yielded"]) == ("acknowledgement", False)
    assert stopped["yielded"]
    (barge_in,) = judged["interruptions"]
    assert 4_000 < barge_in["heard_ms"] < 6_000
    assert 1_000 < hasty["interruptions"][0]["heard_ms"] < 3_000
    for facts, engine in ((judged, session), (hasty, other)):
        words = heard_of_the_first_answer(engine)
        assert words == ANSWER[: len(words)]
        assert abs(len(words) * WORD_MS - facts["interruptions"][0]["heard_ms"]) <= WORD_MS
