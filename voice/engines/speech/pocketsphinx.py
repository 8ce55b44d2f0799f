"""PocketSphinx as a recogniser: a pool of worker processes, each with one utterance at a time.

It needs no key, no network and no graphics card, and it is of demonstration quality: good at phrases it is told to
expect, poor at free speech and across a room.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections import deque
from collections.abc import Sequence
from importlib.util import find_spec

from voice.engines.speech import pipe
from voice.engines.speech.worker_process import WorkerProcess
from voice.engines.stages import Transcript
from voice.errors import EngineFailed, ExtraMissing, Misuse

logger = logging.getLogger(__name__)

_MODULE = "voice.engines.speech.pocketsphinx_worker"
_BYTES_PER_SECOND = 32_000
_BACKLOG_BYTES = 60 * _BYTES_PER_SECOND
_MOST_WAITING = 64
_RESPAWN_PAUSE_S = 0.5


class PocketsphinxRecogniser:
    """Makes recognitions. The first worker is warm when `open` returns; more come when more people speak at once.

    `workers` is the most processes (91 MB each); an utterance that finds none free waits and is caught up with.
    """

    name = "pocketsphinx"

    def __init__(self, *, workers: int | None = None, thorough: bool = False, finish_timeout_s: float = 15.0) -> None:
        self._most = workers or max(1, min(4, os.cpu_count() or 1))
        self._settings = {"thorough": thorough}
        self._finish_timeout_s = finish_timeout_s
        self._waiting: asyncio.Queue[PocketsphinxRecognition] = asyncio.Queue(_MOST_WAITING)
        self._lanes: set[asyncio.Task[None]] = set()
        self._workers: set[WorkerProcess] = set()
        self._idle = 0
        self._usual: Sequence[str] = ()  # the phrases of the last utterance: those of the next one, most likely

    async def open(self) -> None:
        """Start the first worker. Raises ExtraMissing or EngineFailed."""
        if self._lanes:
            return
        if find_spec("pocketsphinx") is None:
            raise ExtraMissing("The speech recogniser (pocketsphinx)", "local")
        self._add_lane(await self._hire())

    def start(self, *, phrases: Sequence[str] = (), language: str = "en") -> PocketsphinxRecognition:
        """Begin an utterance. `phrases` (see `phrase_syntax`) are preferred where the sound fits them."""
        if not self._lanes:
            raise Misuse("The recogniser is not open.")
        self._usual = phrases
        utterance = PocketsphinxRecognition(phrases, self._finish_timeout_s)
        if language.partition("-")[0] not in ("", "en"):
            utterance.fail(EngineFailed("PocketSphinx only understands English.", fix="Choose another recogniser."))
            return utterance
        try:
            self._waiting.put_nowait(utterance)
        except asyncio.QueueFull:
            utterance.fail(EngineFailed("Too many people speak at once.", fix="Give the recogniser more workers."))
            return utterance
        if self._idle < self._waiting.qsize() and len(self._lanes) < self._most:
            self._add_lane(None)
        return utterance

    async def close(self) -> None:
        """End all workers; utterances under way fail."""
        lanes, self._lanes = self._lanes, set()
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
        await asyncio.gather(*map(self._dismiss, tuple(self._workers)))
        while not self._waiting.empty():
            self._waiting.get_nowait().fail(EngineFailed("The recogniser was closed."))

    def _add_lane(self, worker: WorkerProcess | None) -> None:
        self._lanes.add(asyncio.create_task(self._lane(worker), name="pocketsphinx lane"))

    async def _lane(self, worker: WorkerProcess | None) -> None:
        """One worker's life, and that of its successors: an utterance after the other."""
        while True:
            if worker is None or worker.ended.is_set():
                worker = await self._replace(worker)
            utterance = await self._next()
            if worker is None:
                utterance.fail(EngineFailed("No speech worker could be started."))
                await asyncio.sleep(_RESPAWN_PAUSE_S)
            elif not utterance.over:
                worker = await self._serve(worker, utterance)

    async def _next(self) -> PocketsphinxRecognition:
        self._idle += 1
        try:
            return await self._waiting.get()
        finally:
            self._idle -= 1

    async def _serve(self, worker: WorkerProcess, utterance: PocketsphinxRecognition) -> WorkerProcess | None:
        """Whoever serves the next one: the same worker, or nobody when it died."""
        if worker.ended.is_set():  # while it had nothing to do
            fresh = await self._replace(worker)
            if fresh is None:
                utterance.fail(EngineFailed("No speech worker could be started."))
                return None
            worker = fresh
        try:
            await utterance.be_recognised(worker)
        except EngineFailed as error:
            logger.warning("speech worker lost", extra={"error": error.log})
            utterance.fail(error)
        except asyncio.CancelledError:
            utterance.fail(EngineFailed("The recogniser was closed."))
            raise
        return worker

    async def _replace(self, worker: WorkerProcess | None) -> WorkerProcess | None:
        if worker is not None:
            await self._dismiss(worker)
        try:
            return await self._hire()
        except EngineFailed as error:
            logger.warning("speech worker did not start", extra={"error": error.log})
            return None

    async def _hire(self) -> WorkerProcess:
        worker = await WorkerProcess.start(_MODULE, self._settings)
        self._workers.add(worker)
        if self._usual:
            worker.send(pipe.EXPECT, 0, _spelled(self._usual))
        return worker

    async def _dismiss(self, worker: WorkerProcess) -> None:
        self._workers.discard(worker)
        await worker.close()


class PocketsphinxRecognition:
    """One utterance. Sound waits here until a worker takes it: 60 s at most, then the oldest goes (`dropped_bytes`)."""

    _numbers = 0

    def __init__(self, phrases: Sequence[str], finish_timeout_s: float) -> None:
        PocketsphinxRecognition._numbers = PocketsphinxRecognition._numbers % 0xFFFF_FFF0 + 1
        self._number = PocketsphinxRecognition._numbers
        self._phrases = phrases
        self._finish_timeout_s = finish_timeout_s
        self._backlog: deque[bytes] = deque()
        self._backlog_bytes = 0
        self._words = ""
        self._finishing = False
        self._wake = asyncio.Event()
        self._result: asyncio.Future[Transcript] = asyncio.get_running_loop().create_future()
        self.dropped_bytes = 0

    @property
    def over(self) -> bool:
        """Abandoned, failed or done: nobody waits for more."""
        return self._result.done()

    def feed(self, pcm: bytes) -> None:
        """More sound; ignored after the end."""
        if self.over or self._finishing or not pcm:
            return
        self._backlog.append(pcm)
        self._backlog_bytes += len(pcm)
        while self._backlog_bytes > _BACKLOG_BYTES:
            oldest = len(self._backlog.popleft())
            self._backlog_bytes -= oldest
            self.dropped_bytes += oldest
        self._wake.set()

    def partial(self) -> str:
        """The words so far, about 100 ms behind the sound."""
        return self._words

    async def finish(self) -> Transcript:
        """The final words. Raises EngineFailed when the worker died or takes too long."""
        self._finishing = True
        self._wake.set()
        try:
            return await asyncio.wait_for(asyncio.shield(self._result), self._finish_timeout_s)
        except asyncio.CancelledError:
            if self._result.cancelled():
                raise Misuse("The utterance was abandoned.") from None
            self.abandon()
            raise
        except TimeoutError:
            self.abandon()
            raise EngineFailed("The speech recogniser takes too long.", fix="Give it more workers.") from None

    def abandon(self) -> None:
        """Forget it. The worker is free for the next one at once."""
        self._result.cancel()
        self._backlog.clear()
        self._wake.set()

    def fail(self, error: EngineFailed) -> None:
        """The worker's end: it will not be recognised."""
        if not self.over:
            self._result.set_exception(error)
            self._result.exception()  # who never asks for the words need not hear of it
        self._wake.set()

    async def be_recognised(self, worker: WorkerProcess) -> None:
        """Give a worker everything until the utterance is over. Raises EngineFailed when the worker goes."""
        worker.receive = self._receive
        worker.send(pipe.START, self._number, _spelled(self._phrases))
        gone = asyncio.create_task(worker.ended.wait())
        gone.add_done_callback(lambda _: self._wake.set())
        self._result.add_done_callback(lambda _: self._wake.set())
        try:
            asked = False
            while not self.over:
                self._wake.clear()
                await self._send_backlog(worker)
                if self._finishing and not asked:
                    worker.send(pipe.FINISH, self._number)
                    asked = True
                await worker.drain()
                if not self.over:
                    await self._wake.wait()
        finally:
            gone.cancel()
            if self._result.cancelled():
                worker.send(pipe.ABANDON, self._number)

    async def _send_backlog(self, worker: WorkerProcess) -> None:
        while self._backlog:
            await worker.drain()
            if self._backlog:
                piece = self._backlog.popleft()
                self._backlog_bytes -= len(piece)
                worker.send(pipe.SOUND, self._number, piece)

    def _receive(self, kind: bytes, number: int, body: bytes) -> None:
        if number != self._number or self.over:
            return
        if kind == pipe.TROUBLE:
            self.fail(EngineFailed("The speech recogniser failed.", detail=body.decode(errors="replace")))
            return
        said = json.loads(body)
        self._words = said["text"]
        if kind == pipe.RESULT:
            self._result.set_result(Transcript(said["text"], said["confidence"]))


def _spelled(phrases: Sequence[str]) -> bytes:
    return json.dumps({"phrases": list(phrases)}).encode()
