"""Watchdogs: what should have happened by now.

A conversation can go deaf or mute without any error: an engine that takes sound and says nothing, a reply that was
asked for and never comes, a loudspeaker that reports nothing. Each watch is armed by one thing and disarmed by
another; what it finds is repaired by a new connection, a bounded number of times, or ends the call out loud.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from voice.session.deadlines import Deadline, soonest


class Trouble(Enum):
    """What a watch found."""

    NO_REPLY = "reply asked for, nothing came"
    STALLED = "reply begun, nothing more came"
    UNHEARD = "speech captured, the engine heard nothing"
    NO_END = "speech over, the engine still hears it"
    NO_COMMIT = "speech over, no turn was made of it"
    SILENT_LINE = "sound played, the far end reported nothing"


@dataclass(frozen=True, slots=True)
class WatchRules:
    """How long each may take; `repairs` in a row are tried before the call is given up."""

    no_reply_ms: float = 12_000.0
    stalled_ms: float = 15_000.0
    unheard_ms: float = 4_000.0
    no_end_ms: float = 6_000.0
    no_commit_ms: float = 4_000.0
    silent_line_ms: float = 5_000.0
    repairs: int = 3


class Watch:
    """The four watches of one conversation."""

    def __init__(self, rules: WatchRules) -> None:
        self.rules = rules
        self.repaired = 0
        self._armed: dict[Trouble, float] = {}
        self._patience_s = {
            Trouble.NO_REPLY: rules.no_reply_ms / 1000,
            Trouble.STALLED: rules.stalled_ms / 1000,
            Trouble.UNHEARD: rules.unheard_ms / 1000,
            Trouble.NO_END: rules.no_end_ms / 1000,
            Trouble.NO_COMMIT: rules.no_commit_ms / 1000,
            Trouble.SILENT_LINE: rules.silent_line_ms / 1000,
        }

    def expect(self, trouble: Trouble, now: float) -> None:
        """From now on this should not last; a watch that is armed already keeps its time."""
        self._armed.setdefault(trouble, now)

    def progress(self, trouble: Trouble, now: float) -> None:
        """Something of it came: wait for the rest anew."""
        if trouble in self._armed:
            self._armed[trouble] = now

    def came(self, *troubles: Trouble) -> None:
        """It came: nothing to watch."""
        for trouble in troubles:
            self._armed.pop(trouble, None)

    def all_well(self) -> None:
        """The engine answered to the end: the count of repairs begins anew."""
        self.repaired = 0

    def forget(self) -> None:
        """The connection is gone, and with it what was expected of it."""
        self._armed.clear()

    def found(self, now: float) -> Trouble | None:
        """What has lasted too long by now; it is disarmed."""
        for trouble, since in self._armed.items():
            if now >= since + self._patience_s[trouble]:
                del self._armed[trouble]
                return trouble
        return None

    def deadline(self) -> Deadline | None:
        return soonest(
            Deadline(since + self._patience_s[trouble], trouble.value) for trouble, since in self._armed.items()
        )
