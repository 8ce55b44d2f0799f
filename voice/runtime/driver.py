"""One conversation on a real loop: one inbox, one timer, and a place where effects become calls.

The driver decides nothing. Its clock begins at zero with the session. Whatever happens is put in the inbox with no
task in between, handled by the session at that time, and the effects are done at once; long ones run as tasks that
the driver owns and report by event.
An event that arrives while another is being handled waits in the inbox: the session is never re-entered.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import astuple
from typing import Any, Protocol

from voice.audio.frames import AudioFrame
from voice.engines.base import Ear, Engine, Spotter, TellsWords
from voice.errors import EngineError, EngineFailed, EngineRefused, VoiceError
from voice.protocol.client_events import ClientEvent
from voice.protocol.codec import Unknown
from voice.protocol.server_events import (
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ServerEvent,
)
from voice.runtime.loudness import Loudness
from voice.runtime.spotting import WordWatch
from voice.runtime.turn_watch import TurnSenses, TurnWatch
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.session import Session
from voice.session.states import Floor, Voice
from voice.tools.spec import Call, Outcome, ToolContext
from voice.transports.base import Transport

logger = logging.getLogger(__name__)

INBOX_LIMIT = 10_000
CLOSING_S = 5.0
CLOSE_NORMAL, CLOSE_BROKEN = 1000, 1011


class Watcher(Protocol):
    """Sees everything that happens, after it was handled and before its effects are done."""

    def watch(self, now: float, event: ev.Event, effects: Sequence[ef.Effect]) -> None:
        """`now` is the session's time: seconds since it began. Must not block; one that raises is not asked again."""


class ToolRunner(Protocol):
    """The executor, as a driver needs it."""

    async def run(self, call: Call, context: ToolContext) -> Outcome: ...

    async def end_session(self, session_id: str) -> None: ...


class Driver:
    """Runs one session between one transport and one engine at a time."""

    def __init__(
        self,
        session: Session,
        transport: Transport,
        make_engine: Callable[[], Engine],
        tools: ToolRunner,
        *,
        ear: Ear | None = None,
        spotter: Spotter | None = None,
        senses: TurnSenses | None = None,
        watchers: Sequence[Watcher] = (),
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.session = session
        self.session_id = session.config.session_id
        self.transport = transport
        self.failure: VoiceError | None = None
        self.ended_because = ""
        self._make_engine = make_engine
        self._tools = tools
        self._ear = ear
        self._loudness = Loudness()
        self._words = WordWatch(spotter, ear, self.post, self._spawn) if spotter and ear else None
        self._turn = TurnWatch(senses, self._words_now, self.post, self._spawn) if senses and ear else None
        self._watchers = list(watchers)
        self._draw = draw
        self._engine: Engine | None = None
        self._inbox: deque[ev.Event] = deque()
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._goodbyes: set[asyncio.Task[None]] = set()
        self._running_tools: dict[str, asyncio.Task[None]] = {}
        self._over = asyncio.Event()
        self._close_code = CLOSE_NORMAL
        self._loop = asyncio.get_running_loop()
        self._zero = self._loop.time()
        self._perform: dict[type, Callable[[Any], None]] = {
            ef.SendAudio: self._send_audio,
            ef.Play: self._play,
            ef.Mark: self._mark,
            ef.StopPlayback: self._stop_playback,
            ef.Duck: lambda effect: transport.duck(effect.gain_db),
            ef.Restore: lambda effect: transport.restore(),
            ef.SendToEngine: self._send_to_engine,
            ef.SendToClient: self._send_to_client,
            ef.OpenLink: self._open_link,
            ef.CloseLink: self._close_link,
            ef.RunTool: self._run_tool,
            ef.CancelTool: self._cancel_tool,
            ef.HangUp: self._hang_up,
            ef.Note: self._note,
        }

    async def run(self) -> str:
        """The whole conversation. Returns why it ended; raises what broke it, if something did."""
        try:
            await self.transport.open(self)
            self.post(ev.Tick())
            await self._over.wait()
        finally:
            self.close("cancelled")
            await self._close()
        if self.failure is not None and self._close_code == CLOSE_BROKEN:
            raise self.failure
        return self.ended_because

    def post(self, event: ev.Event) -> None:
        """Something happened. Handled before this returns, unless something else is being handled now."""
        if self._busy:
            self._wait_in_line(event)
        else:
            self._take_in(event)
            self._arm()

    def _take_in(self, event: ev.Event) -> None:
        if self._over.is_set():
            return
        self._busy = True
        try:
            self._handle(event)
            if self._inbox:
                self._catch_up()
        except Exception as error:
            self._break(error)
        finally:
            self._busy = False

    def _wait_in_line(self, event: ev.Event) -> None:
        self._inbox.append(event)
        if len(self._inbox) > INBOX_LIMIT:
            raise EngineFailed("The conversation fell behind its own events.")

    def _catch_up(self) -> None:
        """What came while something else was being handled, in its order."""
        while self._inbox and not self._over.is_set():
            self._handle(self._inbox.popleft())
        self._arm()

    def close(self, reason: str) -> None:
        """End the conversation politely."""
        self.post(ev.Close(reason))

    def _handle(self, event: ev.Event) -> None:
        now = self._loop.time() - self._zero
        effects = self.session.handle(event, now)
        for watcher in self._watchers:
            try:
                watcher.watch(now, event, effects)
            except Exception as error:
                self._stop_watching(watcher, error)
        perform = self._perform
        for effect in effects:
            perform[type(effect)](effect)

    def _stop_watching(self, watcher: Watcher, error: Exception) -> None:
        """A full disk, for instance: who watches may fail, the conversation goes on."""
        self._watchers = [other for other in self._watchers if other is not watcher]
        logger.error("watcher failed", extra={"session_id": self.session_id}, exc_info=error)

    def _break(self, error: Exception) -> None:
        """Our own mistake: the conversation ends, loudly, and takes no other with it."""
        logger.error("session broke", extra={"session_id": self.session_id}, exc_info=error)
        self.failure = (
            error if isinstance(error, VoiceError) else EngineFailed("The conversation broke.", detail=repr(error))
        )
        self._close_code = CLOSE_BROKEN
        self.ended_because = "internal error"
        self._over.set()

    # The timer

    def _arm(self) -> None:
        deadline = self.session.deadline()
        if deadline is None:
            return
        when = max(self._zero + deadline.at, self._loop.time())
        if self._timer is not None:
            if self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._timer = None
        deadline = self.session.deadline()
        if deadline is not None and deadline.at <= self._loop.time() - self._zero:
            self.post(ev.Tick())
        else:
            self._arm()

    # What the transport says

    def receive_frame(self, frame: AudioFrame) -> None:
        if self._busy:
            self._wait_in_line(ev.CallerAudio(frame))
        else:
            self._take_in(ev.CallerAudio(frame))  # by itself a frame never moves a deadline
        if self._ear is not None:
            self._listen(self._ear, frame)
        elif self._expects_speech() and self._loudness.hear(frame):
            self.post(ev.CallerLoud())

    def _expects_speech(self) -> bool:
        """Nobody speaks: loudness now may be the person."""
        states = self.session.states
        return states.floor is Floor.SILENT and states.voice is Voice.QUIET and not self._over.is_set()

    def _listen(self, ear: Ear, frame: AudioFrame) -> None:
        if self._turn is not None:
            self._turn.keep(frame)
        sounding = self.session.states.voice is not Voice.QUIET
        facts = ear.hear(frame, sounding=sounding)
        if facts is None:
            return
        self.post(ev.CallerSpeech(*astuple(facts)))
        if self._turn is not None and not self._over.is_set():
            self._turn.hear(facts)
        if sounding and self._words is not None and not self._over.is_set():
            self._words.hear(facts)

    def _words_now(self) -> str | None:
        engine: object = self._engine
        return engine.words_so_far() if isinstance(engine, TellsWords) else None

    def played(self, epoch: int, position_ms: float, uncertainty_ms: float) -> None:
        self.post(ev.Played(epoch, position_ms, uncertainty_ms, self.transport.held_ms))

    def push_to_talk(self, held: bool, reply: bool = True) -> None:
        self.post(ev.PushToTalk(held, reply))

    def talk_cancelled(self) -> None:
        self.post(ev.TalkCancelled())

    def dtmf(self, digit: str) -> None:
        self.post(ev.Dtmf(digit))

    def typed(self, text: str) -> None:
        self.post(ev.Typed(text))

    def client_said(self, event: ClientEvent) -> None:
        self.post(ev.ClientSaid(event))

    def approval_given(self, request_id: str, approve: bool) -> None:
        self.post(ev.ApprovalGiven(request_id, approve))

    def hung_up(self, reason: str) -> None:
        self.post(ev.HungUp(reason))

    # Effects

    def _send_audio(self, effect: ef.SendAudio) -> None:
        if self._engine is not None:
            self._engine.send_audio(effect.frame)

    def _play(self, effect: ef.Play) -> None:
        if self._ear is not None:
            self._ear.play(effect.frame)
        self.transport.play(effect.response_id, effect.item_id, effect.output_index, effect.content_index, effect.frame)

    def _mark(self, effect: ef.Mark) -> None:
        self.transport.mark(effect.epoch, effect.position_ms)

    def _stop_playback(self, effect: ef.StopPlayback) -> None:
        if self._ear is not None:
            self._ear.stop()
        self.transport.stop_playback(effect.epoch)

    def _send_to_engine(self, effect: ef.SendToEngine) -> None:
        if self._engine is not None:
            self._engine.send(effect.event)

    def _send_to_client(self, effect: ef.SendToClient) -> None:
        self.transport.send_event(effect.event)

    def _note(self, effect: ef.Note) -> None:
        """Watchers read notes from the stream."""

    def _hang_up(self, effect: ef.HangUp) -> None:
        self._close_code, self.ended_because = effect.code, effect.reason
        self._over.set()

    def _open_link(self, effect: ef.OpenLink) -> None:
        engine = self._make_engine()
        self._engine = engine
        self._spawn(self._connect(engine))

    async def _connect(self, engine: Engine) -> None:
        try:
            await engine.open(_EngineEar(self, engine))
        except EngineError as error:
            if self._engine is engine:
                self._engine = None
                self.failure = error
                self.post(ev.LinkLost(0, error.person, self._draw(), final=isinstance(error, EngineRefused)))
            return
        if self._engine is engine:
            self.failure = None
            self.post(ev.LinkOpened())

    def _close_link(self, effect: ef.CloseLink) -> None:
        """From now on nobody listens to this engine, however long its goodbye takes."""
        engine, self._engine = self._engine, None
        if engine is not None:
            self._say_goodbye(engine)
            self.post(ev.LinkLost(CLOSE_NORMAL, "closed", self._draw()))

    def _say_goodbye(self, engine: Engine) -> None:
        task = self._loop.create_task(self._cleanly(engine.close()))
        self._goodbyes.add(task)
        task.add_done_callback(self._goodbyes.discard)

    async def _cleanly(self, closing: Coroutine[Any, Any, None]) -> None:
        """Close something: in time, and with no harm when it fails."""
        try:
            async with asyncio.timeout(CLOSING_S):
                await closing
        except Exception as error:
            values = {"session_id": self.session_id, "error": type(error).__name__}
            logger.warning("closing was not clean", extra=values)

    def _run_tool(self, effect: ef.RunTool) -> None:
        call = Call(effect.call_id, effect.name, effect.arguments, self.session_id, effect.approved_by)
        self._running_tools[effect.call_id] = self._spawn(self._tool(call))

    async def _tool(self, call: Call) -> None:
        try:
            outcome = await self._tools.run(call, _ToolVoice(self, call.call_id))
        finally:
            self._running_tools.pop(call.call_id, None)
        self.post(ev.ToolDone(outcome.call_id, outcome.output, outcome.ok))

    def _cancel_tool(self, effect: ef.CancelTool) -> None:
        if task := self._running_tools.get(effect.call_id):
            task.cancel()

    # Tasks

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)
        return task

    def _task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and isinstance(error := task.exception(), Exception) and not self._over.is_set():
            self._break(error)

    async def _close(self) -> None:
        self._over.set()
        if self._timer is not None:
            self._timer.cancel()
        await self._end_tasks()
        if self._ear is not None:
            self._ear.close()
        engine, self._engine = self._engine, None
        if engine is not None:
            self._say_goodbye(engine)
        await asyncio.gather(
            self._cleanly(self.transport.close(self._close_code, self.ended_because)),
            self._cleanly(self._tools.end_session(self.session_id)),
            *self._goodbyes,
        )

    async def _end_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            _, stuck = await asyncio.wait(self._tasks, timeout=CLOSING_S)
            if stuck:
                logger.error("tasks would not end", extra={"session_id": self.session_id, "tasks": len(stuck)})


class _ToolVoice:
    """What one running tool may ask of its conversation."""

    def __init__(self, driver: Driver, call_id: str) -> None:
        self.session_id = driver.session_id
        self._driver = driver
        self._call_id = call_id

    def announce(self, text: str) -> None:
        self._driver.post(ev.Say(text))

    def progress(self, text: str) -> None:
        self._driver.post(ev.ToolProgress(self._call_id, text))


class _EngineEar:
    """Hears one engine, and only as long as it is the driver's present one."""

    def __init__(self, driver: Driver, engine: Engine) -> None:
        self._driver = driver
        self._engine = engine

    def receive_event(self, event: ServerEvent | Unknown) -> None:
        driver = self._driver
        if driver._engine is not self._engine:
            return
        driver.post(ev.EngineSaid(event))
        if driver._turn is None:
            return
        if isinstance(event, ConversationItemInputAudioTranscriptionDelta):
            driver._turn.read(event)
        elif isinstance(event, ConversationItemInputAudioTranscriptionCompleted):
            driver._turn.understood(event.transcript)

    def receive_audio(
        self, response_id: str, item_id: str, output_index: int, content_index: int, frame: AudioFrame
    ) -> None:
        if self._driver._engine is self._engine:
            self._driver.post(ev.EngineAudio(response_id, item_id, output_index, content_index, frame))

    def engine_closed(self, code: int, reason: str) -> None:
        driver = self._driver
        if driver._engine is self._engine:
            driver._engine = None
            driver.post(ev.LinkLost(code, reason, driver._draw()))
