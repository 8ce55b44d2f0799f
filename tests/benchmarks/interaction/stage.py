"""One scene, played: session, ear, engine, loudspeaker and microphone in virtual time, 20 ms at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.benchmarks.interaction import mixing
from tests.benchmarks.interaction.clips import RATE_HZ
from tests.benchmarks.interaction.hearing import EngineEar, Memo, RememberedProbability, Words
from tests.benchmarks.interaction.loudspeaker import TappedLoudspeaker
from tests.benchmarks.interaction.microphone import FRAME_MS, Microphone, format_of
from tests.benchmarks.interaction.policies import Policy
from tests.benchmarks.interaction.scenes import REPLY_S, THINKING_S, TURN_S, Scene
from tests.world.clock import Clock
from tests.world.engine import EngineOfScripts, Plan
from voice.audio.convert import convert_whole
from voice.audio.frames import PCM_16K, AudioFrame
from voice.engines.base import Ear
from voice.engines.brain.intents import recogniser_phrases
from voice.engines.endings import ending_of
from voice.engines.speech.silero import SileroProbability
from voice.protocol.client_events import ClientEvent, InputAudioBufferCommit
from voice.protocol.settings import Session as Settings
from voice.protocol.traits import EngineTraits
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.rules import SessionConfig, TurnRules
from voice.session.session import Session
from voice.session.states import Voice

if TYPE_CHECKING:
    from tests.benchmarks.interaction.clips import Samples

REPORT_MS = 60
ECHO_TAIL_S = 0.1
ANSWER_S = 3.0
SPEED = 3.0
BEFORE_S = 0.9
"""So long before the reply a scene begins when nobody listens to the opening words."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of the log."""

    at: float
    event: ev.Event
    effects: list[ef.Effect]


@dataclass(slots=True)
class Played:
    """What became of a scene: its log, when the loudspeaker was last heard, the words that the engine
    made of it, and, if asked for, the sound."""

    config: SessionConfig
    log: list[Happened] = field(default_factory=list)
    silent_at_s: float = 0.0
    replied_at_s: list[float] = field(default_factory=list)
    words: list[tuple[float, str]] = field(default_factory=list)
    person: list[bytes] = field(default_factory=list)
    assistant: list[Samples | None] = field(default_factory=list)


class Stage:
    """Everything that one scene needs. `memo` is shared by the policies of a scene."""

    def __init__(self, scene: Scene, policy: Policy, memo: Memo, near: Samples) -> None:
        self.scene = scene
        self.clock = Clock()
        self.config = SessionConfig(
            session_id=f"sess_{scene.number}",
            settings=Settings(),
            traits=EngineTraits("scripted"),
            playout="reports",
            floor=policy.floor,
            turns=policy.turns if scene.event == "pause" else TurnRules(),
        )
        self.session = Session(self.config)
        self.played = Played(self.config)
        self._format = format_of(scene)
        self._speaker = TappedLoudspeaker(self._format)
        self._microphone = Microphone(scene, near)
        self._reply = mixing.reply_in(scene, self._format)
        self._said_bytes = 0
        self._engine_ear = EngineEar(
            self._format,
            policy,
            RememberedProbability(memo, lambda: _detector(0)),
            Words(_phrases()) if policy.words and policy.has_ear else None,
        )
        self._engine = self._engine_of_scripts()
        self._listens_at_s = 0.0 if scene.event == "pause" else scene.reply_at_s - THINKING_S
        self._ear = _ear(scene, policy) if policy.has_ear else None
        self._inbox: deque[ev.Event] = deque()
        self._busy = False
        self._frames = (
            0 if scene.event == "pause" or policy.always else int((scene.reply_at_s - BEFORE_S) * 1000) // FRAME_MS
        )
        self.clock.now = self._frames * FRAME_MS / 1000
        self._microphone.skip(self._frames)
        self._hands: dict[type, Callable[[Any], None]] = {
            ef.OpenLink: lambda _: self._connect(),
            ef.SendToEngine: lambda effect: self._tell_engine(effect.event),
            ef.SendAudio: lambda effect: self._engine_hears(effect.frame),
            ef.Play: self._play,
            ef.Duck: self._duck,
            ef.Restore: self._restore,
            ef.StopPlayback: self._stop,
        }

    def play(self, *, keep_sound: bool = False, to_the_end: bool = False) -> Played:
        """From the first frame until it is clear what came of the event."""
        self._post(ev.Tick())
        if self.scene.event != "pause":
            self.clock.at(self.scene.reply_at_s - THINKING_S - TURN_S, self._engine.speech_starts)
            self.clock.at(self.scene.reply_at_s - THINKING_S, self._engine.speech_stops)
        over_s = self.scene.over_s + (ANSWER_S if self.scene.event == "pause" else 0.0)
        while not self._microphone.finished and self.clock.now < over_s:
            self._frame(keep_sound)
            if self._decided and not to_the_end:
                over_s = min(over_s, self.clock.now + ECHO_TAIL_S)
        self.played.silent_at_s = self._speaker.last_sound_ms / 1000
        return self.played

    # Time

    @property
    def _now_ms(self) -> float:
        return self.clock.now * 1000

    @property
    def _decided(self) -> bool:
        if self.scene.event == "pause":
            return bool(self.played.replied_at_s)
        return self._speaker.epoch > 0

    def _frame(self, keep_sound: bool) -> None:
        begin_ms = self._frames * FRAME_MS
        self._frames += 1
        end_ms = self._frames * FRAME_MS
        self._pass_time(end_ms / 1000)
        self._speaker.advance(end_ms)
        sounded = self._speaker.take(begin_ms, end_ms)
        if sounded is not None and not self.played.replied_at_s:
            self.played.replied_at_s.append(begin_ms / 1000)
        if sounded is not None and end_ms % REPORT_MS == 0:
            self._post(ev.Played(self._speaker.epoch, self._speaker.position_ms, 1.0))
        frame = self._microphone.frame(sounded)
        self._post(ev.CallerAudio(frame))
        if self._ear is not None:
            self._listen(self._ear, frame)
        if keep_sound:
            self.played.person.append(_pcm(frame))
            self.played.assistant.append(sounded)

    def _listen(self, ear: Ear, frame: AudioFrame) -> None:
        """As the driver does."""
        sounding = self.session.states.voice is not Voice.QUIET
        facts = ear.hear(frame, sounding=sounding)
        if facts is None:
            return
        self._post(ev.CallerSpeech(**asdict(facts)))

    def _pass_time(self, until_s: float) -> None:
        """Everything that is due before the frame is complete, and the frame's own time."""
        while True:
            deadline = self.session.deadline()
            tick_at = max(deadline.at, self.clock.now) if deadline is not None else float("inf")
            if min(tick_at, self.clock.next_at()) > until_s:
                self.clock.now = until_s
                return
            if tick_at <= self.clock.next_at():
                self.clock.now = tick_at
                self._post(ev.Tick())
            else:
                self.clock.step()

    # The session and its hands

    def _post(self, event: ev.Event) -> None:
        self._inbox.append(event)
        if self._busy:
            return
        self._busy = True
        while self._inbox:
            event = self._inbox.popleft()
            effects = self.session.handle(event, self.clock.now)
            if effects or not isinstance(event, ev.CallerAudio):
                self.played.log.append(Happened(self.clock.now, event, effects))
            for effect in effects:
                if (hand := self._hands.get(type(effect))) is not None:
                    hand(effect)
        self._busy = False

    def _connect(self) -> None:
        self._post(ev.LinkOpened())
        self._engine.greet()

    def _play(self, effect: ef.Play) -> None:
        self._speaker.play(effect.frame, self._now_ms)
        if self._ear is not None:
            self._ear.play(effect.frame)

    def _stop(self, effect: ef.StopPlayback) -> None:
        self._speaker.stop(effect.epoch, self._now_ms)
        if self._ear is not None:
            self._ear.stop()

    def _duck(self, effect: ef.Duck) -> None:
        self._speaker.duck(effect.gain_db, self._now_ms)
        if self._ear is not None:
            self._ear.duck(effect.gain_db)

    def _restore(self, effect: ef.Restore) -> None:
        self._speaker.restore(self._now_ms)
        if self._ear is not None:
            self._ear.restore()

    # The engine

    def _engine_of_scripts(self) -> EngineOfScripts:
        thinking_ms = THINKING_S * 1000
        length_ms = min(REPLY_S, self.scene.over_s - self.scene.reply_at_s + 1.0) * 1000
        return EngineOfScripts(
            self.clock,
            emit=lambda event: self._post(ev.EngineSaid(event)),
            emit_audio=self._say,
            plan=lambda _: Plan(sound_ms=length_ms, speed=SPEED, first_after_ms=thinking_ms),
            transcribes=self._engine_ear.recognises,
            words=lambda _: self._engine_ear.all_text(),
        )

    def _say(self, response_id: str, item_id: str, output_index: int, content_index: int, silence: AudioFrame) -> None:
        size = self._format.size_bytes(silence.duration_ms)
        piece = self._reply[self._said_bytes : self._said_bytes + size]
        self._said_bytes += size
        frame = AudioFrame(self._format, piece)
        self._post(ev.EngineAudio(response_id, item_id, output_index, content_index, frame))

    def _tell_engine(self, event: ClientEvent) -> None:
        self._engine.receive(event)
        if isinstance(event, InputAudioBufferCommit):
            self._engine_ear.begin_again()

    def _engine_hears(self, frame: AudioFrame) -> None:
        self._engine.receive_audio(frame, frame.duration_ms)
        if self.clock.now < self._listens_at_s:
            return
        if self.config.turns.mode == "local":
            if self._engine_ear.recognise(frame):
                self.played.words.append((self.clock.now, self._engine_ear.text))
                self._post(ev.TurnSense("words", ending_of(self._engine_ear.text)))
            return
        for edge in self._engine_ear.hear(frame):
            if edge == "started":
                self._engine.speech_starts()
            elif edge == "words":
                self.played.words.append((self.clock.now, self._engine_ear.text))
            else:
                self._engine.speech_stops()


def near_of(scene: Scene) -> Samples:
    """The person's end of a scene, long enough for every policy."""
    return mixing.near(scene, scene.over_s + (ANSWER_S if scene.event == "pause" else 0.0) + ECHO_TAIL_S)


def _ear(scene: Scene, policy: Policy) -> Ear:
    from voice.engines.ear import LocalEar

    return LocalEar(
        format_of(scene), vad_factory=lambda: _detector(1), model=lambda: policy.model, always=policy.always
    )


@cache
def _phrases() -> tuple[str, ...]:
    """What the embedded engine's recogniser expects."""
    return tuple(recogniser_phrases())


def _detector(number: int) -> SileroProbability:
    """One of this process's detectors, with nothing in its memory: to load one takes as long as a second of scene."""
    detector = _loaded(number)
    detector.reset()
    return detector


@cache
def _loaded(number: int) -> SileroProbability:
    return SileroProbability()


def _pcm(frame: AudioFrame) -> bytes:
    return convert_whole(frame.data, frame.format, PCM_16K)[: RATE_HZ * FRAME_MS // 1000 * 2]
