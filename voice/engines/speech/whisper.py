"""faster-whisper as a recogniser: much better words than PocketSphinx, for a model that the user brings.

No partial words: the model hears an utterance as a whole. It runs in one thread; CTranslate2 lets the interpreter go.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from typing import Any

from voice.engines.stages import Transcript
from voice.errors import EngineFailed, ExtraMissing, Misuse

_LONGEST_BYTES = 30 * 32_000  # what the model can hear at once


class WhisperRecogniser:
    """`model_path` is the folder of a CTranslate2 Whisper model, or the name of one that is already on the machine."""

    name = "whisper"

    def __init__(self, model_path: str, *, device: str = "cpu", compute_type: str = "int8", threads: int = 0) -> None:
        self._model_path = model_path
        self._options = {"device": device, "compute_type": compute_type, "cpu_threads": threads}
        self._model: Any = None
        self._thread: ThreadPoolExecutor | None = None

    async def open(self) -> None:
        """Load the model; nothing is ever downloaded. Raises ExtraMissing or EngineFailed."""
        if self._model is not None:
            return
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="whisper")
        self._model = await asyncio.get_running_loop().run_in_executor(self._thread, self._load)

    def start(self, *, phrases: Sequence[str] = (), language: str = "en") -> WhisperRecognition:
        """Begin an utterance; plain words of `phrases` are given to the model as a hint."""
        if self._model is None or self._thread is None:
            raise Misuse("The recogniser is not open.")
        return WhisperRecognition(self._model, self._thread, phrases, language.partition("-")[0] or "en")

    async def close(self) -> None:
        """Forget the model when the utterance under way is done."""
        thread, self._thread, self._model = self._thread, None, None
        if thread is not None:
            await asyncio.to_thread(thread.shutdown, cancel_futures=True)

    def _load(self) -> Any:
        try:
            from faster_whisper import WhisperModel
        except ImportError as error:
            raise ExtraMissing("The speech recogniser faster-whisper", "whisper") from error
        try:
            return WhisperModel(self._model_path, local_files_only=True, **self._options)
        except Exception as error:  # the hub's, the validator's and CTranslate2's own kinds have no common parent
            raise EngineFailed(
                "The Whisper model could not be loaded.",
                fix="Set the recogniser's model_path to a folder with a CTranslate2 Whisper model.",
                detail=f"{type(error).__name__}",
            ) from error


class WhisperRecognition:
    """One utterance, kept until it is complete: the last 30 s of it."""

    def __init__(self, model: Any, thread: ThreadPoolExecutor, phrases: Sequence[str], language: str) -> None:
        self._model = model
        self._thread = thread
        self._hint = ", ".join(phrase for phrase in phrases if not set(phrase) & set("<{[(|"))[:400]
        self._language = language
        self._sound = bytearray()
        self._abandoned = False
        self.dropped_bytes = 0

    def feed(self, pcm: bytes) -> None:
        """More sound; beyond 30 s the oldest goes."""
        self._sound += pcm
        if (over := len(self._sound) - _LONGEST_BYTES) > 0:
            del self._sound[: over + over % 2]
            self.dropped_bytes += over + over % 2

    def partial(self) -> str:
        """Nothing: see the module."""
        return ""

    async def finish(self) -> Transcript:
        """The words. Raises EngineFailed."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._transcribe)
        except (RuntimeError, ValueError) as error:
            raise EngineFailed("The speech recogniser failed.", detail=type(error).__name__) from error

    def abandon(self) -> None:
        """Forget it."""
        self._abandoned = True
        self._sound.clear()

    def _transcribe(self) -> Transcript:
        import numpy as np

        if self._abandoned or len(self._sound) < 2:
            return Transcript("")
        samples = np.frombuffer(bytes(self._sound[: len(self._sound) & ~1]), dtype="<i2").astype(np.float32) / 32768
        # A generator: the work is done as it is walked through, and left undone when it is not.
        found, _ = self._model.transcribe(
            samples,
            language=self._language,
            beam_size=1,
            condition_on_previous_text=False,
            initial_prompt=self._hint or None,
        )
        texts: list[str] = []
        scores: list[float] = []
        for segment in takewhile(lambda _: not self._abandoned, found):
            texts.append(segment.text.strip())
            scores.append(segment.avg_logprob)
        return Transcript(" ".join(texts), math.exp(sum(scores) / len(scores)) if scores else None)
