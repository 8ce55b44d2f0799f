"""Who asked for a response, which one is being made, and which are over.

At most one response of the default conversation is active. A wish for one waits until nothing stands in its way;
wishes without words of their own fall into one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from voice.protocol.client_events import ResponseCreate
from voice.session.deadlines import Deadline

Reason = Literal["turn", "tool", "say", "restored", "client"]
Protection = Literal["no", "uninterruptible", "must_be_heard"]
REMEMBERED = 64
WISHES_HELD = 64
TRIES = 4
STALE_PATIENCE_S = 3.0
"""So long after a reply was stopped the engine should have said that it is over."""


class Fate(Enum):
    """What becomes of a reply that was stopped before it had a name, once it has one."""

    DROPPED = "dropped"
    """It was interrupted: what it made stays."""
    WITHDRAWN = "withdrawn"
    """It is made anew: what it made is to have never been."""
    RETRACTED = "retracted"
    """Its turn went on: nobody is to hear of it."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A response that somebody wants. `text`: these exact words, protected as `Say` has it; `create`: as a client asked
    for it."""

    reason: Reason
    text: str = ""
    create: ResponseCreate | None = None
    protect: Protection = "no"


class Replies:
    """The response being made and the wishes behind it. One that was stopped is over at `stale_until` at the latest,
    and has its `fate`."""

    def __init__(self) -> None:
        self.active_id = ""
        self.wish: Wish | None = None
        self.asked_event_id = ""
        self.wishes: deque[Wish] = deque()
        self._stale: dict[str, None] = {}
        self._over: dict[str, None] = {}
        self.protected: dict[str, Wish] = {}
        self.stale_until: float | None = None
        self.fate = Fate.DROPPED
        self._hold_until: float | None = None
        self._tries = 0

    def want(self, wish: Wish) -> bool:
        """Somebody wants a response. False when too many words wait already."""
        if wish.text:
            if len(self.wishes) >= WISHES_HELD:
                return False
            self.wishes.append(wish)
        elif all(other.text for other in self.wishes):
            self.wishes.appendleft(wish)
        return True

    def forget(self, *reasons: Reason) -> None:
        """What was wanted for these reasons comes about in another way."""
        self.wishes = deque(wish for wish in self.wishes if wish.reason not in reasons)

    def next_wish(self, now: float, *, quiet: bool) -> Wish | None:
        """The wish to ask for now. Words of our own wait until the loudspeaker is quiet."""
        if not self.wishes or (self._hold_until is not None and now < self._hold_until):
            return None
        if self.wishes[0].text and not quiet:
            return None
        self._hold_until = None
        return self.wishes.popleft()

    def ask(self, wish: Wish, event_id: str) -> None:
        """The engine is being asked for it."""
        self.wish, self.asked_event_id = wish, event_id

    def refused(self, now: float, *, again: bool) -> bool:
        """The engine would not make the response, or failed at it. False when the wish is given up."""
        wish = self.wish
        self.done()
        if wish is None or not again or self._tries >= TRIES:
            self._tries = 0
            return False
        self._hold_until = now + 0.25 * 2**self._tries
        self._tries += 1
        self.wishes.appendleft(wish)
        return True

    def created(self, response_id: str) -> None:
        """The response exists."""
        self.active_id, self.asked_event_id = response_id, ""
        if self.wish is not None and self.wish.protect != "no":
            self.protected[response_id] = self.wish
            while len(self.protected) > REMEMBERED:
                del self.protected[next(iter(self.protected))]

    def answered(self) -> None:
        """The engine made a response to its end: the count of refusals begins anew."""
        self._tries = 0

    def stop(self, until: float, fate: Fate = Fate.DROPPED) -> None:
        """It is not wanted any more; by then the engine should have said that it is over."""
        self.stale_until, self.fate = until, fate

    def is_overdue(self, now: float) -> bool:
        """Whether a reply that was stopped should be over by now."""
        return self.stale_until is not None and now >= self.stale_until

    def done(self) -> None:
        """No response is active."""
        self.active_id, self.asked_event_id, self.wish, self.stale_until = "", "", None, None

    def make_stale(self, response_id: str) -> None:
        """What still comes of this response is not for anybody's ears."""
        _remember(self._stale, response_id)

    def is_stale(self, response_id: str) -> bool:
        return response_id in self._stale

    def is_over(self, response_id: str) -> bool:
        """The engine said that it is done with this response."""
        return response_id in self._over

    def end(self, response_id: str) -> bool:
        """The engine says that it is done with this response. False when it said so before."""
        if response_id in self._over:
            return False
        _remember(self._over, response_id)
        return True

    def hold_over(self, now: float) -> None:
        """Time passed: what was refused may be asked again."""
        if self._hold_until is not None and now >= self._hold_until:
            self._hold_until = None

    def stale_deadline(self) -> Deadline | None:
        return None if self.stale_until is None else Deadline(self.stale_until, "cancelled reply is over")

    def deadline(self) -> Deadline | None:
        if self._hold_until is None or not self.wishes:
            return None
        return Deadline(self._hold_until, "ask again")


def _remember(ids: dict[str, None], response_id: str) -> None:
    if response_id:
        ids[response_id] = None
        while len(ids) > REMEMBERED:
            del ids[next(iter(ids))]
