"""Watches a conversation and keeps its report up to date.

Computed from the stream of events and effects, like everything that is observed; nothing here decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from voice.protocol.input_clock import InputClock
from voice.protocol.server_events import (
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    SessionCreated,
    SessionUpdated,
)
from voice.runtime.report import Interruption, SessionReport, TurnReport
from voice.runtime.talk_time import TalkTime
from voice.session import effects as ef
from voice.session import events as ev

REMEMBERED = 2_000
"""Turns and interruptions of a very long conversation: the oldest go, the counts stay."""
BY_VOICE = ("speech", "words", "hold")
ECHO_S = 0.6
"""What is decided so long after a sound of the person was over is not about that sound."""


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
        self._talk = TalkTime(self.report)
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
            "speech_started": lambda values: self._talk.person_begins(),
            "talk_began": lambda values: self._talk.person_begins(by_hand=True),
            "speech_stopped": lambda values: self._person_ended(self._ended_at),
            "talk_ended": lambda values: self._person_ended(values["at"]),
            "committed": lambda values: None if self._talk.person_by_hand else self._talk.person_ended(0.0),
            "tap_ignored": lambda values: self._talk.person_ended(0.0),
            "sound_ended": lambda values: self._talk.assistant_ends(),
            "turn": self._turn,
            "restored": lambda values: self._decided("acknowledgement", yielded=False),
            "unhushed": lambda values: setattr(self, "_ducked_at", None),
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
        self._talk.pass_time(now - self._at)
        self._at = self.report.length_s = now
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
        elif kind is ef.Play:
            self._talk.assistant_begins()
        elif kind is ef.Duck:
            self._ducked_at = self._at if self._ducked_at is None else self._ducked_at
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

    # Turns and interruptions

    def _person_ended(self, at: float) -> None:
        """They fell silent then, as far as that is known (negative: it is not)."""
        self._talk.person_ended(self._at - at if at >= 0 else 0.0)

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
                self._cut.ducked_ms = round(max(0.0, self._ducked_at - since) * 1000, 1)
        _keep(self.report.interruptions, self._cut)
        if not yielded:
            self._ducked_at = None
            self._on_interruption(self._cut)

    def _since(self) -> float | None:
        """When the sound began that something is decided about now."""
        over = self._offset_at is not None and self._at - self._offset_at > ECHO_S
        return self._ducked_at if over or self._onset_at is None else self._onset_at

    def _stopped(self) -> None:
        self._talk.assistant_ends()
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
