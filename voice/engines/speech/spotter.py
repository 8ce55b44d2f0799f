"""The `Spotter` of a service: one process for all conversations, asked about short stretches one after the other."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable
from importlib.util import find_spec

from voice.engines.base import Spotted
from voice.engines.speech import pipe
from voice.engines.speech.worker_process import WorkerProcess
from voice.errors import EngineFailed, ExtraMissing

logger = logging.getLogger(__name__)

_MODULE = "voice.engines.speech.spotter_worker"
_MOST_WAITING = 8
_PATIENCE_S = 0.4
"""An answer that takes longer is of no use: the clock has decided."""


class WordSpotter:
    """Looks for `acknowledgements` and `others` in stretches of a second or two (English only).

    At most eight conversations wait for an answer at a time; what is more is not answered. A process that died is
    replaced in the background, and until then nothing is answered.
    """

    def __init__(self, acknowledgements: Iterable[str], others: Iterable[str]) -> None:
        self._settings = {"acknowledgements": sorted(acknowledgements), "others": sorted(others)}
        self._worker: WorkerProcess | None = None
        self._answers: dict[int, asyncio.Future[Spotted | None]] = {}
        self._number = 0
        self._replacing: asyncio.Task[None] | None = None
        self.unanswered = 0
        """Looks that brought nothing because too much was asked, or because it took too long."""

    @staticmethod
    def installed() -> bool:
        """Whether there is anything to spot with."""
        return find_spec("pocketsphinx") is not None

    async def open(self) -> None:
        """Start the process. Raises ExtraMissing or EngineFailed."""
        if not self.installed():
            raise ExtraMissing("The word spotter (pocketsphinx)", "local")
        await self._hire()

    def warm(self) -> None:
        """Start the process in the background, unless it runs; until it does nothing is answered."""
        if self._worker is None or self._worker.ended.is_set():
            self._replace()

    async def spot(self, pcm: bytes) -> Spotted | None:
        """What the stretch says; None when that is not known soon enough."""
        worker = self._worker
        if worker is None or worker.ended.is_set():
            self._replace()
            return None
        if len(self._answers) >= _MOST_WAITING:
            self.unanswered += 1
            return None
        self._number = self._number % 0xFFFF_FFF0 + 1
        number = self._number
        answer: asyncio.Future[Spotted | None] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        worker.send(pipe.SOUND, number, pcm)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                spotted: Spotted | None = await answer
                return spotted
        except TimeoutError:
            self.unanswered += 1
            return None
        finally:
            self._answers.pop(number, None)

    async def close(self) -> None:
        """End the process."""
        if self._replacing is not None:
            self._replacing.cancel()
            await asyncio.gather(self._replacing, return_exceptions=True)
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.close()

    async def _hire(self) -> None:
        worker = await WorkerProcess.start(_MODULE, self._settings)
        worker.receive = self._receive
        self._worker = worker

    def _replace(self) -> None:
        if self._replacing is None or self._replacing.done():
            self._replacing = asyncio.create_task(self._rehire(), name="word spotter")

    async def _rehire(self) -> None:
        worker, self._worker = self._worker, None
        try:
            if worker is not None:
                await worker.close()
            await self._hire()
        except EngineFailed as error:
            logger.warning("word spotter did not start", extra={"error": error.log})

    def _receive(self, kind: bytes, number: int, body: bytes) -> None:
        answer = self._answers.get(number)
        if answer is None or answer.done():
            return
        if kind == pipe.RESULT:
            text, confidence = json.loads(body)
            answer.set_result(Spotted(text, confidence))
        else:
            answer.set_result(None)
