"""A virtual room: a person, a line, a loudspeaker, an engine and the session between them, in virtual time.

Everything random comes from one seed, so a scene plays the same each time. The line delays and the loudspeaker has a
buffer: what was really heard is known here exactly, which is what the session's account is held against.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from voice.audio.frames import PCM_24K, AudioFrame
from voice.protocol.client_events import ClientEvent
from voice.protocol.settings import FunctionTool
from voice.protocol.settings import Session as Settings
from voice.protocol.traits import EngineTraits
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.rules import LinkRules, SessionConfig, TurnRules
from voice.session.session import Session

from tests.world.clock import Clock
from tests.world.engine import EngineOfScripts, Plan

FRAME_MS = 20.0
REPORT_MS = 50.0
SILENCE = AudioFrame(PCM_24K, PCM_24K.silence(FRAME_MS))
E = TypeVar("E")


@dataclass
class Line:
    """Between the session and the person: one-way delay and how much it varies."""

    delay_ms: float = 0.0
    jitter_ms: float = 0.0


class Loudspeaker:
    """Plays what reaches it, in order, in real time; knows to the millisecond what was heard of which item."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.heard: dict[str, float] = {}
        self.stale_ms = 0.0
        self.epoch = 0
        self.position_ms = 0.0
        self.cleared: set[str] = set()
        self._queue: deque[tuple[str, float]] = deque()
        self._since = 0.0

    def play(self, item_id: str, ms: float) -> None:
        self.sync()
        if not self._queue:
            self._since = self.clock.now
        if item_id in self.cleared:
            self.stale_ms += ms
        self._queue.append((item_id, ms))

    def clear(self, epoch: int) -> None:
        self.sync()
        self.cleared |= {item_id for item_id, _ in self._queue}
        self._queue.clear()
        self.epoch, self.position_ms = epoch, 0.0

    def sync(self) -> None:
        """Account for the time that has passed."""
        gone_ms = (self.clock.now - self._since) * 1000
        self._since = self.clock.now
        while self._queue and gone_ms > 0:
            item_id, ms = self._queue.popleft()
            played = min(ms, gone_ms)
            gone_ms -= played
            self.position_ms += played
            self.heard[item_id] = self.heard.get(item_id, 0.0) + played
            if played < ms:
                self._queue.appendleft((item_id, ms - played))

    def left_ms(self) -> float:
        self.sync()
        return sum(ms for _, ms in self._queue)


@dataclass
class Happened:
    """One line of the room's log."""

    at: float
    event: ev.Event
    effects: list[ef.Effect]


@dataclass
class Room:
    """The scene. Script it (`user_speaks`, `engine_drops` …), `run` it, and look at `effects`, `engine`, `speaker`."""

    seed: int = 1
    line: Line = field(default_factory=Line)
    plan: Callable[[int], Plan] = lambda _: Plan()
    playout: str = "reports"
    turns: TurnRules = field(default_factory=TurnRules)
    link: LinkRules = field(default_factory=LinkRules)
    tools: tuple[str, ...] = ()
    tool_ms: float = 200.0
    client_face: bool = False
    greeting: str = ""
    audio: bool = True
    connect_ms: float = 50.0
    refuse_connections: int = 0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.clock = Clock()
        self.speaker = Loudspeaker(self.clock)
        tools = tuple(FunctionTool(name=name, description="", parameters={"type": "object"}) for name in self.tools)
        config = SessionConfig(
            session_id="sess_room",
            settings=Settings(),
            traits=EngineTraits("scripted"),
            tools=tools,
            client_face=self.client_face,
            playout=self.playout,  # type: ignore[arg-type]
            greeting=self.greeting,
            turns=self.turns,
            link=self.link,
        )
        self.config = config
        self.session = Session(config)
        self.log: list[Happened] = []
        self.engines: list[EngineOfScripts] = []
        self.answered: list[str] = []
        self.captured_ms = 0.0
        self._inbox: deque[ev.Event] = deque()
        self._busy = False
        self._tick_at: float | None = None
        self._reporting = False
        self._tools_running: set[str] = set()
        self.post(ev.Tick())
        if self.audio:
            self._frame()

    # The script

    @property
    def engine(self) -> EngineOfScripts:
        return self.engines[-1]

    def user_speaks(self, at: float, seconds: float) -> None:
        self.clock.at(at, lambda: self._if_up(lambda engine: engine.speech_starts()))
        self.clock.at(at + seconds, lambda: self._if_up(lambda engine: engine.speech_stops()))

    def engine_drops(self, at: float, code: int = 1006) -> None:
        self.clock.at(at, lambda: self._drop(code))

    def engine_drops_if_up(self, at: float) -> None:
        self.clock.at(at, lambda: self._if_up(lambda _: self._drop(1006)))

    def happens(self, at: float, event: ev.Event) -> None:
        self.clock.at(at, lambda: self.post(event))

    def client_says(self, at: float, event: ClientEvent) -> None:
        self.happens(at, ev.ClientSaid(event))

    def run(self, until: float) -> Room:
        while (when := self.clock.next_at()) is not None and when <= until:
            self.clock.step()
        self.clock.now = until
        self.speaker.sync()
        return self

    # What a test looks at

    def effects(self, kind: type[E], since: float = 0.0) -> list[E]:
        return [e for line in self.log if line.at >= since for e in line.effects if isinstance(e, kind)]

    def notes(self, kind: str) -> list[dict[str, Any]]:
        return [note.values for note in self.effects(ef.Note) if note.kind == kind]

    def sent(self, kind: type[E], since: float = 0.0) -> list[E]:
        return [e.event for e in self.effects(ef.SendToEngine, since) if isinstance(e.event, kind)]

    # How it works

    def post(self, event: ev.Event) -> None:
        self._inbox.append(event)
        if self._busy:
            return
        self._busy = True
        while self._inbox:
            event = self._inbox.popleft()
            effects = self.session.handle(event, self.clock.now)
            self.log.append(Happened(self.clock.now, event, effects))
            for effect in effects:
                self._do(effect)
        self._busy = False
        self._arm()

    def _arm(self) -> None:
        deadline = self.session.deadline()
        if deadline is None or (self._tick_at is not None and self._tick_at <= deadline.at):
            return
        when = self._tick_at = max(deadline.at, self.clock.now)
        self.clock.at(when, lambda: self._ring(when))

    def _ring(self, when: float) -> None:
        if self._tick_at == when:
            self._tick_at = None
            deadline = self.session.deadline()
            if deadline is not None and deadline.at <= self.clock.now:
                self.post(ev.Tick())
            else:
                self._arm()

    def _frame(self) -> None:
        if self.session.ended:
            return
        self.captured_ms += FRAME_MS
        self.post(ev.CallerAudio(SILENCE))
        self.clock.after(FRAME_MS, self._frame)

    def _do(self, effect: ef.Effect) -> None:
        match effect:
            case ef.OpenLink():
                self._connect()
            case ef.CloseLink():
                if self.engines:
                    self._drop(1000)
            case ef.SendToEngine(event):
                self.engine.receive(event)
            case ef.SendAudio(frame):
                self.engine.receive_audio(frame)
            case ef.Play():
                item_id, ms = effect.item_id, effect.frame.duration_ms
                self._travel(lambda: self._arrive(item_id, ms))
            case ef.Mark(epoch, position_ms):
                self._travel(lambda: self._mark(epoch, position_ms))
            case ef.StopPlayback(epoch):
                self._travel(lambda: self.speaker.clear(epoch))
            case ef.RunTool():
                self._tools_running.add(effect.call_id)
                self.clock.after(self.tool_ms, lambda: self._tool_done(effect))
            case ef.CancelTool(call_id):
                self._tools_running.discard(call_id)
            case _:
                pass

    def _travel(self, do: Callable[[], None]) -> None:
        if not self.line.delay_ms:
            do()
            return
        self.clock.after(self.line.delay_ms, do)

    def _arrive(self, item_id: str, ms: float) -> None:
        self.speaker.play(item_id, ms)
        if self.playout == "reports" and not self._reporting:
            self._reporting = True
            self.clock.after(REPORT_MS, self._report)

    def _report(self) -> None:
        """A device that tells its position while it plays."""
        left_ms = self.speaker.left_ms()
        epoch, position_ms = self.speaker.epoch, self.speaker.position_ms
        self._reporting = left_ms > 0 and not self.session.ended
        if self._reporting:
            self.clock.after(max(min(REPORT_MS, left_ms), 1.0), self._report)
        self._travel(lambda: self.post(ev.Played(epoch, position_ms, 1.0)))

    def _mark(self, epoch: int, position_ms: float) -> None:
        self.clock.after(self.speaker.left_ms(), lambda: self._travel(lambda: self.post(ev.Played(epoch, position_ms, 0.0))))

    def _tool_done(self, effect: ef.RunTool) -> None:
        if effect.call_id in self._tools_running:
            self._tools_running.discard(effect.call_id)
            self.answered.append(effect.call_id)
            self.post(ev.ToolDone(effect.call_id, f"result of {effect.name}"))

    def _connect(self) -> None:
        if self.refuse_connections:
            self.refuse_connections -= 1
            self.clock.after(self.connect_ms, lambda: self.post(ev.LinkLost(0, "refused", self.random.random())))
            return
        self.clock.after(self.connect_ms, self._connected)

    def _connected(self) -> None:
        if self.session.ended:
            return
        engine = EngineOfScripts(
            self.clock,
            emit=lambda event: self.post(ev.EngineSaid(event)),
            emit_audio=lambda *audio: self.post(ev.EngineAudio(*audio)),
            plan=self.plan,
            prefix=f"e{len(self.engines)}",
        )
        if self.engines:
            engine.replies = self.engines[-1].replies
        self.engines.append(engine)
        self.post(ev.LinkOpened())
        engine.greet()

    def _if_up(self, do: Callable[[EngineOfScripts], None]) -> None:
        if self.engines and self.session.states.link.value == "ready":
            do(self.engine)

    def _drop(self, code: int) -> None:
        engine = self.engine
        engine.die()
        if not self.session.ended:
            self.post(ev.LinkLost(code, "dropped", self.random.random()))
