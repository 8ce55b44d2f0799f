"""A driver on a real loop, between a scripted engine and a person's end in memory."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from tests.session.stage import CONFIG, message, response, server
from voice.audio.frames import PCM_24K, AudioFrame
from voice.engines.base import Ear
from voice.engines.scripted import Answer, ScriptedEngine
from voice.errors import EngineError
from voice.protocol.client_events import (
    ConversationItemCreate,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
)
from voice.protocol.settings import FunctionTool
from voice.runtime.driver import Driver, Watcher
from voice.runtime.trace import TraceWriter
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.rules import LinkRules, SessionConfig
from voice.session.session import Session
from voice.tools.spec import Call, Outcome, ToolContext
from voice.transports.memory import MemoryTransport

SOUND = AudioFrame(PCM_24K, PCM_24K.silence(20))
QUICK = LinkRules(attempts=3, backoff_ms=2, backoff_max_ms=4)
CREATED = server("session.created", session={"type": "realtime", "id": "sess_1"})


async def until(holds: Callable[[], object], timeout_s: float = 5) -> None:
    """Wait for something that nobody announces."""
    async with asyncio.timeout(timeout_s):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


class Tools:
    """Runs what the test gives it. `ended` are the sessions that were told to end."""

    def __init__(self, run: Callable[[Call, ToolContext], Awaitable[str]] | None = None) -> None:
        self.calls: list[Call] = []
        self.cancelled: list[str] = []
        self.ended: list[str] = []
        self._run = run

    async def run(self, call: Call, context: ToolContext) -> Outcome:
        self.calls.append(call)
        try:
            output = await self._run(call, context) if self._run is not None else "noon"
        except asyncio.CancelledError:
            self.cancelled.append(call.call_id)
            raise
        return Outcome(call.call_id, True, output)

    async def end_session(self, session_id: str) -> None:
        self.ended.append(session_id)


class Seen:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.lines: list[tuple[float, ev.Event, list[ef.Effect]]] = []

    def watch(self, now: float, event: ev.Event, effects: Sequence[ef.Effect]) -> None:
        self.lines.append((now, event, list(effects)))

    def events(self) -> list[str]:
        return [type(event).__name__ for _, event, _ in self.lines]

    def notes(self, kind: str) -> list[dict[str, Any]]:
        effects = [effect for _, _, effects in self.lines for effect in effects]
        return [effect.values for effect in effects if isinstance(effect, ef.Note) and effect.kind == kind]


def talks(engine: ScriptedEngine, event: Any) -> None:
    """What a server answers to each event, in short: turns by commit, replies of 100 ms."""
    match event:
        case SessionUpdate():
            engine.emit(server("session.updated", session={"type": "realtime"}))
        case InputAudioBufferClear():
            engine.emit(server("input_audio_buffer.cleared"))
        case InputAudioBufferCommit():
            item_id = f"item_u{len(engine.sent)}"
            engine.emit(server("input_audio_buffer.committed", item_id=item_id))
            for kind in ("added", "done"):
                engine.emit(server(f"conversation.item.{kind}", item=message(item_id, "user")))
        case ConversationItemCreate(item=item):
            wire = item.model_dump(mode="json", exclude_none=True)
            for kind in ("added", "done"):
                engine.emit(server(f"conversation.item.{kind}", item=wire))
        case ResponseCreate():
            reply(engine, f"resp_{len(engine.sent)}")
        case ResponseCancel(response_id=response_id):
            engine.emit(server("response.done", response=response(response_id or "", "cancelled")))
        case _:
            pass


def reply(engine: ScriptedEngine, response_id: str, *, ms: float = 100) -> None:
    """A spoken reply, whole."""
    item_id = f"item_{response_id}"
    engine.emit(server("response.created", response=response(response_id)))
    engine.emit(server("response.output_item.added", response_id=response_id, output_index=0, item=message(item_id)))
    for _ in range(round(ms / 20)):
        engine.emit_audio(SOUND, response_id=response_id, item_id=item_id)
    ids = {"response_id": response_id, "item_id": item_id, "output_index": 0, "content_index": 0}
    engine.emit(server("response.output_audio.done", **ids))
    engine.emit(server("response.done", response=response(response_id, "completed")))


class Conversation:
    """One run of a driver and everything around it."""

    def __init__(
        self,
        *,
        answer: Answer | None = talks,
        tools: Tools | None = None,
        refusals: Sequence[EngineError | None] = (),
        transport: MemoryTransport | None = None,
        watchers: Sequence[Watcher] = (),
        greets: bool = True,
        ear: Ear | None = None,
        **config: Any,
    ) -> None:
        declared = tuple(
            FunctionTool(name=name, description="", parameters={}) for name in config.pop("tool_names", ())
        )
        config = {"link": QUICK, "playout": "reports", **config}
        self.config: SessionConfig = replace(CONFIG, tools=declared, **config)
        self.transport = transport or MemoryTransport(playout=self.config.playout, realtime=self.config.client_face)
        self.engines: list[ScriptedEngine] = []
        self.tools = tools or Tools()
        self.seen = Seen()
        self.trace = io.StringIO()
        self._answer = answer
        self._greeting = CREATED if greets else None
        self._refusals = list(refusals)
        self.driver = Driver(
            Session(self.config),
            self.transport,
            self._make_engine,
            self.tools,
            watchers=[self.seen, TraceWriter(self.trace, self.config, started="now"), *watchers],
            draw=lambda: 0.5,
            ear=ear,
        )
        self.task: asyncio.Task[str] | None = None

    def _make_engine(self) -> ScriptedEngine:
        refuses = self._refusals.pop(0) if self._refusals else None
        self.engines.append(ScriptedEngine(greeting=self._greeting, answer=self._answer, refuses=refuses))
        return self.engines[-1]

    @property
    def engine(self) -> ScriptedEngine:
        return self.engines[-1]

    def start(self) -> asyncio.Task[str]:
        self.task = asyncio.get_running_loop().create_task(self.driver.run())
        return self.task

    async def ready(self) -> None:
        """The engine has greeted."""
        await until(lambda: self.seen.notes("link") and self.seen.notes("link")[-1]["state"] == "ready")

    def trace_lines(self) -> list[str]:
        return self.trace.getvalue().splitlines()


@asynccontextmanager
async def conversation(**options: Any) -> AsyncIterator[Conversation]:
    """A conversation with an engine that has greeted; hung up at the end. No task outlives it."""
    before = asyncio.all_tasks()
    scene = Conversation(**options)
    task = scene.start()
    await scene.ready()
    try:
        yield scene
    finally:
        scene.transport.hang_up("the test is over")
        await asyncio.wait([task], timeout=5)
        assert task.done(), "the conversation does not end"
        assert asyncio.all_tasks() == before, "a task outlives its conversation"
