"""What a trace tells, as spans and moments in seconds since the first event."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Sound:
    """A short piece of sound and its peak, 0..1. `heard` is false for what was made and never reached an ear."""

    start_s: float
    end_s: float
    level: float
    heard: bool = True


@dataclass(slots=True)
class Speech:
    """One utterance of the person. `how` is voice, talk-button, keyboard or telephone-key; `by_hand`: it gets its name
    when it is committed."""

    start_s: float
    end_s: float | None = None
    text: str = ""
    item_id: str = ""
    how: str = "voice"
    by_hand: bool = False


@dataclass(slots=True)
class Reply:
    """One item of the assistant's voice, where it sounded."""

    item_id: str
    start_s: float
    end_s: float
    text: str = ""
    received_ms: float = 0.0
    heard_ms: float = 0.0

    @property
    def heard_share(self) -> float:
        return self.heard_ms / self.received_ms if self.received_ms else 1.0


@dataclass(slots=True)
class ToolSpan:
    """One call of a tool; `ok` is None while it runs."""

    call_id: str
    name: str
    start_s: float
    end_s: float | None = None
    ok: bool | None = None


@dataclass(frozen=True, slots=True)
class Latency:
    """One turn's way from the person's last sound to the assistant's first; None for a step nobody noted."""

    stopped_s: float
    audible_s: float
    committed_s: float | None = None
    first_delta_s: float | None = None

    @property
    def total_ms(self) -> float:
        return (self.audible_s - self.stopped_s) * 1000

    def steps(self) -> list[tuple[str, float, float]]:
        """Name, start and end of each step that is known, without holes and never backwards."""
        names = (("end of turn", self.committed_s), ("thinking", self.first_delta_s), ("to the ear", self.audible_s))
        steps, at = [], self.stopped_s
        for name, until in names:
            if until is not None and at <= until <= self.audible_s:
                steps.append((name, at, until))
                at = until
        return steps


@dataclass(slots=True)
class Interruption:
    """The person spoke while the assistant did: where its sound was cut and what remained unheard."""

    at_s: float
    item_id: str = ""
    heard_ms: float | None = None
    received_ms: float | None = None
    truncated_ms: float | None = None
    error_ms: float | None = None


@dataclass(slots=True)
class Duck:
    """The assistant was turned down by `gain_db`, because somebody might be interrupting. `meant`: somebody was.
    `hush`: for a moment, because a sound set in that was nothing in particular yet. `further`: it ends in being turned
    down further."""

    start_s: float
    gain_db: float
    end_s: float | None = None
    meant: bool = False
    hush: bool = False
    further: bool = False


@dataclass(slots=True)
class Ahead:
    """A reply was asked for before the turn was surely over; None while nobody knew whether it was."""

    start_s: float
    end_s: float | None = None
    kept: bool | None = None


@dataclass(slots=True)
class Gap:
    """No connection to the engine."""

    start_s: float
    end_s: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """An error that was noted, and what was done about it."""

    at_s: float
    code: str
    action: str


@dataclass(slots=True)
class Story:
    """A whole conversation, ready to be drawn."""

    session_id: str = ""
    started: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    duration_s: float = 0.0
    caller: list[Sound] = field(default_factory=list)
    assistant: list[Sound] = field(default_factory=list)
    speeches: list[Speech] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    tools: list[ToolSpan] = field(default_factory=list)
    latencies: list[Latency] = field(default_factory=list)
    interruptions: list[Interruption] = field(default_factory=list)
    ducks: list[Duck] = field(default_factory=list)
    aheads: list[Ahead] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    stale_ms: float = 0.0
    ended: str = ""
