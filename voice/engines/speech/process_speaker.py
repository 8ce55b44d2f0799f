"""A synthesiser in a process of its own, as a speaker."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from importlib.util import find_spec
from typing import Any

from voice.engines.speech import pipe
from voice.engines.speech.sentences import sentences
from voice.engines.speech.text import speech_text
from voice.engines.speech.worker_process import WorkerProcess
from voice.errors import EngineFailed, ExtraMissing, Misuse

_MODULE = "voice.engines.speech.speaker_worker"
_PACKAGES = {"piper": "piper", "kokoro": "kokoro_onnx"}
_FIRST_SOUND_TIMEOUT_S = 20.0


class ProcessSpeaker:
    """`engine` is espeak, piper or kokoro; `settings` are what it needs, such as `model_path`.

    One sentence at a time; a worker that died is replaced before the next one.
    """

    def __init__(self, engine: str, **settings: Any) -> None:
        self.name = engine
        self.rate_hz = 22_050
        """That of the voice, once open."""
        self._settings = {"engine": engine, **settings}
        self._worker: WorkerProcess | None = None
        self._turn = asyncio.Lock()
        self._number = 0
        self._open = False

    async def open(self) -> None:
        """Start the process. Raises ExtraMissing or EngineFailed."""
        package = _PACKAGES.get(self.name)
        if package is not None and find_spec(package) is None:
            raise ExtraMissing(f"The synthesiser {self.name}", self.name)
        try:
            await self._running_worker()
        except EngineFailed as error:
            if "Error: " in error.detail and ("OSError" in error.detail or "ModuleNotFoundError" in error.detail):
                raise ExtraMissing(f"The synthesiser {self.name}", self.name) from error
            raise
        self._open = True

    async def speak(self, text: str, *, voice: str = "", speed: float = 1.0) -> AsyncGenerator[bytes, None]:
        """PCM16 at `rate_hz`. Raises EngineFailed when the process died."""
        if not self._open:
            raise Misuse("The speaker is not open.")
        for sentence in sentences(speech_text(text)):
            async with self._turn, contextlib.aclosing(self._sentence(sentence, voice, speed)) as pieces:
                async for pcm in pieces:
                    yield pcm

    async def close(self) -> None:
        """End the process."""
        self._open = False
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.close()

    async def _sentence(self, text: str, voice: str, speed: float) -> AsyncGenerator[bytes, None]:
        worker = await self._running_worker()
        self._number += 1
        number = self._number
        # Bounded by the sentence: the worker makes no more than was asked for.
        answers: asyncio.Queue[pipe.Message | None] = asyncio.Queue()
        worker.receive = lambda *message: answers.put_nowait(message)
        gone = asyncio.create_task(worker.ended.wait())
        gone.add_done_callback(lambda _: answers.put_nowait(None))
        worker.send(pipe.START, number, json.dumps({"text": text, "voice": voice, "speed": speed}).encode())
        finished = False
        try:
            while (pcm := await self._next_sound(answers, number)) is not None:
                yield pcm
            finished = True
        finally:
            gone.cancel()
            if not finished:
                worker.send(pipe.ABANDON, number)

    async def _next_sound(self, answers: asyncio.Queue[pipe.Message | None], number: int) -> bytes | None:
        while True:
            try:
                message = await asyncio.wait_for(answers.get(), _FIRST_SOUND_TIMEOUT_S)
            except TimeoutError:
                raise EngineFailed("The synthesiser takes too long.", detail=self.name) from None
            if message is None:
                raise EngineFailed("The synthesiser died.", detail=self.name)
            kind, which, body = message
            if which != number:
                continue
            if kind == pipe.TROUBLE:
                raise EngineFailed("The synthesiser failed.", detail=f"{self.name}: {body.decode(errors='replace')}")
            return body if kind == pipe.SOUND else None

    async def _running_worker(self) -> WorkerProcess:
        if self._worker is not None and self._worker.ended.is_set():
            await self._worker.close()
            self._worker = None
        if self._worker is None:
            self._worker = await WorkerProcess.start(_MODULE, self._settings, timeout_s=60)
            self.rate_hz = int(self._worker.greeting or self.rate_hz)
        return self._worker
