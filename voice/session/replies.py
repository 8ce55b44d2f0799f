"""Who asked for a response, which one is being made, and which are over.

At most one response of the default conversation is active. A wish for one waits until nothing stands in its way;
wishes without words of their own fall into one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

from voice.session.deadlines import Deadline

Reason = Literal["turn", "tool", "say", "restored"]
STALE_REMEMBERED = 64
TRIES = 4


@dataclass(frozen=True, slots=True)
class Wish:
    """A response that somebody wants. `text`: these exact words."""

    reason: Reason
    text: str = ""


class Replies:
    """The response being made and the wishes behind it."""

    def __init__(self) -> None:
        self.active_id = ""
        self.asked: Wish | None = None
        self.asked_event_id = ""
        self.wishes: deque[Wish] = deque()
        self._stale: dict[str, None] = {}
        self._hold_until: float | None = None
        self._tries = 0

    def want(self, wish: Wish) -> None:
        """Somebody wants a response."""
        if not wish.text and any(not other.text for other in self.wishes):
            return
        if wish.text:
            self.wishes.append(wish)
        else:
            self.wishes.appendleft(wish)

    def next_wish(self, now: float, *, quiet: bool) -> Wish | None:
        """The wish to ask for now. Words of our own wait until the loudspeaker is quiet."""
        if not self.wishes or (self._hold_until is not None and now < self._hold_until):
            return None
        if self.wishes[0].text and not quiet:
            return None
        self._hold_until = None
        return self.wishes.popleft()

    def ask(self, wish: Wish, event_id: str) -> None:
        self.asked, self.asked_event_id = wish, event_id

    def refused(self, now: float, *, again: bool) -> bool:
        """The engine would not make the response. False when the wish is given up."""
        wish, self.asked, self.asked_event_id = self.asked, None, ""
        if wish is None or not again or self._tries >= TRIES:
            self._tries = 0
            return False
        self._hold_until = now + 0.25 * 2**self._tries
        self._tries += 1
        self.wishes.appendleft(wish)
        return True

    def created(self, response_id: str) -> None:
        self.active_id = response_id
        self.asked, self.asked_event_id = None, ""
        self._tries = 0

    def done(self) -> None:
        self.active_id = ""
        self.asked, self.asked_event_id = None, ""

    def make_stale(self, response_id: str) -> None:
        """What still comes of this response is not for anybody's ears."""
        if response_id:
            self._stale[response_id] = None
            while len(self._stale) > STALE_REMEMBERED:
                del self._stale[next(iter(self._stale))]

    def is_stale(self, response_id: str) -> bool:
        return response_id in self._stale

    def deadline(self) -> Deadline | None:
        if self._hold_until is None or not self.wishes:
            return None
        return Deadline(self._hold_until, "ask again")
