"""Where things lie in one row of the picture, and how numbers are written there."""

from __future__ import annotations

from dataclasses import dataclass

WAVE_PX = 48.0


@dataclass(frozen=True, slots=True)
class Rows:
    """Where the lanes of one row lie, from its top."""

    person: float
    person_bar: float
    person_words: float
    floor: float
    bracket: float
    assistant: float
    assistant_bar: float
    assistant_words: float
    tools: float
    bottom: float


def clock(at_s: float, step_s: float) -> str:
    """A label of the time axis."""
    if at_s >= 60:
        rest = at_s % 60
        return f"{int(at_s // 60)}:{rest:04.1f}" if step_s < 1 else f"{int(at_s // 60)}:{rest:02.0f}"
    return f"{at_s:.1f} s" if step_s < 1 else f"{at_s:.0f} s"


def milliseconds(value: float) -> str:
    """A duration as a person reads it: 84 ms, 1.24 s."""
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.2f} s"
