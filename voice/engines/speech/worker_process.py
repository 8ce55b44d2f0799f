"""A worker process and the pipe to it, without ever blocking the loop."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from voice.engines.speech import pipe
from voice.errors import EngineFailed

logger = logging.getLogger(__name__)

_ROOT = Path(__file__).resolve().parents[3]
_GOODBYE_S = 1.0
_WRITE_AHEAD_BYTES = 64_000


class WorkerProcess:
    """One Python module running as a process that speaks `pipe`. Made by `start`, ended by `close`."""

    def __init__(self, module: str, process: asyncio.subprocess.Process) -> None:
        self._module = module
        self._process = process
        self._ready = asyncio.Event()
        self._why = ""
        self.receive: Callable[[bytes, int, bytes], None] = lambda kind, number, body: None
        self.greeting = ""
        """What it said when it became ready."""
        self.ended = asyncio.Event()
        """Set when the process has gone, whoever's wish it was."""
        self._reader = asyncio.create_task(self._read(), name=f"{module} reader")

    @classmethod
    async def start(cls, module: str, settings: Mapping[str, Any], *, timeout_s: float = 20.0) -> WorkerProcess:
        """Run the module and wait until it is ready. Raises EngineFailed with what it said when it could not."""
        paths = [str(_ROOT), os.environ.get("PYTHONPATH", "")]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            json.dumps(settings),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            start_new_session=True,  # Ctrl-C is for its owner, which may still want to finish a sentence
        )
        worker = cls(module, process)
        try:
            await asyncio.wait_for(worker._becomes_ready(), timeout_s)
        except BaseException as error:
            await worker.close()
            if isinstance(error, TimeoutError):
                raise EngineFailed("A speech worker did not become ready.", detail=module) from None
            raise
        return worker

    def send(self, kind: bytes, number: int, body: bytes = b"") -> None:
        """Queue a message; follow it with `drain` where there can be many. Into the void when the process has gone."""
        if self._process.stdin is not None and not self.ended.is_set():
            self._process.stdin.write(pipe.pack(kind, number, body))

    async def drain(self) -> None:
        """Wait while the process is far behind. Raises EngineFailed when it has gone."""
        assert self._process.stdin is not None
        try:
            await self._process.stdin.drain()
        except (ConnectionError, RuntimeError):
            self.ended.set()
        if self.ended.is_set():
            raise EngineFailed("A speech worker died.", detail=f"{self._module}, {self._process.returncode}")

    async def close(self) -> None:
        """Ask it to go, and see to it that it does. Idempotent."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _GOODBYE_S)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        finally:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
            self.ended.set()

    async def _becomes_ready(self) -> None:
        await self._ready.wait()
        if self.ended.is_set():
            raise EngineFailed("A speech worker could not start.", detail=f"{self._module}: {self._why}")

    async def _read(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        self._process.stdin.transport.set_write_buffer_limits(_WRITE_AHEAD_BYTES)
        unpacker = pipe.Unpacker()
        try:
            while data := await self._process.stdout.read(1 << 16):
                for kind, number, body in unpacker.feed(data):
                    self._dispatch(kind, number, body)
        except pipe.GarbledError:
            logger.exception("worker garbled", extra={"worker": self._module})
        finally:
            self.ended.set()
            self._ready.set()

    def _dispatch(self, kind: bytes, number: int, body: bytes) -> None:
        if kind == pipe.READY:
            self.greeting = body.decode(errors="replace")
            self._ready.set()
        elif kind == pipe.TROUBLE and number == 0:
            self._why = body.decode(errors="replace")
        else:
            self.receive(kind, number, body)
