"""Events that the protocol has no word for, told to clients that asked for them.

A client asks with `{"session": {"voice": {"events": true}}}` in a `session.update`; everybody else is told none. Each
event is one flat object with its `type`, an `event_id`, and the fields of its record here.
Source: `docs/reference/extension-events.md`, which a test holds against these records.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar, Literal

from voice.protocol.codec import Unknown

ToolState = Literal["running", "progress", "awaiting_approval", "done", "failed"]


@dataclass(frozen=True, slots=True)
class VoiceLink:
    """The engine's connection was lost, or is back."""

    TYPE: ClassVar[str] = "voice.link"
    state: Literal["reconnecting", "restored"]


@dataclass(frozen=True, slots=True)
class VoiceFloor:
    """Somebody may be interrupting (`duck`), was not (`restore`), or is (`yield`). `at_ms` of the item were heard."""

    TYPE: ClassVar[str] = "voice.floor"
    state: Literal["duck", "restore", "yield"]
    item_id: str | None
    at_ms: int


@dataclass(frozen=True, slots=True)
class VoiceHeard:
    """So much of an item was heard. `final`: the rest never will be, or there is none."""

    TYPE: ClassVar[str] = "voice.heard"
    item_id: str
    content_index: int
    heard_ms: int
    text: str
    unheard_text: str
    final: bool


@dataclass(frozen=True, slots=True)
class VoiceTurn:
    """How long the person waited, in ms since the end of their speech (of a typed turn: since it was sent); None where
    that is not known. `decision_ms`: until it was certain that the turn was over."""

    TYPE: ClassVar[str] = "voice.turn"
    response_id: str
    decision_ms: int | None
    first_delta_ms: int | None
    first_audio_ms: int | None


@dataclass(frozen=True, slots=True)
class VoiceTool:
    """A tool of ours is at work. `text` is how far it is, or what it answered."""

    TYPE: ClassVar[str] = "voice.tool"
    item_id: str
    call_id: str
    name: str
    state: ToolState
    text: str


@dataclass(frozen=True, slots=True)
class VoiceUsage:
    """What a response cost, and all so far; None where no prices are known."""

    TYPE: ClassVar[str] = "voice.usage"
    response_id: str
    cost_usd: float | None
    total_usd: float | None
    session_s: float


Extension = VoiceLink | VoiceFloor | VoiceHeard | VoiceTurn | VoiceTool | VoiceUsage
EXTENSIONS: dict[str, type[Extension]] = {
    kind.TYPE: kind for kind in (VoiceLink, VoiceFloor, VoiceHeard, VoiceTurn, VoiceTool, VoiceUsage)
}


def as_event(said: Extension, event_id: str) -> Unknown:
    """The record as an event of the wire."""
    return Unknown(said.TYPE, {"type": said.TYPE, "event_id": event_id, **asdict(said)}, "an extension of ours")
