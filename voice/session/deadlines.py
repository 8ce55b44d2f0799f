"""When a part next wants to be woken, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """`at` is in the same seconds as `now`; `why` is for people and traces."""

    at: float
    why: str


def soonest(deadlines: Iterable[Deadline | None]) -> Deadline | None:
    """The earliest of those that exist."""
    best: Deadline | None = None
    for deadline in deadlines:
        if deadline is not None and (best is None or deadline.at < best.at):
            best = deadline
    return best
