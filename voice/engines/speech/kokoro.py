"""Kokoro through kokoro-onnx, whose phonemes come from espeak-ng (GPLv3): only for the worker process, too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from voice.engines.speech.voices import pick_voice

_HIGHER = ("af_heart", "af_bella", "af_nicole", "bf_emma")
_LOWER = ("am_michael", "am_fenrir", "bm_george")


class Synthesiser:
    """The model at `model_path` (`kokoro-v1.0.onnx`) and the voices at `voices_path`, by default beside it."""

    rate_hz = 24_000

    def __init__(self, settings: dict[str, Any]) -> None:
        from kokoro_onnx import Kokoro

        model = Path(settings.get("model_path") or "")
        voices = Path(settings.get("voices_path") or model.with_name("voices-v1.0.bin"))
        for path in (model, voices):
            if not path.is_file():
                raise FileNotFoundError("the Kokoro model or its voices are not at the configured path")
        self._kokoro = Kokoro(str(model), str(voices))

    def synthesise(self, text: str, voice: str, speed: float, receive: Callable[[bytes], bool]) -> None:
        """Speak; a sentence at once."""
        import numpy as np

        chosen = pick_voice(voice, higher=_HIGHER, lower=_LOWER)
        samples, _ = self._kokoro.create(text, voice=chosen, speed=min(max(speed, 0.5), 2.0), lang="en-us")
        receive(np.clip(np.rint(samples * 32767), -32768, 32767).astype("<i2").tobytes())
