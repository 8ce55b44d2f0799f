"""A conversation in figures: who spoke how long, who interrupted whom, how long each answer took."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field
from typing import Any


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
