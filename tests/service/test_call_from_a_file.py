"""A person asks with a recording, on the command line, and the answer that lands in a file is right."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.service.served import ROOT, served
from tests.service.sound import FIXTURES, RATE_HZ, independent_words, resampled
from voice.audio.wav import read_wav

pytestmark = [pytest.mark.speech, pytest.mark.timeout(120)]


def call(tmp_path: Path, recording: str, *arguments: str) -> dict[str, object]:
    """`voice call` as its user runs it; answers what `--json` prints."""
    command = [sys.executable, "-m", "voice", "call", str(FIXTURES / recording), "--json", "--patience", "3"]
    command += ["--out", str(tmp_path / "answer.wav"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    facts: dict[str, object] = json.loads(done.stdout)
    return facts


def heard_in(path: Path) -> str:
    sound = read_wav(path.read_bytes())
    return independent_words(resampled(sound.pcm, sound.rate_hz, RATE_HZ))


def test_the_service_answers_a_recorded_question_with_the_right_words(tmp_path: Path) -> None:
    with served() as base:
        url = base.replace("http", "ws", 1) + "/realtime"
        facts = call(tmp_path, "lines/what_is_twelve_times_seven_rms.wav", "--url", url)
    assert facts["ended"] == "file ended"
    assert "84" in str(facts["transcript"])
    assert re.search(r"eighty.?four", heard_in(tmp_path / "answer.wav")), "the words must be in the sound itself"


def test_a_real_persons_question_gets_a_spoken_answer_without_a_service(tmp_path: Path) -> None:
    trace, picture = tmp_path / "t.jsonl", tmp_path / "t.svg"
    facts = call(
        tmp_path,
        "speech/what_s_the_weather_like.wav",
        "--engine",
        "local",
        "--trace",
        str(trace),
        "--timeline",
        str(picture),
    )
    said = [line for line in facts["transcript"] if line["who"] == "assistant"]  # type: ignore[attr-defined]
    assert "weather" in said[0]["text"], said
    assert "weather" in heard_in(tmp_path / "answer.wav")
    assert ElementTree.fromstring(picture.read_text()).tag.endswith("svg")
    replayed = subprocess.run(
        [sys.executable, "-m", "voice", "replay", str(trace)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert replayed.returncode == 0, replayed.stdout
