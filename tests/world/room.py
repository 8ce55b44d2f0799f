"""A virtual room: a person, a line, a loudspeaker, an engine and the session between them, in virtual time.

Everything random comes from one seed, so a scene plays the same each time. The line delays and the loudspeaker has a
buffer: what was really heard is known here exactly, which is what the session's account is held against.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from random import Random
from typing import Any, TypeVar

from tests.world.client import Client
from tests.world.clock import Clock
from tests.world.engine import LAST_WORD, SILENCE, VOICE, EngineOfScripts, Plan
from tests.world.line import Line, Way
from tests.world.loudspeaker import Loudspeaker
from voice.audio.frames import AudioFrame
from voice.protocol.client_events import ClientEvent
from voice.protocol.settings import FunctionTool
from voice.protocol.settings import Session as Settings
from voice.protocol.traits import EngineTraits
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.approvals import ApprovalRules
from voice.session.rules import FloorRules, LinkRules, SessionConfig, TurnRules
from voice.session.session import Session
from voice.session.states import Link
from voice.session.watch import WatchRules

__all__ = ["SILENCE", "Happened", "Line", "Loudspeaker", "Plan", "Room"]

FRAME_MS = 20.0
REPORT_MS = 50.0
COUGH_S = 0.15
MOST_AT_ONCE = 10_000
FRAME = ev.CallerAudio(SILENCE)
SPEECH = ev.CallerAudio(VOICE)
LAST_SPEECH = ev.CallerAudio(LAST_WORD)
E = TypeVar("E")


@dataclass(slots=True)
class Happened:
    """One line of the room's log."""

    at: float
    event: ev.Event
    effects: list[ef.Effect]


@dataclass(repr=False)
class Room:
    """The scene. Script it (`user_speaks`, `engine_drops` …), `run` it, and look at `effects`, `engine`, `speaker`.

    With `client_face` the far end is a realtime client, which plays by itself unless `we_play` (as over WebRTC).
    `transcribes` and `created_after_ms` are the engine's; `tool_ms` is how long tools take, by name or for all.
    """

    seed: int = 1
    line: Line = field(default_factory=Line)
    plan: Callable[[int], Plan] = lambda _: Plan()
    playout: str = "reports"
    turns: TurnRules = field(default_factory=TurnRules)
    link: LinkRules = field(default_factory=LinkRules)
    traits: EngineTraits = field(default_factory=lambda: EngineTraits("scripted"))
    settings: Settings = field(default_factory=Settings)
    tools: tuple[str, ...] = ()
    tool_ms: float = 200.0
    client_face: bool = False
    we_play: bool = False
    greeting: str = ""
    floor: FloorRules | None = None
    watch: WatchRules = field(default_factory=WatchRules)
    approvals: ApprovalRules = field(default_factory=ApprovalRules)
    reports: bool = True
    closing: AudioFrame | None = None
    audio: bool = True
    connect_ms: float = 50.0
    refuse_connections: int = 0
    created_after_ms: float = 0.0
    transcribes: bool = True
    words: Callable[[str], str] = lambda item_id: f"words of {item_id}"
    history_items: int = 400
    keep_log: bool = True

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.clock = Clock()
        self.speaker = Loudspeaker(self.clock)
        self.down = Way(self.line, self.clock, self.random)
        self.up = Way(self.line, self.clock, self.random)
        tools = tuple(FunctionTool(name=name, description="", parameters={"type": "object"}) for name in self.tools)
        config = SessionConfig(
            session_id="sess_room",
            settings=self.settings,
            traits=self.traits,
            tools=tools,
            client_face=self.client_face,
            playout="client" if self.client_face and not self.we_play else self.playout,  # type: ignore[arg-type]
            greeting=self.greeting,
            floor=self.floor,
            watch=self.watch,
            approvals=self.approvals,
            closing=self.closing,
            turns=self.turns,
            link=self.link,
            history_items=self.history_items,
        )
        self.config = config
        self.session = Session(config)
        self.client = Client(
            say=lambda event: self.up.carry(lambda: self.post(ev.ClientSaid(event))),
            heard_ms=lambda item_id: self.speaker.heard_ms(item_id),
            hush=lambda: self.speaker.clear(self.speaker.epoch + 1),
        )
        self.client.truncates = not self.we_play
        self.log: list[Happened] = []
        self.engines: list[EngineOfScripts] = []
        self.answered: list[str] = []
        self.captured_ms = 0.0
        self.refuses: list[str] = []
        self._inbox: deque[ev.Event] = deque()
        self._busy = False
        self._tick_at: float | None = None
        self._ticks = 0
        self._reporting = False
        self._tools_running: set[str] = set()
        self._mouths = 0
        self._turn_ends = False
        self._next_frame_at = 0.0 if self.audio else float("inf")
        self._hands: dict[type, Callable[[Any], None]] = {
            ef.SendAudio: lambda effect: self.engine.receive_audio(effect.frame, effect.frame.duration_ms),
            ef.SendToEngine: lambda effect: self.engine.receive(effect.event),
            ef.Play: self._play,
            ef.Mark: self._mark,
            ef.StopPlayback: lambda effect: self.down.carry(lambda: self.speaker.clear(effect.epoch)),
            ef.SendToClient: lambda effect: self.down.carry(lambda: self.client.see(effect.event)),
            ef.OpenLink: lambda effect: self._connect(),
            ef.CloseLink: lambda effect: self._close_link(),
            ef.RunTool: self._run_tool,
            ef.CancelTool: lambda effect: self._tools_running.discard(effect.call_id),
        }
        self.post(ev.Tick())

    def __repr__(self) -> str:
        """What is not as usual."""
        usual = {field.name: field.default for field in fields(self)}
        given = {name: getattr(self, name) for name in usual}
        return f"Room({', '.join(f'{name}={value}' for name, value in given.items() if value != usual[name])})"

    # The script

    @property
    def engine(self) -> EngineOfScripts:
        return self.engines[-1]

    def user_speaks(self, at: float, seconds: float) -> None:
        """A turn whose end the engine finds at once."""
        self._speech(at, seconds, ends=True)

    def user_says(self, at: float, *spans_s: float) -> None:
        """Speech, pause, speech, pause …: the engine finds a turn's end in a pause longer than its patience."""
        for index, span_s in enumerate(spans_s):
            if index % 2 == 0:
                self._speech(at, span_s, ends=False)
            at += span_s

    def _speech(self, at: float, seconds: float, *, ends: bool) -> None:
        if self.audio:
            self.clock.at(at, lambda: self._open_mouth())
            self.clock.at(at + seconds, lambda: self._shut_mouth(ends))
        else:
            self.clock.at(at, lambda: self._if_up(lambda engine: engine.speech_starts()))
            self.clock.at(at + seconds, lambda: self._if_up(lambda engine: engine.speech_stops()))

    def _open_mouth(self) -> None:
        self._mouths += 1

    def _shut_mouth(self, ends: bool) -> None:
        self._mouths -= 1
        self._turn_ends = ends and not self._mouths

    def user_coughs(self, at: float) -> None:
        """Too short for a word, and still a turn to an engine that only hears loudness."""
        self.user_says(at, COUGH_S)

    def person_sounds(
        self,
        at: float,
        ms: float,
        *,
        level_db: float = -25.0,
        echo: float = 0.0,
        kinds: tuple[float, ...] = (),
    ) -> None:
        """A sound of the person as both ears hear it: ours with news every 40 ms, the engine's detector later."""
        late_ms = 60.0
        end = at + (ms + late_ms) / 1000

        def hear(stage: str, so_far_ms: float) -> None:
            self.post(ev.CallerSpeech(stage, so_far_ms, late_ms, level_db, -60.0, echo, 0.9, kinds))  # type: ignore[arg-type]

        for so_far in range(int(late_ms), int(ms + late_ms), 40):
            stage = "onset" if so_far == int(late_ms) else "going"
            self.clock.at(at + so_far / 1000, lambda stage=stage, so_far=so_far: hear(stage, so_far))  # type: ignore[misc]
        self.clock.at(end, lambda: hear("offset", ms))
        self.clock.at(at + 0.2, lambda: self._if_up(lambda engine: engine.speech_starts()))
        self.clock.at(at + ms / 1000 + 0.5, lambda: self._if_up(lambda engine: engine.speech_stops()))

    def engine_drops(self, at: float, code: int = 1006) -> None:
        self.clock.at(at, lambda: self._drop(code))

    def engine_drops_if_up(self, at: float) -> None:
        self.clock.at(at, lambda: self._if_up(lambda _: self._drop(1006)))

    def happens(self, at: float, event: ev.Event) -> None:
        self.clock.at(at, lambda: self.post(event))

    def client_says(self, at: float, event: ClientEvent) -> None:
        self.happens(at, ev.ClientSaid(event))

    def run(self, until: float) -> Room:
        clock = self.clock
        stands, still = clock.now, 0
        while True:
            due_at = clock.next_at()
            still = still + 1 if clock.now == stands else 0
            stands = clock.now
            assert still < MOST_AT_ONCE, "time stands still"
            if self._next_frame_at <= due_at and self._next_frame_at <= until:
                clock.now = self._next_frame_at
                self._frame()
            elif due_at <= until:
                clock.step()
            else:
                break
        clock.now = until
        self.speaker.sync()
        return self

    # What a test looks at

    def effects(self, kind: type[E], since: float = 0.0) -> list[E]:
        return [e for line in self.log if line.at >= since for e in line.effects if isinstance(e, kind)]

    def notes(self, kind: str) -> list[dict[str, Any]]:
        return [note.values for note in self.effects(ef.Note) if note.kind == kind]

    def sent(self, kind: type[E], since: float = 0.0) -> list[E]:
        return [e.event for e in self.effects(ef.SendToEngine, since) if isinstance(e.event, kind)]

    def events(self, kind: type[E]) -> list[E]:
        return [line.event for line in self.log if isinstance(line.event, kind)]

    @property
    def errors(self) -> list[str]:
        """What any engine refused."""
        return [code for engine in self.engines for code in engine.errors]

    # How it works

    def post(self, event: ev.Event) -> None:
        self._inbox.append(event)
        if not self._busy:
            self._catch_up()

    def _catch_up(self) -> None:
        self._busy = True
        while self._inbox:
            self._handle(self._inbox.popleft())
        self._busy = False
        self._arm()

    def _handle(self, event: ev.Event) -> None:
        effects = self.session.handle(event, self.clock.now)
        if self.keep_log:
            self.log.append(Happened(self.clock.now, event, effects))
        for effect in effects:
            if (hand := self._hands.get(type(effect))) is not None:
                hand(effect)

    def _arm(self) -> None:
        deadline = self.session.deadline()
        if deadline is None or (self._tick_at is not None and self._tick_at <= deadline.at):
            return
        when = self._tick_at = max(deadline.at, self.clock.now)
        self.clock.at(when, lambda: self._ring(when))

    def _ring(self, when: float) -> None:
        if self._tick_at != when:
            return
        self._tick_at = None
        deadline = self.session.deadline()
        if deadline is None or deadline.at > self.clock.now:
            self._arm()
            return
        self.post(ev.Tick())
        after = self.session.deadline()
        assert after is None or after.at > self.clock.now or after != deadline, f"nothing came of '{deadline.why}'"

    def _frame(self) -> None:
        """The microphone's next piece. Fifty a second: this goes the short way."""
        session, now = self.session, self.clock.now
        if session.ended:
            self._next_frame_at = float("inf")
            return
        self._next_frame_at += FRAME_MS / 1000
        self.captured_ms += FRAME_MS
        self._busy = True
        event = FRAME
        if self._mouths or self._turn_ends:
            event = SPEECH if self._mouths else LAST_SPEECH
            self._turn_ends = False
        effects = session.handle(event, now)
        if self.keep_log:
            self.log.append(Happened(now, event, effects))
        for effect in effects:
            if type(effect) is ef.SendAudio:
                self.engine.receive_audio(effect.frame, FRAME_MS)
            else:
                self._hands[type(effect)](effect)
        self._busy = False
        if self._inbox:
            self._catch_up()

    def _close_link(self) -> None:
        """As a driver does: the engine is not heard any more, and the session is told at once."""
        if self.engines:
            self.engine.die()
        self.post(ev.LinkLost(1000, "closed", self.random.random()))

    def _play(self, effect: ef.Play) -> None:
        item_id, ms = effect.item_id, effect.frame.duration_ms
        self.down.carry(lambda: self._arrive(item_id, ms))

    def _arrive(self, item_id: str, ms: float) -> None:
        self.speaker.play(item_id, ms)
        self.client.play(item_id)
        if self.config.playout == "reports" and self.reports and not self._reporting:
            self._reporting = True
            self.clock.after(REPORT_MS, self._report)

    def _report(self) -> None:
        """A device that tells its position while it plays."""
        left_ms = self.speaker.left_ms()
        epoch, position_ms = self.speaker.epoch, self.speaker.position_ms
        self._reporting = left_ms > 0 and not self.session.ended
        if self._reporting:
            self.clock.after(max(min(REPORT_MS, left_ms), 1.0), self._report)
        self.up.carry_or_lose(lambda: self.post(ev.Played(epoch, position_ms, 1.0)))

    def _mark(self, effect: ef.Mark) -> None:
        report = ev.Played(effect.epoch, effect.position_ms, 0.0)
        self.down.carry(
            lambda: self.clock.after(self.speaker.left_ms(), lambda: self.up.carry_or_lose(lambda: self.post(report)))
        )

    def _run_tool(self, effect: ef.RunTool) -> None:
        self._tools_running.add(effect.call_id)
        self.clock.after(self.tool_ms, lambda: self._tool_done(effect))

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
            created_after_ms=self.created_after_ms,
            transcribes=self.transcribes,
            words=self.words,
            refuses=self.refuses,
        )
        if self.engines:
            engine.replies = self.engine.replies
        self.engines.append(engine)
        self.post(ev.LinkOpened())
        engine.greet()

    def _if_up(self, do: Callable[[EngineOfScripts], None]) -> None:
        if self.engines and self.session.states.link is Link.READY:
            do(self.engine)

    def _drop(self, code: int) -> None:
        self.engine.die()
        if not self.session.ended:
            self.post(ev.LinkLost(code, "dropped", self.random.random()))
