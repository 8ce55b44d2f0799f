"""The ledger of what was said: received, queued, heard.

Sound is a line of milliseconds per epoch; every item owns a stretch of it. The far end's position on that line is
known from its reports and, between them, from time: it advances as sound does, never past what was queued, and
never past a mark that has not come back. An epoch ends when playback is cut.

A cut is a guess about the moment when the stop reaches the far end: sound that its device holds is heard all the same,
and so is what sounds while the mark comes back and the stop goes there. Where a device goes on reporting until its
sound is over, the last report of the old epoch says how good the guess was.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from voice.session.deadlines import Deadline
from voice.session.round_trip import RoundTrip

REMEMBERED = 64
LAST_REPORT_S = 0.3
"""The last report of an epoch comes so long after its sound at the latest."""


@dataclass(slots=True)
class Spoken:
    """One item's stretch of the epoch."""

    response_id: str
    item_id: str
    content_index: int
    start_ms: float
    received_ms: float = 0.0
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """An item that was not heard to its end. `heard_ms` is whole and never beyond what was received."""

    response_id: str
    item_id: str
    content_index: int
    heard_ms: int
    received_ms: float


@dataclass(slots=True)
class Guess:
    """Where an epoch was cut by our account, and where it really ended, as far as its device has told."""

    epoch: int
    guessed_ms: float
    due_at: float
    reported_ms: float | None = None


class Ledger:
    """What the far end was given in this epoch and how much of it was heard."""

    def __init__(self, *, marks: bool, mark_every_ms: float) -> None:
        self.epoch = 0
        self.queued_ms = 0.0
        self.uncertainty_ms = 0.0
        self.held_ms = 0.0
        self.items: dict[str, Spoken] = {}
        self._marks = marks
        self._mark_every_ms = mark_every_ms
        self._outstanding: deque[float] = deque()
        self._marked_ms = 0.0
        self._anchor_ms = 0.0
        self._anchor_at = 0.0
        self._lag_ms = 0.0
        self._round_trip = RoundTrip()
        self._guess: Guess | None = None
        self._received: dict[str, float] = {}

    def position_ms(self, now: float) -> float:
        """How much of the epoch has been heard."""
        position = self._anchor_ms + (now - self._anchor_at) * 1000
        limit = self._outstanding[0] if self._outstanding else self.queued_ms
        if position > limit:
            position = limit
        return position if position > self._anchor_ms else self._anchor_ms

    def queue(self, response_id: str, item_id: str, content_index: int, duration_ms: float, now: float) -> bool:
        """Sound was given to the far end. True when a mark should follow it."""
        if self.position_ms(now) >= self.queued_ms:
            self._anchor_ms, self._anchor_at = self.queued_ms, now + self.held_ms / 1000
            self._lag_ms = 0.0
            self._round_trip.began(self.queued_ms, now)
        item = self.items.get(item_id)
        if item is None:
            item = self.items[item_id] = Spoken(response_id, item_id, content_index, self.queued_ms)
        item.received_ms += duration_ms
        self.queued_ms += duration_ms
        return self._marks and self.queued_ms - self._marked_ms >= self._mark_every_ms

    def mark(self) -> float:
        """A mark was sent behind all that is queued: its position."""
        self._marked_ms = self.queued_ms
        self._outstanding.append(self.queued_ms)
        return self.queued_ms

    @property
    def wants_mark(self) -> bool:
        """Whether sound is queued that no mark stands behind."""
        return self._marks and self._marked_ms < self.queued_ms

    def finish(self, item_id: str) -> None:
        """No more sound will come for this item."""
        if item := self.items.get(item_id):
            item.finished = True

    def finish_all(self) -> None:
        """No more sound will come for anything that is queued."""
        for item in self.items.values():
            item.finished = True

    def received_ms(self, item_id: str) -> float:
        """How much sound of an item came, also when it is over."""
        item = self.items.get(item_id)
        return self._received.get(item_id, 0.0) if item is None else item.received_ms

    def played(
        self, epoch: int, position_ms: float, uncertainty_ms: float, now: float, held_ms: float | None = None
    ) -> bool:
        """The far end reports its position. False when the report is of an epoch that is over.

        `held_ms` is what its device has taken and will still play, even after a stop."""
        if held_ms is not None:
            self.held_ms = held_ms
        if epoch != self.epoch:
            if self._guess is not None and epoch == self._guess.epoch:
                self._guess.reported_ms = max(position_ms, self._guess.reported_ms or 0.0)
            return False
        position_ms = min(position_ms, self.queued_ms)
        if self._marks:
            self._round_trip.echoed(position_ms, now)
        while self._outstanding and self._outstanding[0] <= position_ms:
            self._outstanding.popleft()
        if position_ms >= self._anchor_ms:
            self._anchor_ms, self._anchor_at = position_ms, now
            self._lag_ms = self._round_trip.ms
            self.uncertainty_ms = uncertainty_ms
        return True

    def heard_ms(self, item_id: str, now: float) -> float:
        """How much of one item will have been heard if playback stops now, of what was received."""
        item = self.items.get(item_id)
        if item is None:
            return 0.0
        return min(max(self._at_stop_ms(now) - item.start_ms, 0.0), item.received_ms)

    def _at_stop_ms(self, now: float) -> float:
        """How much of the epoch will have been heard when a stop that is sent now has done its work."""
        position_ms = self._anchor_ms + (now - self._anchor_at) * 1000 + self._lag_ms
        if self._outstanding:
            position_ms = min(position_ms, self._outstanding[0] + self._round_trip.ms)
        return min(max(position_ms, self._anchor_ms) + self.held_ms, self.queued_ms)

    def sounding(self, now: float) -> bool:
        """Whether the far end still has something to play."""
        return self.position_ms(now) < self.queued_ms

    def cut(self, now: float) -> list[Cut]:
        """Playback stops here: what of which item was not heard to its end. Begins the next epoch."""
        cuts = [
            Cut(item.response_id, item.item_id, item.content_index, int(heard), item.received_ms)
            for item in self.items.values()
            if (heard := self.heard_ms(item.item_id, now)) < item.received_ms or not item.finished
        ]
        due_at = now + self.held_ms / 1000 + LAST_REPORT_S
        self._guess = Guess(self.epoch, self._at_stop_ms(now), due_at) if self.held_ms else None
        self._round_trip.stopped()
        self.epoch += 1
        self._forget(self.items)
        self.items = {}
        self._outstanding.clear()
        self.queued_ms = self._marked_ms = self._anchor_ms = self._anchor_at = self._lag_ms = 0.0
        return cuts

    def guess_deadline(self) -> Deadline | None:
        """When the last report of the epoch that was cut must have come."""
        return None if self._guess is None else Deadline(self._guess.due_at, "last report before the stop")

    def truncation_error_ms(self, now: float) -> float | None:
        """Once, when it is known: how much more was told to be heard at the last cut than was (negative: less)."""
        guess = self._guess
        if guess is None or now < guess.due_at:
            return None
        self._guess = None
        return None if guess.reported_ms is None else guess.guessed_ms - guess.reported_ms

    def settle(self) -> None:
        """All that was queued was heard: forget the items that are complete."""
        self._forget({name: item for name, item in self.items.items() if item.finished})
        self.items = {name: item for name, item in self.items.items() if not item.finished}

    def deadline(self) -> Deadline | None:
        """When the sound runs out, if nothing is added. Behind an outstanding mark only its echo (or cut) ends it,
        but no longer than twice the wait: a mark may be lost."""
        if self.queued_ms <= self._anchor_ms:
            return None
        left_s = (self.queued_ms - self._anchor_ms) / 1000
        return Deadline(self._anchor_at + left_s * (2 if self._outstanding else 1), "sound ends")

    def run_dry(self, now: float) -> bool:
        """Time passed: whether the sound has ended by now (a mark that never came back included)."""
        deadline = self.deadline()
        if deadline is None or now < deadline.at:
            return deadline is None
        self._outstanding.clear()
        self._anchor_ms, self._anchor_at, self._lag_ms = self.queued_ms, now, 0.0
        return True

    def _forget(self, items: dict[str, Spoken]) -> None:
        for name, item in items.items():
            self._received[name] = item.received_ms
        while len(self._received) > REMEMBERED:
            del self._received[next(iter(self._received))]
