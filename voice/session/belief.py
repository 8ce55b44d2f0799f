"""What the person's sounds are while the assistant speaks, by the probabilities that an ear gives for every moment.

One number leads to another: that somebody speaks to us (they want the floor, or agree) turns the assistant down at
once; that they want the floor takes it, sooner the surer it is; that nobody speaks to us any more gives it back.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum


class Leaning(Enum):
    """What is believed now."""

    NOBODY = "nobody"
    UNSURE = "unsure"
    SOMEBODY = "somebody"
    WANTS = "wants"


@dataclass(frozen=True, slots=True)
class BeliefRules:
    """From `somebody` on (they want the floor, or agree) the assistant is turned down, below `nobody` for `calm`
    moments on end it is given back. The floor is taken when the mean of the last `moments` reaches `sure` within
    `early_ms` of the first sign, `likely` later, and `after` when the voice has been gone for `gone_ms`; what may be
    the echo of a reply's first sound needs `wary`."""

    somebody: float = 0.35
    nobody: float = 0.25
    calm: int = 4
    moments: int = 2
    sure: float = 0.88
    early_ms: float = 300.0
    likely: float = 0.65
    after: float = 0.5
    wary: float = 0.93
    gone_ms: float = 90.0


class Belief:
    """Follows one stretch of moments after the other."""

    def __init__(self, rules: BeliefRules) -> None:
        self.rules = rules
        self._wants: deque[float] = deque(maxlen=rules.moments)
        self._since: float | None = None
        self._calm = 0

    def forget(self) -> None:
        """The assistant fell silent, or speaks again: what was heard is past."""
        self._wants.clear()
        self._since, self._calm = None, 0

    def hear(self, kinds: tuple[float, ...], *, gone_ms: float, now: float, wary: bool = False) -> Leaning:
        """The newest moment. `gone_ms`: so long ago there was a voice. `wary`: it may well be our own."""
        rules = self.rules
        wants, agrees = kinds[0], kinds[1]
        self._wants.append(wants)
        if self._since is None:
            if wants + agrees < rules.somebody:
                return Leaning.NOBODY
            self._since = now
        self._calm = self._calm + 1 if wants + agrees < rules.nobody else 0
        if self._calm >= rules.calm:
            self._since = None
            return Leaning.NOBODY
        needed = rules.wary if wary else self._needed(gone_ms, now - self._since)
        if sum(self._wants) / rules.moments >= needed:
            return Leaning.WANTS
        return Leaning.SOMEBODY if wants + agrees >= rules.nobody else Leaning.UNSURE

    def _needed(self, gone_ms: float, since_s: float) -> float:
        rules = self.rules
        if gone_ms >= rules.gone_ms:
            return rules.after
        return rules.sure if since_s * 1000 < rules.early_ms else rules.likely
