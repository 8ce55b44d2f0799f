"""A conversation in figures: who spoke how long, who interrupted whom, how long each answer took.

Computed from the stream of events and effects, like everything that is observed; nothing here decides.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from voice.protocol.input_clock import InputClock
from voice.protocol.server_events import (
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    SessionCreated,
    SessionUpdated,
)
from voice.session import effects as ef
from voice.session import events as ev

REMEMBERED = 2_000
"""Turns and interruptions of a very long conversation: the oldest go, the counts stay."""
BY_VOICE = ("speech", "words", "hold")
ECHO_S = 0.6
"""What is decided so long after a sound of the person was over is not about that sound."""


@dataclass(slots=True)
class TurnReport:
    """One turn of the person. Times in ms from the end of the last word, as far as it is known."""

    decided_ms: float | None = None
    first_delta_ms: float | None = None
    first_audible_ms: float | None = None


@dataclass(slots=True)
class Interruption:
    """One sound of the person over the assistant. Times in ms from its beginning, or where no ear of ours heard that,
    from the first that anybody noticed: turned down, decided, silent (what a device plays on included). `heard_ms` of
    `received_ms` of the item were heard by our account, which was `error_ms` off where the far end could tell later."""

    why: str
    yielded: bool
    ducked_ms: float | None = None
    confirmed_ms: float | None = None
    stopped_ms: float | None = None
    heard_ms: float | None = None
    received_ms: float | None = None
    error_ms: float | None = None


@dataclass(slots=True)
class SessionReport:
    """What became of one conversation, in seconds and counts.

    `person_interrupted` counts how often the assistant began while the person spoke."""

    length_s: float = 0.0
    person_s: float = 0.0
    assistant_s: float = 0.0
    both_s: float = 0.0
    longest_monologue_s: float = 0.0
    dead_air_s: float = 0.0
    longest_dead_air_s: float = 0.0
    assistant_interrupted: int = 0
    person_interrupted: int = 0
    restored: int = 0
    speculated: int = 0
    retracted: int = 0
    reconnects: int = 0
    tool_calls: int = 0
    errors: int = 0
    cost_usd: float = 0.0
    turns: list[TurnReport] = field(default_factory=list)
    interruptions: list[Interruption] = field(default_factory=list)

    @property
    def talk_ratio(self) -> float:
        """The assistant's share of the talk; 0 when nobody spoke."""
        talked = self.person_s + self.assistant_s
        return self.assistant_s / talked if talked else 0.0

    def median_ms(self, name: str) -> float | None:
        """The median of one time over all turns or interruptions that have it."""
        rows = [*self.turns, *self.interruptions]
        known = [value for row in rows if (value := getattr(row, name, None)) is not None]
        return round(statistics.median(known), 1) if known else None

    def as_values(self) -> dict[str, Any]:
        """Everything as JSON knows it."""
        times = {name: value for name, value in asdict(self).items() if isinstance(value, float)}
        rounded = {name: round(value, 3 if name != "cost_usd" else 6) for name, value in times.items()}
        return asdict(self) | rounded | {"talk_ratio": round(self.talk_ratio, 4)}


class Reporter:
    """Watches one session and keeps its report up to date. `on_turn` and `on_interruption` hear of each when it is
    known."""

    def __init__(
        self,
        on_turn: Callable[[TurnReport], None] = lambda turn: None,
        on_interruption: Callable[[Interruption], None] = lambda interruption: None,
    ) -> None:
        self.report = SessionReport()
        self._on_turn = on_turn
        self._on_interruption = on_interruption
        self._at = 0.0
        self._person = self._by_hand = False
        self._assistant = False
        self._monologue_s = 0.0
        self._quiet_s = 0.0
        self._input = InputClock()
        self._noticed_at = self._ended_at = -1.0
        self._held_ms = 0.0
        self._onset_at: float | None = None
        self._offset_at: float | None = None
        self._ducked_at: float | None = None
        self._silent_ms: float | None = None
        self._cut: Interruption | None = None
        self._events: dict[type, Callable[[Any], None]] = {
            ev.CallerSpeech: self._caller_speech,
            ev.EngineSaid: self._engine_said,
            ev.LinkOpened: lambda event: self._input.restart(),
            ev.Played: self._played,
        }
        self._notes: dict[str, Callable[[dict[str, Any]], None]] = {
            "speech_started": lambda values: self._person_begins(),
            "talk_began": lambda values: self._person_begins(by_hand=True),
            "speech_stopped": lambda values: self._person_ended(self._ended_at),
            "talk_ended": lambda values: self._person_ended(values["at"]),
            "committed": lambda values: None if self._by_hand else self._person_ended(self._at),
            "tap_ignored": lambda values: self._person_ended(self._at),
            "sound_ended": lambda values: self._assistant_ends(),
            "turn": self._turn,
            "restored": lambda values: self._decided("acknowledgement", yielded=False),
            "yielded": lambda values: self._decided(values["why"], yielded=True),
            "barge_in": self._barge_in,
            "cut_measured": self._truncation,
            "speculated": lambda values: self._add("speculated"),
            "speculation_retracted": lambda values: self._add("retracted"),
            "link": lambda values: self._add("reconnects", values["state"] == "lost" and values["was_ready"]),
            "tool_done": lambda values: self._add("tool_calls"),
            "error": lambda values: self._add("errors"),
            "ended": lambda values: setattr(self.report, "cost_usd", values["cost_usd"]),
        }

    def watch(self, now: float, event: ev.Event, effects: Sequence[ef.Effect]) -> None:
        kind = type(event)
        if kind is ev.CallerAudio and len(effects) < 2:
            if effects and type(effects[0]) is ef.SendAudio:
                self._input.sent(now, effects[0].frame.duration_ms)
            return
        self._pass_time(now)
        handle = self._events.get(kind)
        if handle is not None:
            handle(event)
        for effect in effects:
            self._effect(effect)

    def _effect(self, effect: ef.Effect) -> None:
        kind = type(effect)
        if kind is ef.Note:
            assert isinstance(effect, ef.Note)
            handle = self._notes.get(effect.kind)
            if handle is not None:
                handle(effect.values)
        elif kind is ef.SendAudio:
            assert isinstance(effect, ef.SendAudio)
            self._input.sent(self._at, effect.frame.duration_ms)
        elif kind is ef.Play and not self._assistant:
            self._assistant, self._monologue_s = True, 0.0
            self.report.person_interrupted += self._person
        elif kind is ef.Duck:
            self._ducked_at = self._at
        elif kind is ef.StopPlayback:
            self._stopped()

    # Events

    def _caller_speech(self, event: ev.CallerSpeech) -> None:
        if event.stage == "onset":
            self._onset_at, self._offset_at = self._at - event.speech_ms / 1000, None
        elif event.stage == "offset":
            self._offset_at = self._at

    def _engine_said(self, event: ev.EngineSaid) -> None:
        said = event.event
        if isinstance(said, InputAudioBufferSpeechStarted) and self._since() is None:
            self._onset_at, self._offset_at = self._input.began(self._at, said.audio_start_ms), None
        elif isinstance(said, InputAudioBufferSpeechStopped):
            self._offset_at = self._at
            self._noticed_at, self._ended_at = self._at, self._input.ended(self._at, said.audio_end_ms)
        elif isinstance(said, SessionCreated | SessionUpdated):
            self._input.configured(said.session.model_dump(exclude_unset=True))

    def _played(self, event: ev.Played) -> None:
        self._held_ms = event.held_ms

    # Who speaks

    def _pass_time(self, now: float) -> None:
        report, gone_s = self.report, now - self._at
        self._at, report.length_s = now, now
        if self._person:
            report.person_s += gone_s
        if self._assistant:
            report.assistant_s += gone_s
            self._monologue_s += gone_s
            report.longest_monologue_s = max(report.longest_monologue_s, self._monologue_s)
        if self._person and self._assistant:
            report.both_s += gone_s
        if self._person or self._assistant:
            self._quiet_s = 0.0
        else:
            self._quiet(gone_s)

    def _quiet(self, gone_s: float) -> None:
        report = self.report
        self._quiet_s += gone_s
        report.dead_air_s += gone_s
        report.longest_dead_air_s = max(report.longest_dead_air_s, self._quiet_s)

    def _person_begins(self, *, by_hand: bool = False) -> None:
        self._person, self._by_hand = True, by_hand

    def _person_ended(self, at: float) -> None:
        """They fell silent then, which was noticed only now."""
        if not self._person:
            return
        self._person = self._by_hand = False
        silent_s = min(max(self._at - at, 0.0), self.report.person_s) if at >= 0 else 0.0
        self.report.person_s -= silent_s
        if not self._assistant:
            self._quiet(silent_s)

    def _assistant_ends(self) -> None:
        self._assistant = False

    # Turns and interruptions

    def _turn(self, values: dict[str, float]) -> None:
        stopped_at = values.get("speech_stopped_at")
        turn = TurnReport()
        if stopped_at is not None:
            same = abs(stopped_at - self._noticed_at) < 0.002 and self._ended_at >= 0
            ended_at = self._ended_at if same else stopped_at
            names = ("committed_at", "first_delta_at", "first_audible_at")
            turn = TurnReport(*(round((values[n] - ended_at) * 1000, 1) if n in values else None for n in names))
        _keep(self.report.turns, turn)
        self._on_turn(turn)

    def _decided(self, why: str, *, yielded: bool) -> None:
        self.report.restored += not yielded
        self._cut = Interruption(why, yielded)
        since = self._since()
        if since is not None:
            self._cut.confirmed_ms = round((self._at - since) * 1000, 1)
            if self._ducked_at is not None:
                self._cut.ducked_ms = round((self._ducked_at - since) * 1000, 1)
        _keep(self.report.interruptions, self._cut)
        if not yielded:
            self._ducked_at = None
            self._on_interruption(self._cut)

    def _since(self) -> float | None:
        """When the sound began that something is decided about now."""
        over = self._offset_at is not None and self._at - self._offset_at > ECHO_S
        return self._ducked_at if over or self._onset_at is None else self._onset_at

    def _stopped(self) -> None:
        self._assistant = False
        cut, since = self._cut, self._since()
        self._silent_ms = None if since is None else round((self._at - since) * 1000 + self._held_ms, 1)
        if cut is not None and cut.yielded and cut.stopped_ms is None:
            cut.stopped_ms = self._silent_ms
            self._on_interruption(cut)
        self._ducked_at = None

    def _barge_in(self, values: dict[str, Any]) -> None:
        """An item was cut. Several items of one interruption count once."""
        cut = self._cut
        if cut is None or not cut.yielded or cut.heard_ms is not None:
            cut = self._cut = Interruption(values["why"], yielded=True)
            cut.stopped_ms = self._silent_ms if cut.why in BY_VOICE else None
            _keep(self.report.interruptions, cut)
            self._on_interruption(cut)
        cut.heard_ms, cut.received_ms = values["heard_ms"], values["received_ms"]
        self.report.assistant_interrupted += 1

    def _truncation(self, values: dict[str, Any]) -> None:
        """The far end told later how much was heard."""
        if self._cut is not None and self._cut.yielded:
            self._cut.error_ms = abs(values["truncation_error_ms"])

    def _add(self, name: str, amount: object = True) -> None:
        setattr(self.report, name, getattr(self.report, name) + bool(amount))


def _keep(rows: list[Any], row: object) -> None:
    rows.append(row)
    if len(rows) > REMEMBERED:
        del rows[0]
