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
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from voice.audio.frames import AudioFrame
from voice.engines.base import Ear, Engine
from voice.errors import EngineFailed, VoiceError
from voice.protocol.client_events import ClientEvent
from voice.runtime.engine_line import EngineLine
from voice.runtime.hearing import Hearing
from voice.runtime.tasks import Tasks
from voice.runtime.tool_runs import ToolRunner, ToolRuns
from voice.runtime.turn_watch import TurnSenses
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.ending import CLOSE_BROKEN, CLOSE_NORMAL
from voice.session.session import Session
from voice.transports.base import Transport

logger = logging.getLogger(__name__)

INBOX_LIMIT = 10_000
"""Events that wait while others are handled. Control is never dropped: more than this breaks the conversation."""


class Watcher(Protocol):
    """Sees everything that happens, after it was handled and before its effects are done."""

    def watch(self, now: float, event: ev.Event, effects: Sequence[ef.Effect]) -> None:
        """`now` is the session's time: seconds since it began. Must not block; one that raises is not asked again."""


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
        senses: TurnSenses | None = None,
        watchers: Sequence[Watcher] = (),
        draw: Callable[[], float] = random.random,
    ) -> None:
        self.session = session
        self.session_id = session.config.session_id
        self.transport = transport
        self.ended_because = ""
        self._failure: VoiceError | None = None
        self._close_code = CLOSE_NORMAL
        self._watchers = list(watchers)
        self._inbox: deque[ev.Event] = deque()
        self._busy = False
        self._over = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._zero = self._loop.time()
        self._timer: asyncio.Handle | None = None
        self._rings_at = 0.0  # uvloop's handle of a moment that has come cannot tell it
        self._tasks = Tasks(self.session_id, self._task_failed)
        self._hearing = Hearing(
            session,
            self.post,
            self._over.is_set,
            self._tasks,
            ear=ear,
            senses=senses,
            words_now=self._words_now,
        )
        self._line = EngineLine(make_engine, self.post, self._hearing.read, self._tasks, draw)
        self._tools = ToolRuns(tools, self.session_id, self.post, self._tasks)
        self._perform: dict[type, Callable[[Any], None]] = {
            ef.SendAudio: self._line.send_audio,
            ef.SendToEngine: self._line.send,
            ef.OpenLink: self._line.open,
            ef.CloseLink: self._line.close,
            ef.Play: self._play,
            ef.Mark: self._mark,
            ef.StopPlayback: self._stop_playback,
            ef.Duck: self._duck,
            ef.Restore: self._restore,
            ef.SendToClient: self._send_to_client,
            ef.RunTool: self._tools.run,
            ef.CancelTool: self._tools.cancel,
            ef.HangUp: self._hang_up,
            ef.Note: self._note,
        }

    @property
    def failure(self) -> VoiceError | None:
        """What broke the conversation: our own mistake, or the engine that could not be reached."""
        return self._failure or self._line.failure

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

    def _task_failed(self, error: Exception) -> None:
        if not self._over.is_set():
            self._break(error)

    def _break(self, error: Exception) -> None:
        """Our own mistake: the conversation ends, loudly, and takes no other with it."""
        logger.error("session broke", extra={"session_id": self.session_id}, exc_info=error)
        self._failure = (
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
            if self._rings_at <= when:
                return
            self._timer.cancel()
        self._rings_at = when
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
        """The person's sound: first for the session, then for whoever else listens."""
        if self._busy:
            self._wait_in_line(ev.CallerAudio(frame))
        else:
            self._take_in(ev.CallerAudio(frame))  # by itself a frame never moves a deadline
        self._hearing.hear(frame)

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

    def _words_now(self) -> str | None:
        return self._line.words_so_far()

    # Effects

    def _play(self, effect: ef.Play) -> None:
        self._hearing.play(effect.frame)
        self.transport.play(effect.response_id, effect.item_id, effect.output_index, effect.content_index, effect.frame)

    def _mark(self, effect: ef.Mark) -> None:
        self.transport.mark(effect.epoch, effect.position_ms)

    def _stop_playback(self, effect: ef.StopPlayback) -> None:
        self._hearing.stop_playback()
        self.transport.stop_playback(effect.epoch)

    def _duck(self, effect: ef.Duck) -> None:
        if self.transport.duck(effect.gain_db):
            self._hearing.duck(effect.gain_db)

    def _restore(self, effect: ef.Restore) -> None:
        self._hearing.restore()
        self.transport.restore()

    def _send_to_client(self, effect: ef.SendToClient) -> None:
        self.transport.send_event(effect.event)

    def _note(self, effect: ef.Note) -> None:
        """Watchers read notes from the stream."""

    def _hang_up(self, effect: ef.HangUp) -> None:
        self._close_code, self.ended_because = effect.code, effect.reason
        self._over.set()

    # The end

    async def _close(self) -> None:
        self._over.set()
        if self._timer is not None:
            self._timer.cancel()
        await self._tasks.end()
        self._hearing.close()
        self._line.leave()
        await asyncio.gather(
            self._tasks.cleanly(self.transport.close(self._close_code, self.ended_because)),
            self._tasks.cleanly(self._tools.end()),
            self._tasks.goodbyes_said(),
        )
