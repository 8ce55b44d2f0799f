"""A session between a person who listens and a server that fails, in virtual time and without sockets.

The bytes are real: what the server says is decoded as `RemoteEngine` would, so rubbish meets the codec. Everything
random comes from one seed.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Literal

from voice.audio.frames import PCM_24K, AudioFrame
from voice.protocol.codec import audio_delta, decode_server_event
from voice.protocol.server_events import ErrorEvent
from voice.protocol.settings import AudioInput, AudioSettings, FunctionTool, Transcription
from voice.protocol.settings import Session as Settings
from voice.protocol.traits import EngineTraits
from voice.runtime.loudness import Loudness
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.rules import FloorRules, LinkRules, SessionConfig, TurnRules
from voice.session.session import Session
from voice.session.states import Floor, Link, Voice
from voice.testkit.connection import Binary, Close, Connection, Out, Reset, StopReading, Text
from voice.testkit.faults import FINAL_CODES, Fault, Refuse
from voice.testkit.injector import Injector
from voice.testkit.mind import Mind
from voice.testkit.person import FRAME_MS, Line, Loudspeaker, Person
from voice.testkit.script import ScriptedServer
from voice.testkit.words import Vocabulary

DOWNLINK_S = 0.015
CONNECT_S = 0.03
OPEN_TIMEOUT_S = 10.0
PING_EVERY_S, PONG_WITHIN_S = 20.0, 10.0
REPORT_EVERY = 4
SETTLED_S = 0.2
FINAL_STATUS = {400, 401, 403, 404}


@dataclass
class Wire:
    """The client's end of one connection: what `RemoteEngine` does, in virtual time."""

    world: World
    connection: Connection
    opened_at: float
    greeted: bool = False
    over: bool = False
    half_open: bool = False
    tick_at: float | None = None

    def do(self, outs: Iterable[Out]) -> None:
        for out in outs:
            match out:
                case Text(data):
                    self.world.after(DOWNLINK_S, lambda data=data: self.arrive(data))  # type: ignore[misc]
                case Binary():
                    pass
                case Close(code, reason):
                    self.world.after(DOWNLINK_S, lambda code=code, reason=reason: self.end(code, reason))  # type: ignore[misc]
                case Reset():
                    self.world.after(DOWNLINK_S, lambda: self.end(1006, "reset"))
                case StopReading():
                    self._go_half_open()
        self.arm()

    def arm(self) -> None:
        at = self.connection.deadline()
        if at is None or (self.tick_at is not None and self.tick_at <= at):
            return
        self.tick_at = at
        self.world.at(at, lambda: self._tick(at))

    def _tick(self, at: float) -> None:
        if self.tick_at == at:
            self.tick_at = None
            self.do(self.connection.tick(self.world.now))

    def _go_half_open(self) -> None:
        self.half_open = True
        alive_s = self.world.now - self.opened_at
        next_ping_s = (alive_s // PING_EVERY_S + 1) * PING_EVERY_S
        self.world.at(self.opened_at + next_ping_s + PONG_WITHIN_S, lambda: self.end(1006, "keepalive ping timeout"))

    def arrive(self, data: bytes) -> None:
        if self.over or self.half_open:
            return
        if not self.greeted:
            self.greeted = True
            first = decode_server_event(data)
            if isinstance(first, ErrorEvent):
                self.fail(first.error.message, final=first.error.code in FINAL_CODES)
                return
            self.world.post(ev.LinkOpened())
        if (sound := audio_delta(data)) is not None:
            frame = AudioFrame(PCM_24K, base64=sound.base64)
            ids = (sound.response_id, sound.item_id, sound.output_index, sound.content_index)
            self.world.post(ev.EngineAudio(*ids, frame))
        else:
            self.world.post(ev.EngineSaid(decode_server_event(data)))

    def fail(self, reason: str, *, final: bool = False) -> None:
        """It never came to be."""
        if not self.over:
            self.over = True
            self.connection.lost()
            self.world.lost(self, 0, reason, final=final)

    def end(self, code: int, reason: str) -> None:
        if self.over:
            return
        if not self.greeted:
            self.fail(reason)
            return
        self.over = True
        self.connection.lost()
        self.world.lost(self, code, reason, final=False)

    def not_greeted(self) -> None:
        if not self.greeted:
            self.fail("opened and then said nothing")


class Ear:
    """A perfect ear on our side: tells when the person begins to speak, goes on and stops."""

    def __init__(self) -> None:
        self._speech_ms = 0.0
        self._quiet_ms = 0.0

    def hear(self, *, speaking: bool) -> ev.CallerSpeech | None:
        """One frame."""
        if speaking:
            self._quiet_ms = 0.0
            self._speech_ms += FRAME_MS
            if self._speech_ms == FRAME_MS:
                return self._fact("onset")
            return self._fact("going") if self._speech_ms % (3 * FRAME_MS) == 0 else None
        if not self._speech_ms:
            return None
        self._quiet_ms += FRAME_MS
        if self._quiet_ms < 200:
            return None
        fact = self._fact("offset")
        self._speech_ms = self._quiet_ms = 0.0
        return fact

    def _fact(self, stage: Literal["onset", "going", "offset"]) -> ev.CallerSpeech:
        return ev.CallerSpeech(stage, self._speech_ms, self._quiet_ms, -15.0, -70.0, 0.0, 1.0)


@dataclass
class Happened:
    """One line of the world's log; frames of sound are left out."""

    at: float
    event: ev.Event
    effects: list[ef.Effect]


@dataclass
class World:
    """One conversation. Build it, `run` it, look at it."""

    lines: Sequence[Line]
    mind: Mind
    faults: Sequence[Fault] = ()
    seed: int = 0
    tools: tuple[str, ...] = ("book",)
    tool_s: float = 0.3
    limit_s: float = 300.0
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    turns: TurnRules = field(default_factory=TurnRules)
    link: LinkRules = field(default_factory=LinkRules)
    ear: bool = True
    log_everything: bool = False

    def __post_init__(self) -> None:
        self.now = 0.0
        self.random = Random(self.seed)
        self.injector = Injector(self.faults, seed=self.seed)
        self.person = Person(self.lines, self.vocabulary)
        self.speaker = Loudspeaker(self.vocabulary)
        tools = tuple(FunctionTool(name=name, parameters={"type": "object"}) for name in self.tools)
        self.session = Session(
            SessionConfig(
                session_id=f"sess_{self.seed}",
                settings=Settings(audio=AudioSettings(input=AudioInput(transcription=Transcription(model="scripted")))),
                traits=EngineTraits("scripted"),
                tools=tools,
                playout="reports",
                turns=self.turns,
                link=self.link,
                floor=FloorRules() if self.ear else None,
            )
        )
        self.sessions: list[ScriptedServer] = []
        self.log: list[Happened] = []
        self.effects_by_call: Counter[str] = Counter()
        self.effects_by_meaning: Counter[tuple[str, str]] = Counter()
        self.hung_up: ef.HangUp | None = None
        self.longest_silence_s = 0.0
        self.silences: list[tuple[float, float]] = []
        self._waiting_since: float | None = None
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._ear = Ear()
        self._loudness = Loudness()
        self._wire: Wire | None = None
        self._ready_since: float | None = None
        self._inbox: list[ev.Event] = []
        self._busy = False
        self._cancelled: set[str] = set()
        self._played_items: set[str] = set()

    # Time

    def at(self, when: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._due, (max(when, self.now), next(self._order), do))

    def after(self, delay_s: float, do: Callable[[], None]) -> None:
        self.at(self.now + delay_s, do)

    def run(self) -> World:
        """To the end: everything was said and answered, or the line is dead, or it took too long."""
        self.post(ev.Tick())
        self._arm_faults()
        frames = 0
        while self.hung_up is None and self.now < self.limit_s:
            self._until(frames * FRAME_MS / 1000)
            frames += 1
            self._frame(report=frames % REPORT_EVERY == 0)
            if self.person.done(self.now, sounding=self.speaker.sounding) and self._is_settled():
                break
        self._wait_is_over()
        return self

    def _is_settled(self) -> bool:
        """The engine was told what it must know: a connection that was lost at the very end is made again first."""
        if self._ready_since is None and self.session.states.link is Link.READY:
            self._ready_since = self.now
        elif self.session.states.link is not Link.READY:
            self._ready_since = None
        return self._ready_since is not None and self.now - self._ready_since > SETTLED_S

    def _until(self, when: float) -> None:
        while True:
            deadline = self.session.deadline()
            tick_at = deadline.at if deadline is not None else float("inf")
            due_at = self._due[0][0] if self._due else float("inf")
            if min(tick_at, due_at) > when or self.hung_up is not None:
                break
            if due_at <= tick_at:
                at, _, do = heapq.heappop(self._due)
                self.now = max(self.now, at)
                do()
            else:
                self.now = max(self.now, tick_at)
                self.post(ev.Tick())
        self.now = max(self.now, when)

    def _frame(self, *, report: bool) -> None:
        was_sounding = self.speaker.sounding
        self.person.hear(self.speaker.advance(self.now), self.now)
        if was_sounding and (report or not self.speaker.sounding):
            self.post(ev.Played(self.speaker.epoch, self.speaker.position_ms, 0.0))
        frame = self.person.frame(self.now, sounding=self.speaker.sounding)
        self.post(ev.CallerAudio(frame))
        if self.ear and (fact := self._ear.hear(speaking=self.person.speaking)) is not None:
            self.post(fact)
        quiet = self.session.states.floor is Floor.SILENT and self.session.states.voice is Voice.QUIET
        if not self.ear and quiet and self._loudness.hear(frame):
            self.post(ev.CallerLoud())
        if self.person.waiting and not self.speaker.sounding:
            if self._waiting_since is None:
                self._waiting_since = self.now
        else:
            self._wait_is_over()

    def _wait_is_over(self) -> None:
        """Keep how long the person waited in silence."""
        if self._waiting_since is not None:
            silence_s = self.now - self._waiting_since
            self.silences.append((self._waiting_since, silence_s))
            self.longest_silence_s = max(self.longest_silence_s, silence_s)
            self._waiting_since = None

    def _arm_faults(self) -> None:
        at = self.injector.deadline()
        if at is not None:
            self.at(at, self._faults_due)

    def _faults_due(self) -> None:
        for what in self.injector.due(self.now):
            if self._wire is not None and not self._wire.over:
                self._wire.do(self._wire.connection.befall(what, self.now))
        self._arm_faults()

    # The session and its hands

    def post(self, event: ev.Event) -> None:
        self._inbox.append(event)
        if self._busy:
            return
        self._busy = True
        while self._inbox:
            event = self._inbox.pop(0)
            effects = self.session.handle(event, self.now)
            if self.log_everything or not isinstance(event, ev.CallerAudio | ev.Played | ev.EngineAudio):
                self.log.append(Happened(self.now, event, effects))
            for effect in effects:
                self._do(effect)
        self._busy = False

    def _do(self, effect: ef.Effect) -> None:
        match effect:
            case ef.SendAudio(frame):
                self._tell(lambda wire: wire.connection.hear(frame, self.now))
            case ef.SendToEngine(event):
                self._tell(lambda wire: wire.connection.receive_event(event, self.now))
            case ef.Play():
                self._played_items.add(effect.item_id)
                self.person.hear(self.speaker.play(effect.frame, self.now), self.now)
            case ef.StopPlayback(epoch):
                self.person.hear(self.speaker.stop(epoch, self.now), self.now)
            case ef.OpenLink():
                self._connect()
            case ef.CloseLink():
                wire = self._wire
                if wire is not None:
                    self.after(DOWNLINK_S, lambda: wire.end(1000, "closed"))
            case ef.RunTool():
                self.effects_by_call[effect.call_id] += 1
                self.effects_by_meaning[effect.name, effect.arguments] += 1
                self.after(self.tool_s, lambda: self._tool_done(effect))
            case ef.CancelTool(call_id):
                self._cancelled.add(call_id)
            case ef.HangUp():
                self.hung_up = effect
            case _:
                pass

    def _tell(self, say: Callable[[Wire], list[Out]]) -> None:
        wire = self._wire
        if wire is not None and wire.greeted and not wire.over and not wire.half_open:
            outs = say(wire)
            if outs:
                wire.do(outs)
            else:
                wire.arm()

    def _tool_done(self, effect: ef.RunTool) -> None:
        if effect.call_id not in self._cancelled:
            self.post(ev.ToolDone(effect.call_id, f"{effect.name}ed {effect.arguments}"))

    def _connect(self) -> None:
        whats = self.injector.meet("connect", self.now)
        refusal = next((what for what in whats if isinstance(what, Refuse)), None)
        if refusal is not None:
            final = refusal.status in FINAL_STATUS
            lost = ev.LinkLost(0, f"HTTP {refusal.status}", self.random.random(), final=final)
            self.after(CONNECT_S, lambda: self.post(lost))
            return
        session = ScriptedServer(self.mind, self.vocabulary, name=f"s{self.seed}x{len(self.sessions) + 1}")
        self.sessions.append(session)
        wire = self._wire = Wire(self, Connection(session, self.injector), self.now)
        self.after(OPEN_TIMEOUT_S, wire.not_greeted)

        def open_it() -> None:
            for what in whats:
                wire.do(wire.connection.befall(what, self.now))
            wire.do(wire.connection.open(self.now))

        self.after(CONNECT_S, open_it)

    def lost(self, wire: Wire, code: int, reason: str, *, final: bool) -> None:
        if self._wire is wire:
            self._wire = None
            self.post(ev.LinkLost(code, reason, self.random.random(), final=final))

    # What a test looks at

    def heard_of(self, item_id: str) -> bool:
        """Whether any sound of an item came as far as the loudspeaker."""
        return item_id in self._played_items

    def notes(self, kind: str) -> list[tuple[float, dict[str, object]]]:
        return [
            (line.at, effect.values)
            for line in self.log
            for effect in line.effects
            if isinstance(effect, ef.Note) and effect.kind == kind
        ]
