"""Watchdogs: what should have happened by now.

A conversation can go deaf or mute without any error: an engine that takes sound and says nothing, a reply that was
asked for and never comes, a loudspeaker that reports nothing. Each watch is armed by one thing and disarmed by
another; what it finds is repaired by a new connection, a bounded number of times, or ends the call out loud.

A slow engine and a dead one are told apart by asking: after a short doubt the engine is told something that it must
answer at once (`doubt_ms`, `sign_ms`). An engine that gives no sign of life is left within two seconds; one that does
gets the patience that its work may need.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from voice.session.deadlines import Deadline


class Trouble(Enum):
    """What a watch found."""

    NO_REPLY = "reply asked for, nothing came"
    STALLED = "reply begun, nothing more came"
    BROKE_OFF = "reply broke off, nothing more came"
    NO_DONE = "reply complete, its end was not told"
    UNHEARD = "speech captured, the engine heard nothing"
    LOUD = "sound captured, the engine said nothing"
    NO_END = "speech over, the engine still hears it"
    NO_COMMIT = "speech over, no turn was made of it"
    NO_SIGN = "asked for a sign of life, nothing came"
    SILENT_LINE = "sound played, the far end reported nothing"

    # Members are looked up many times a second, and Enum hashes their names in Python.
    __hash__ = object.__hash__


NEVER_DOUBTED = frozenset({Trouble.NO_DONE, Trouble.SILENT_LINE})
LEARNED = frozenset({Trouble.NO_REPLY, Trouble.STALLED})


@dataclass(frozen=True, slots=True)
class WatchRules:
    """How long each may take; `repairs` in a row are tried before the call is given up, each with twice the patience.

    `no_reply_ms`: `response.created` answers a request, so it takes a round trip and a queue. `stalled_ms`: a model may
    think before its first word; twice the longest that it was seen to take is always granted. `broke_off_ms`: speech
    is made faster than it sounds, so silence in the middle of it is no thinking. `no_done_ms`: the end of a response
    comes with the end of its last item. `unheard_ms`: detectors of speech need some tenths of a second.
    `no_end_ms`: their wait for silence; one that waits for sense may take eight seconds and gets `sense_ms`.
    `no_commit_ms`: the commit comes with the end of speech. `loud_ms`: how long loudness alone is remembered.

    After `doubt_ms` without any event the engine is asked for a sign of life, which it must give within `sign_ms`: the
    longest round trip over a bad line, a lost packet's second sending included.
    """

    no_reply_ms: float = 6_000.0
    stalled_ms: float = 8_000.0
    broke_off_ms: float = 3_000.0
    no_done_ms: float = 1_500.0
    unheard_ms: float = 3_000.0
    loud_ms: float = 3_000.0
    no_end_ms: float = 3_500.0
    sense_ms: float = 10_000.0
    no_commit_ms: float = 2_500.0
    silent_line_ms: float = 5_000.0
    doubt_ms: float = 600.0
    sign_ms: float = 1_500.0
    repairs: int = 4


class Watch:
    """The watches of one conversation. `repaired` and `unheard` count in a row: connections that were replaced, and
    those that were because the engine heard nothing of what our ear took for speech."""

    def __init__(self, rules: WatchRules) -> None:
        self.rules = rules
        self.repaired = 0
        self.unheard = 0
        self.by_sense = False
        self._armed: dict[Trouble, float] = {}
        self._slowest_s: dict[Trouble, float] = {}
        self._spoke_at = float("-inf")
        self._asked_at: float | None = None
        self._signs = 0
        self._patience_s = {
            Trouble.NO_REPLY: rules.no_reply_ms / 1000,
            Trouble.STALLED: rules.stalled_ms / 1000,
            Trouble.BROKE_OFF: rules.broke_off_ms / 1000,
            Trouble.NO_DONE: rules.no_done_ms / 1000,
            Trouble.UNHEARD: rules.unheard_ms / 1000,
            Trouble.LOUD: rules.loud_ms / 1000,
            Trouble.NO_END: rules.no_end_ms / 1000,
            Trouble.NO_COMMIT: rules.no_commit_ms / 1000,
            Trouble.NO_SIGN: rules.sign_ms / 1000,
            Trouble.SILENT_LINE: rules.silent_line_ms / 1000,
        }

    def expect(self, trouble: Trouble, now: float) -> None:
        """From now on this should not last; a watch that is armed already keeps its time."""
        self._armed.setdefault(trouble, now)

    def progress(self, trouble: Trouble, now: float) -> None:
        """Something of it came: wait for the rest anew."""
        if trouble in self._armed:
            self._armed[trouble] = now

    def came(self, trouble: Trouble, now: float) -> None:
        """It came: nothing to watch, and the longest that it took is known."""
        since = self._armed.pop(trouble, None)
        if since is not None and trouble in LEARNED:
            self._slowest_s[trouble] = max(self._slowest_s.get(trouble, 0.0), now - since)
        if (self._signs or self._asked_at is not None) and self._armed.keys() <= NEVER_DOUBTED:
            self._asked_at, self._signs = None, 0

    def forget(self, *troubles: Trouble) -> None:
        """It does not matter any more. All of them, when none is named: the connection is gone."""
        for trouble in troubles or list(self._armed):
            self._armed.pop(trouble, None)
        if not troubles:
            self._asked_at, self._signs, self._spoke_at = None, 0, float("-inf")

    def all_well(self) -> None:
        """The engine answered to the end: the count of repairs begins anew."""
        self.repaired = 0

    # Signs of life

    def engine_spoke(self, now: float) -> None:
        """Anything came from the engine: it lives."""
        self._spoke_at = now
        if self._asked_at is not None:
            self._asked_at = None
            self._signs += 1

    def doubts(self, now: float) -> bool:
        """Whether it is time to ask the engine for a sign of life."""
        at = self._doubt_at()
        return at is not None and now >= at

    def asked(self, now: float) -> None:
        """The engine is being asked."""
        self._asked_at = now

    def _doubt_at(self) -> float | None:
        """Every sign that was given makes the next doubt twice as late."""
        if self._asked_at is not None:
            return None
        since = float("inf")
        for trouble, at in self._armed.items():
            if at < since and trouble not in NEVER_DOUBTED:
                since = at
        if since == float("inf"):
            return None
        return max(since, self._spoke_at) + self.rules.doubt_ms * 2.0**self._signs / 1000

    def _dead_at(self) -> float | None:
        return None if self._asked_at is None else self._asked_at + self.rules.sign_ms * 2.0**self.repaired / 1000

    # Time

    def found(self, now: float) -> Trouble | None:
        """What has lasted too long by now; it is disarmed."""
        dead_at = self._dead_at()
        if dead_at is not None and now >= dead_at:
            self._asked_at = None
            return Trouble.NO_SIGN
        for trouble, since in self._armed.items():
            if now >= since + self.patience_s(trouble):
                del self._armed[trouble]
                return trouble
        return None

    def patience_s(self, trouble: Trouble) -> float:
        """How long this may take now."""
        patience_s = self._patience_s[trouble]
        if trouble is Trouble.NO_END and self.by_sense:
            patience_s = self.rules.sense_ms / 1000
        if trouble in NEVER_DOUBTED or trouble is Trouble.LOUD:
            return patience_s
        if self.repaired:
            patience_s *= 2.0**self.repaired
        return max(patience_s, 2 * self._slowest_s.get(trouble, 0.0))

    def deadline(self, *, may_ask: bool) -> Deadline | None:
        """When to come back. `may_ask`: this engine is known to give signs of life when it is asked."""
        if not self._armed and self._asked_at is None:
            return None
        at, why = float("inf"), ""
        for trouble, since in self._armed.items():
            due_at = since + self.patience_s(trouble)
            if due_at < at:
                at, why = due_at, trouble._value_
        other_at = self._dead_at() if self._asked_at is not None else self._doubt_at() if may_ask else None
        if other_at is not None and other_at < at:
            at, why = other_at, Trouble.NO_SIGN._value_ if self._asked_at is not None else "is the engine there?"
        return Deadline(at, why) if why else None
