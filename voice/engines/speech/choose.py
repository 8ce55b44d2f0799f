"""Names in the settings to the stages they mean. Nothing heavy is loaded before a stage is opened."""

from __future__ import annotations

import ctypes
from importlib.util import find_spec

from voice.engines.stages import Recogniser, Speaker, SpeechProbability
from voice.errors import ConfigError, ExtraMissing

SPEAKERS = ("auto", "flite", "espeak", "piper", "kokoro", "tones")
RECOGNISERS = ("auto", "pocketsphinx", "whisper", "scripted")
DETECTORS = ("auto", "silero", "energy")


def choose_speaker(name: str = "auto", *, model_path: str = "", voices_path: str = "") -> Speaker:
    """Who speaks. "auto" is Flite where the library is, else eSpeak NG.

    Raises ConfigError for an unknown name and ExtraMissing when "auto" finds neither. What else is missing shows
    at `open`.
    """
    if name == "auto":
        name = _speaker_at_hand()
    if name == "flite":
        from voice.engines.speech.flite import FliteSpeaker

        return FliteSpeaker()
    if name in ("espeak", "piper", "kokoro"):
        from voice.engines.speech.process_speaker import ProcessSpeaker

        return ProcessSpeaker(name, model_path=model_path, voices_path=voices_path)
    if name == "tones":
        from voice.engines.speech.scripted import ToneSpeaker

        return ToneSpeaker()
    raise _unknown("speaker", name, SPEAKERS)


def choose_recogniser(
    name: str = "auto", *, model_path: str = "", workers: int | None = None, thorough: bool = False
) -> Recogniser:
    """Who listens. "auto" is faster-whisper when a `model_path` is set, else PocketSphinx. Raises ConfigError."""
    if name == "auto":
        name = "whisper" if model_path else "pocketsphinx"
    if name == "pocketsphinx":
        from voice.engines.speech.pocketsphinx import PocketsphinxRecogniser

        return PocketsphinxRecogniser(workers=workers, thorough=thorough)
    if name == "whisper":
        if not model_path:
            raise ConfigError("The recogniser whisper needs a model.", fix="Set model_path to the model's folder.")
        from voice.engines.speech.whisper import WhisperRecogniser

        return WhisperRecogniser(model_path)
    if name == "scripted":
        from voice.engines.speech.scripted import ScriptedRecogniser

        return ScriptedRecogniser()
    raise _unknown("recogniser", name, RECOGNISERS)


def choose_vad(name: str = "auto") -> SpeechProbability:
    """A fresh speech detector for one stream; "auto" is Silero. Raises ConfigError or ExtraMissing."""
    if name in ("auto", "silero"):
        from voice.engines.speech.silero import SileroProbability

        return SileroProbability()
    if name == "energy":
        from voice.engines.speech.scripted import EnergyProbability

        return EnergyProbability()
    raise _unknown("speech detector", name, DETECTORS)


def _speaker_at_hand() -> str:
    if _library("libflite.so.1"):
        return "flite"
    if find_spec("espeakng_loader") is not None or _library("libespeak-ng.so.1"):
        return "espeak"
    raise ExtraMissing(
        "A speech synthesiser",
        "espeak",
        fix="Install one with: apt-get install libflite1, or: pip install 'voice[espeak]'",
    )


def _library(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _unknown(what: str, name: str, known: tuple[str, ...]) -> ConfigError:
    return ConfigError(f"There is no {what} named {name!r}.", fix=f"Choose one of: {', '.join(known)}.")
