"""Whose turn it is: the person's speech as the engine hears it, or as the talk button says.

This part knows when a turn began, ended and was committed, and whether the person's sound goes to the engine now.
What follows from a turn (interrupt, ask for a reply) is the session's to decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from voice.session.deadlines import Deadline
from voice.session.rules import Ending, TurnRules


@dataclass(slots=True)
class TurnTimes:
    """When each step of one turn happened, in seconds of `now`; None: not yet, or not known."""

    speech_started_at: float | None = None
    speech_stopped_at: float | None = None
    committed_at: float | None = None
    asked_at: float | None = None
    first_delta_at: float | None = None
    first_audible_at: float | None = None

    def as_values(self) -> dict[str, float]:
        names = type(self).__slots__
        return {name: round(value, 4) for name in names if (value := getattr(self, name)) is not None}


class Button(Enum):
    """TAIL: it was let go, or it is quiet, and what still comes belongs to the turn."""

    UP = "up"
    HELD = "held"
    TAIL = "tail"


class Talk:
    """A turn that is committed by hand, by the talk button or by our ear: what lies within it is sent.

    The button leaves a tail after its release, and a tap of it is a mistake; the ear says when it is over.
    `began_ms` is the turn's beginning as a position in the person's sound.
    """

    def __init__(self, rules: TurnRules) -> None:
        self._rules = rules
        self.began_ms = 0.0
        self._button = Button.UP
        self._pressed_at = 0.0
        self._tail_until = 0.0
        self._quiet_since = 0.0
        self._endings: dict[str, Ending] = {}
        self._speculated = False

    @property
    def _longest_at(self) -> float:
        return self._pressed_at + self._rules.longest_ms / 1000

    @property
    def open(self) -> bool:
        """Whether the person's sound goes to the engine."""
        return self._button is not Button.UP

    @property
    def quiet_since(self) -> float:
        """When the person fell silent, or let the button go."""
        return self._quiet_since

    def press(self, now: float) -> bool:
        """A turn begins: True when it is a new one (a press within the tail only goes on with the old one)."""
        fresh = self._button is Button.UP
        if self._button is not Button.HELD:
            self._endings.clear()
            self._speculated = False
        self._button = Button.HELD
        if fresh:
            self._pressed_at = now
        return fresh

    def release(self, now: float) -> bool:
        """True when it was held long enough to be meant; a tap closes at once and is to be forgotten."""
        if self._button is not Button.HELD:
            return True
        if (now - self._pressed_at) * 1000 < self._rules.tap_ms:
            self._button = Button.UP
            return False
        self._end_at(now + self._rules.release_tail_ms / 1000, now)
        return True

    def hears_quiet(self, since: float) -> None:
        """The ear hears quiet: the turn is over after enough of it, unless the person goes on before."""
        if self._button is not Button.UP:
            self._end_at(since + self._wait_s, since)

    def sense(self, by: str, ending: Ending) -> None:
        """What the turn is like so far changes how much quiet is enough."""
        self._endings[by] = ending
        if self._button is Button.TAIL and self._rules.mode == "local":
            self._tail_until = self._quiet_since + self._wait_s

    def end_now(self, now: float) -> None:
        """It has lasted too long."""
        self._end_at(now, now)

    def _end_at(self, when: float, since: float) -> None:
        self._button, self._tail_until, self._quiet_since = Button.TAIL, when, since

    @property
    def _wait_s(self) -> float:
        words, sound = (self._endings.get(by, "open") for by in ("words", "sound"))
        return self._rules.wait_ms(words, sound) / 1000

    def tail_over(self, now: float) -> bool:
        """Time passed: true once, when the tail after a release is complete."""
        if self._button is Button.TAIL and now >= self._tail_until:
            self._button = Button.UP
            return True
        return False

    def speculation_due(self, now: float) -> bool:
        """Time passed: true once in each quiet, when the reply may be asked for although the turn is not over."""
        at = self._speculate_at
        if at is None or not at <= now < self._tail_until:
            return False
        self._speculated = True
        return True

    @property
    def _speculate_at(self) -> float | None:
        rules = self._rules
        if rules.speculate_ms is None or rules.mode != "local" or self._speculated or self._button is not Button.TAIL:
            return None
        return None if self._endings.get("words") == "unfinished" else self._quiet_since + rules.speculate_ms / 1000

    def close(self) -> bool:
        """Forget the turn. False when there was none."""
        was_open, self._button = self.open, Button.UP
        return was_open

    def too_long(self, now: float) -> bool:
        """Whether the ear has heard speech for longer than any turn lasts."""
        return self._button is Button.HELD and self._rules.mode == "local" and now >= self._longest_at

    def deadline(self) -> Deadline | None:
        if self._button is Button.TAIL:
            speculate_at = self._speculate_at
            if speculate_at is not None and speculate_at < self._tail_until:
                return Deadline(speculate_at, "speculative start")
            return Deadline(self._tail_until, "end of turn")
        if self._button is Button.HELD and self._rules.mode == "local":
            return Deadline(self._longest_at, "longest turn")
        return None


class IdlePrompt:
    """Speaks up when nobody has said anything for a while, a few times in a row."""

    def __init__(self, rules: TurnRules) -> None:
        self._rules = rules
        self._since: float | None = None
        self._said = 0
        self.holding = False

    def quiet(self, now: float) -> None:
        """Nobody speaks and nothing is on its way."""
        if self._since is None:
            self._since = now

    def busy(self) -> None:
        """Something goes on."""
        self._since = None

    def person_spoke(self) -> None:
        """They are there: the count begins anew, and a "hold on" is over."""
        self._said, self.holding = 0, False

    def due(self, now: float) -> str:
        """What to say now; nothing when it is not time."""
        deadline = self.deadline()
        if deadline is None or now < deadline.at:
            return ""
        self._said += 1
        self._since = None
        return self._rules.idle_text

    def deadline(self) -> Deadline | None:
        rules = self._rules
        if rules.idle_ms is None or self._since is None or self.holding or self._said >= rules.idle_times:
            return None
        return Deadline(self._since + rules.idle_ms / 1000, "idle prompt")
