"""What happens in a conversation, in the words that a person wants to read while it happens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from voice.audio.level import peak
from voice.protocol.input_clock import InputClock
from voice.session.effects import Effect, Note, Play, SendAudio, StopPlayback
from voice.session.events import (
    CallerAudio,
    Dtmf,
    EngineSaid,
    Event,
    LinkOpened,
    Played,
    PushToTalk,
    TalkCancelled,
    Typed,
)

Kind = Literal["person", "assistant", "tool", "asks", "turn", "interrupted", "link", "error", "ended"]


@dataclass(frozen=True, slots=True)
class News:
    """One thing worth a line. `values` are what a program wants to know about it."""

    at_s: float
    kind: Kind
    text: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Conversation:
    """Watches events and effects; keeps the present state for a meter and the news for a transcript."""

    now_s: float = 0.0
    person_level: float = 0.0
    assistant_level: float = 0.0
    person_speaks: bool = False
    linked: bool = False
    partial: str = ""
    news: list[News] = field(default_factory=list)
    _zero_s: float | None = None
    _clock_s: float = 0.0
    _input: InputClock = field(default_factory=InputClock)
    _last_word: tuple[float, float] = (-1.0, -1.0)
    _queued: list[tuple[float, float]] = field(default_factory=list)
    _queued_ms: float = 0.0
    _said_ahead: list[News] | None = None
    _unmeant: set[str] = field(default_factory=set)
    _unmeant_commits: int = 0

    def watch(self, now: float, event: Event, effects: Sequence[Effect]) -> list[News]:
        """Take one event in. Answers what is new."""
        if self._zero_s is None:
            self._zero_s = now
        self._clock_s = now
        self.now_s = now - self._zero_s
        new = [*self._event(event), *(item for effect in effects for item in self._effect(effect))]
        self.news.extend(new)
        return new

    # What happened

    def _event(self, event: Event) -> Iterator[News]:
        match event:
            case CallerAudio():
                self.person_level = peak(event.frame)
            case Played():
                self.assistant_level = self._level_at(event.position_ms)
            case EngineSaid():
                yield from self._said(event.event)
            case LinkOpened():
                self._input.restart()
            case PushToTalk():
                self.person_speaks = event.held
            case TalkCancelled():
                self.person_speaks = False
            case Typed():
                yield News(self.now_s, "person", event.text, {"how": "keyboard"})
            case Dtmf():
                yield News(self.now_s, "person", event.digit, {"how": "telephone-key"})
            case _:
                pass

    def _said(self, said: Any) -> Iterator[News]:
        match said.type:
            case "input_audio_buffer.speech_started":
                self.person_speaks = True
            case "session.created" | "session.updated":
                self._input.configured(said.session.model_dump(exclude_unset=True))
            case "input_audio_buffer.speech_stopped":
                self.person_speaks = False
                self._last_word = (self._clock_s, self._input.ended(self._clock_s, said.audio_end_ms))
            case "conversation.item.input_audio_transcription.completed":
                item_id = getattr(said, "item_id", "")
                if item_id not in self._unmeant:
                    text = (getattr(said, "transcript", "") or "").strip()
                    yield from self._person_said(News(self.now_s, "person", text, {"item_id": item_id}))
            case "input_audio_buffer.committed" if self._unmeant_commits:
                self._unmeant_commits -= 1
                self._unmeant.add(said.item_id)
            case "response.output_audio_transcript.delta":
                self.partial += getattr(said, "delta", "") or ""
            case "response.output_audio_transcript.done" | "response.output_text.done":
                self.partial = ""
                text = getattr(said, "transcript", None) or getattr(said, "text", "") or ""
                yield News(self.now_s, "assistant", text.strip(), {"item_id": getattr(said, "item_id", "")})
            case _:
                pass

    def _person_said(self, news: News) -> Iterator[News]:
        """While a turn may still go on, what was understood of its beginning is kept to ourselves."""
        if self._said_ahead is None:
            yield news
        else:
            self._said_ahead.append(news)

    # What followed

    def _effect(self, effect: Effect) -> Iterator[News]:
        match effect:
            case SendAudio():
                self._input.sent(self._clock_s, effect.frame.duration_ms)
            case Play():
                self._queued_ms += effect.frame.duration_ms
                self._queued.append((self._queued_ms, peak(effect.frame)))
            case StopPlayback():
                self._queued.clear()
                self._queued_ms = self.assistant_level = 0.0
            case Note():
                yield from self._noted(effect)
            case _:
                pass

    def _noted(self, note: Note) -> Iterator[News]:
        values = note.values
        match note.kind:
            case "tool_done":
                failed = "" if values.get("ok", True) else " failed"
                yield News(
                    self.now_s, "tool", f"{values.get('name', 'tool')}{failed} · {_ms(values.get('ms'))}", values
                )
            case "approval_asked":
                wish = f"{values.get('name')} {values.get('text')}"
                yield News(self.now_s, "asks", f"{wish} · y allows it, n does not", values)
            case "turn":
                steps = steps_of(self._from_the_last_word(values))
                if "voice_to_voice_ms" in steps:
                    yield News(self.now_s, "turn", in_words(steps), dict(steps))
            case "speculated":
                self._said_ahead = []
            case "speculation_kept":
                yield from self._said_ahead or ()
                self._said_ahead = None
            case "speculation_retracted":
                self._said_ahead = None
                item_id = str(values.get("item_id", ""))
                self._unmeant.add(item_id)
                self._unmeant_commits += not item_id
            case "barge_in":
                heard, made = _ms(values.get("heard_ms")), _ms(values.get("received_ms"))
                yield News(self.now_s, "interrupted", f"interrupted · heard {heard} of {made}", values)
            case "link":
                state = str(values.get("state", ""))
                was_linked, self.linked = self.linked, state in ("ready", "opened")
                if was_linked != self.linked:
                    yield News(self.now_s, "link", "connected" if self.linked else "connection lost", values)
            case "error":
                yield News(self.now_s, "error", f"{values.get('code')} → {values.get('action')}", values)
            case "ended":
                yield News(self.now_s, "ended", str(values.get("reason", "")), values)
            case _:
                pass

    def _from_the_last_word(self, values: dict[str, Any]) -> dict[str, Any]:
        """The turn's moments, beginning where the person fell silent and not where that was noticed."""
        noticed_s, ended_s = self._last_word
        stopped = values.get("speech_stopped_at")
        same = isinstance(stopped, int | float) and abs(stopped - noticed_s) < 0.002
        return {**values, "speech_stopped_at": ended_s} if same else values

    def _level_at(self, position_ms: float) -> float:
        """The peak of the piece that is being heard; pieces before it are forgotten."""
        while self._queued and self._queued[0][0] < position_ms:
            self._queued.pop(0)
        return self._queued[0][1] if self._queued and position_ms < self._queued_ms else 0.0


def steps_of(values: dict[str, Any]) -> dict[str, int]:
    """Where a turn's time went, in ms, as far as its moments are known."""
    names = {
        "voice_to_voice_ms": ("speech_stopped_at", "first_audible_at"),
        "end_of_turn_ms": ("speech_stopped_at", "committed_at"),
        "thinking_ms": ("committed_at", "first_delta_at"),
        "to_the_ear_ms": ("first_delta_at", "first_audible_at"),
    }
    moments = {name: at for name, at in values.items() if isinstance(at, int | float)}
    return {
        name: round((moments[until] - moments[since]) * 1000)
        for name, (since, until) in names.items()
        if since in moments and until in moments and moments[until] >= moments[since]
    }


def in_words(steps: dict[str, int]) -> str:
    """`840 ms (end of turn 400 ms, thinking 350 ms, to the ear 90 ms)`"""
    parts = ", ".join(
        f"{name.removesuffix('_ms').replace('_', ' ')} {steps[name]} ms"
        for name in steps
        if name != "voice_to_voice_ms"
    )
    return f"{_ms(steps['voice_to_voice_ms'])}" + (f" ({parts})" if parts else "")


def _ms(value: object) -> str:
    return f"{value:.0f} ms" if isinstance(value, int | float) else "?"
