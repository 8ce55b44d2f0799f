"""The line to the engine: one engine at a time, and nobody listens to the one before."""

from __future__ import annotations

from collections.abc import Callable

from voice.audio.frames import AudioFrame
from voice.engines.base import Engine, TellsWords
from voice.errors import EngineError, EngineRefused
from voice.protocol.codec import Unknown
from voice.protocol.server_events import ServerEvent
from voice.runtime.tasks import Tasks
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.ending import CLOSE_NORMAL


class EngineLine:
    """Does what a session asks of its engine, and posts what the engine says.

    `engine` is the present one. `read` sees each of its events after the session has; `draw` is the randomness of
    waiting times, from 0 to 1. `failure` is why the last attempt failed, until one succeeds.
    """

    def __init__(
        self,
        make_engine: Callable[[], Engine],
        post: Callable[[ev.Event], None],
        read: Callable[[ServerEvent | Unknown], None],
        tasks: Tasks,
        draw: Callable[[], float],
    ) -> None:
        self.failure: EngineError | None = None
        self.engine: Engine | None = None
        self._make_engine = make_engine
        self.post = post
        self.read = read
        self._tasks = tasks
        self.draw = draw

    # Effects

    def open(self, effect: ef.OpenLink) -> None:
        engine = self._make_engine()
        self.engine = engine
        self._tasks.spawn(self._connect(engine))

    async def _connect(self, engine: Engine) -> None:
        try:
            await engine.open(_Listener(self, engine))
        except EngineError as error:
            if self.engine is engine:
                self.engine = None
                self.failure = error
                self.post(ev.LinkLost(0, error.person, self.draw(), final=isinstance(error, EngineRefused)))
            return
        if self.engine is engine:
            self.failure = None
            self.post(ev.LinkOpened())

    def close(self, effect: ef.CloseLink) -> None:
        """From now on nobody listens to this engine, however long its goodbye takes."""
        if self.leave():
            self.post(ev.LinkLost(CLOSE_NORMAL, "closed", self.draw()))

    def send(self, effect: ef.SendToEngine) -> None:
        if self.engine is not None:
            self.engine.send(effect.event)

    def send_audio(self, effect: ef.SendAudio) -> None:
        if self.engine is not None:
            self.engine.send_audio(effect.frame)

    # Beside them

    def leave(self) -> bool:
        """Let the engine go, and say nothing of it. False when there is none."""
        engine, self.engine = self.engine, None
        if engine is not None:
            self._tasks.say_goodbye(engine.close())
        return engine is not None

    def words_so_far(self) -> str | None:
        """The words of the turn that is being spoken; None where the engine cannot be asked."""
        engine: object = self.engine
        return engine.words_so_far() if isinstance(engine, TellsWords) else None


class _Listener:
    """Hears one engine, and only as long as it is the line's present one."""

    def __init__(self, line: EngineLine, engine: Engine) -> None:
        self._line = line
        self._engine = engine

    def receive_event(self, event: ServerEvent | Unknown) -> None:
        line = self._line
        if line.engine is self._engine:
            line.post(ev.EngineSaid(event))
            line.read(event)

    def receive_audio(
        self, response_id: str, item_id: str, output_index: int, content_index: int, frame: AudioFrame
    ) -> None:
        line = self._line
        if line.engine is self._engine:
            line.post(ev.EngineAudio(response_id, item_id, output_index, content_index, frame))

    def engine_closed(self, code: int, reason: str) -> None:
        line = self._line
        if line.engine is self._engine:
            line.engine = None
            line.post(ev.LinkLost(code, reason, line.draw()))
