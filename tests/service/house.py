"""The whole service in this process, on a port of its own, over scripted stages or engines."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from importlib import import_module
from time import monotonic
from types import TracebackType
from typing import Any
from unittest.mock import patch

from tests.service.stages import HumSpeaker, ListedRecogniser, LoudnessVad, ObligingBrain
from voice.app import LOCAL_MODEL, Engines, Service, build_service
from voice.config import Settings
from voice.engines.base import Engine
from voice.engines.local.engine import LocalEngine, prepare
from voice.protocol.ids import Ids
from voice.protocol.traits import EngineTraits
from voice.runtime.hub import Hub
from voice.server.calls import Calls
from voice.server.keys import ApiKey
from voice.server.routes import Answer

# What the service imports when it is needed is here before a loop runs: reading files is a call that blocks.
for _late in (
    "prometheus_client",
    "voice.server.door",
    "voice.server.routes",
    "voice.engines.local.settings",
    "voice.server.page.plain",
    "voice.transports.websocket",
    "voice.tools.builtin",
):
    import_module(_late)
prepare()


class House:
    """`async with House() as house`: the service answers at `house.url` until the end of the block.

    `lines` are what the recogniser hears, one for each utterance. `make_engine` replaces the embedded engine, `answer`
    what answers offers of WebRTC calls. `later_s` puts the engines' clock forward. Stopped by SIGTERM, so one house at
    a time.
    """

    def __init__(
        self,
        lines: Iterable[str | Exception] = (),
        *,
        make_engine: Callable[[str], Engine] | None = None,
        grace_s: float = 0.0,
        settings: Settings | None = None,
        answer: Answer | None = None,
        signals: bool = True,
    ) -> None:
        self.recogniser = ListedRecogniser(lines)
        self.speaker = HumSpeaker()
        self.brain = ObligingBrain()
        self.later_s = 0.0
        self.url = ""
        self.engines_made = 0
        self.engine: Engine
        """The one made last."""
        self._make_engine = make_engine or self._local_engine
        given = settings or Settings()
        self._settings = replace(given, server=replace(given.server, port=0, grace_s=grace_s))
        self._answer = answer
        self._signals = signals
        self._service: Service
        self._serving: asyncio.Task[None]

    @property
    def http(self) -> str:
        """The base address that SDKs are given."""
        return "http" + self.url.removeprefix("ws").removesuffix("/realtime")

    @property
    def port(self) -> int:
        return int(self.url.split(":")[2].split("/")[0])

    @property
    def hub(self) -> Hub:
        return self._service._hub

    @property
    def calls(self) -> Calls:
        return self._service.calls

    def clock_later(self, seconds: float) -> None:
        """Put the clock of the client secrets forward."""
        clock = self._service.secrets._clock
        self._service.secrets._clock = lambda: clock() + seconds

    def look_at_keys(self, keys: Iterable[ApiKey]) -> None:
        """What the service does every few seconds."""
        self._service.change_keys(keys)

    async def __aenter__(self) -> House:
        ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._service = build_service(self._settings)
        if self._answer is not None:
            patch.object(self._service, "_answer", self._answer).start()
        with patch("voice.app.service.open_engines", self._open_engines):
            self._serving = asyncio.create_task(self._service.serve(ready.set_result, signals=self._signals))
            futures: set[asyncio.Future[Any]] = {self._serving, ready}
            await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        if self._serving.done():
            self._serving.result()
        self.url = "ws" + ready.result().removeprefix("http") + "/v1/realtime"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.stop()
        await self._serving

    def stop(self) -> None:
        """Tell the service to stop, as an operator would."""
        if self._serving.done():
            return
        if self._signals:
            signal.raise_signal(signal.SIGTERM)
        else:
            self._service.door.stop()

    async def stopped(self) -> None:
        """Until the service is gone."""
        await asyncio.wait({self._serving})

    async def empty(self, within_s: float = 5.0) -> None:
        """Until no conversation is left."""
        async with asyncio.timeout(within_s):
            while self.hub.active:  # noqa: ASYNC110 - the service tells nobody
                await asyncio.sleep(0.005)

    async def _open_engines(self, settings: Settings, url: str | None, stack: AsyncExitStack) -> Engines:
        return Engines(EngineTraits(LOCAL_MODEL, any_model=True), self._made, LOCAL_MODEL)

    def _made(self, session_id: str) -> Engine:
        self.engines_made += 1
        self.engine = self._make_engine(session_id)
        return self.engine

    def _local_engine(self, session_id: str) -> Engine:
        return LocalEngine(
            recogniser=self.recogniser,
            speaker=self.speaker,
            brain=self.brain,
            vad_factory=LoudnessVad,
            ids=Ids(f"{session_id[-8:]}{self.engines_made}"),
            model=LOCAL_MODEL,
            now=lambda: monotonic() + self.later_s,
        )
