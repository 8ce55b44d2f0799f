"""The sound in `audio_fixtures/` is what its manifest says it is."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from voice.audio.wav import read_wav

FIXTURES = Path(__file__).resolve().parents[2] / "audio_fixtures"
ROWS: list[dict[str, Any]] = tomllib.loads((FIXTURES / "manifest.toml").read_text(encoding="utf-8"))["file"]
LICENCES = {
    *("Apache-2.0", "MIT", "BSD-2-Clause", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC0"),
    *("CMU-ARCTIC", "Public domain"),
}
KINDS = {
    *("command", "command_far", "paused", "read", "digits", "interruption_word", "backchannel"),
    *("overlap", "dialogue", "vocal", "noise", "room", "line"),
}


def test_every_file_has_a_row_and_every_row_a_file() -> None:
    files = {str(path.relative_to(FIXTURES)) for path in FIXTURES.rglob("*.wav")}
    rows = [row["file"] for row in ROWS]
    assert sorted(files) == sorted(rows)
    assert sum(path.stat().st_size for path in FIXTURES.rglob("*.wav")) < 15_000_000


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["file"])
def test_a_row_tells_the_truth(row: dict[str, Any]) -> None:
    sound = read_wav((FIXTURES / row["file"]).read_bytes())
    assert sound.rate_hz == row["rate_hz"]
    assert (sound.channels, sound.sample_bits) == (1, 16)
    assert abs(sound.duration_ms - row["duration_ms"]) <= 1
    assert row["kind"] in KINDS
    assert row["licence"] in LICENCES
    assert row["origin"]
    previous_ms = 0
    for start_ms, end_ms in row["spans_ms"]:
        assert previous_ms <= start_ms < end_ms <= row["duration_ms"] + 40
        previous_ms = end_ms


def test_a_whole_conversation_can_be_held() -> None:
    said = {row["text"] for row in ROWS if row["kind"].startswith("command")}
    assert {"what time is it", "set a timer for 5 minutes", "cancel timer", "hello gemini are you there"} <= said
