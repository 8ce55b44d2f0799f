"""Piper voices. GPLv3: this module is only ever imported by the worker process (see `speaker_worker`)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


class Synthesiser:
    """One voice, the ONNX file at `model_path` with its `.onnx.json` beside it. Raises ImportError or OSError."""

    def __init__(self, settings: dict[str, Any]) -> None:
        from piper import PiperVoice

        model = Path(settings.get("model_path") or "")
        if not model.is_file():
            raise FileNotFoundError("there is no Piper voice at the configured model_path")
        self._voice = PiperVoice.load(str(model))
        self.rate_hz = int(self._voice.config.sample_rate)

    def synthesise(self, text: str, voice: str, speed: float, receive: Callable[[bytes], bool]) -> None:
        """Speak; a sentence at a time, as Piper makes it."""
        from piper import SynthesisConfig

        for chunk in self._voice.synthesize(text, syn_config=SynthesisConfig(length_scale=1.0 / max(speed, 0.25))):
            if not receive(chunk.audio_int16_bytes):
                return
