"""Seeded interruptions over four kinds of line, and how far each truncation is from the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from tests.world.far_ends import Browser, FarEnd, SoundCard
from tests.world.line import Line
from tests.world.room import Plan, Room
from voice.audio.frames import PCM_24K, AudioFrame
from voice.protocol.client_events import ConversationItemTruncate
from voice.session import effects as ef
from voice.session import events as ev

KINDS = ("sound card", "browser", "carrier with marks", "line without reports")
IN_FLIGHT = (2, 5, 20)
TURN_S = 9.0
DELTA_MS = 100.0
PHONE = Line(delay_ms=40.0, jitter_ms=6.0)
DELTA = AudioFrame(PCM_24K, PCM_24K.silence(DELTA_MS))


@dataclass
class Measured:
    """Errors in ms, one per truncation (positive: more was told than was heard), and what sounded after a stop."""

    errors_ms: list[float] = field(default_factory=list)
    told_ms: list[float] = field(default_factory=list)
    stale_ms: float = 0.0
    interruptions: int = 0

    def add(self, other: Measured) -> None:
        """Together with another one's."""
        self.errors_ms += other.errors_ms
        self.told_ms += other.told_ms
        self.stale_ms += other.stale_ms
        self.interruptions += other.interruptions

    def share(self, share: float) -> float:
        """The size of the error that this share stays within."""
        ordered = sorted(abs(error) for error in self.errors_ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def interrupt(kind: str, seed: int, times: int) -> Measured:
    """A conversation over this kind of line in which the person interrupts so many answers."""
    random = Random(seed)
    room, heard = LINES[kind](seed)
    measured = Measured(interruptions=times)
    for turn in range(times):
        at = 1.0 + turn * TURN_S
        room.user_says(at, 0.6)
        begins_at = at + 0.6 + 0.65
        room.happens(begins_at + random.uniform(0.15, 3.5), ev.StopTalking())
    late = InFlight(room, random)
    room.run(until=1.0 + times * TURN_S)
    for cut in room.sent(ConversationItemTruncate):
        measured.errors_ms.append(cut.audio_end_ms - heard()[cut.item_id])
    measured.told_ms = [note["truncation_error_ms"] for note in room.notes("cut_measured")]
    measured.stale_ms = late.stale_ms
    return measured


def late_deltas(count: int) -> Room:
    """One answer is interrupted, with so many of its deltas on their way."""
    room = Room(plan=lambda _: Plan(sound_ms=5_000.0, speed=2.5))
    room.user_says(1.0, 0.6)
    room.happens(3.5, ev.StopTalking())
    room.run(until=3.5)
    (item_id,) = {effect.item_id for effect in room.effects(ef.Play)}
    (response_id,) = {effect.response_id for effect in room.effects(ef.Play)}
    for number in range(count):
        room.happens(3.501 + number * 0.003, ev.EngineAudio(response_id, item_id, 0, 0, DELTA))
    return room.run(until=6.0)


class InFlight:
    """Sound of a reply that was on its way when the reply was stopped: it comes right behind the stop, and later."""

    def __init__(self, room: Room, random: Random) -> None:
        self.stale_ms = 0.0
        self._room = room
        self._random = random
        self._stopped: set[str] = set()
        self._sounding = ("", "")
        play, stop = room._hands[ef.Play], room._hands[ef.StopPlayback]

        def played(effect: ef.Play) -> None:
            if effect.item_id in self._stopped:
                self.stale_ms += effect.frame.duration_ms
            self._sounding = (effect.response_id, effect.item_id)
            play(effect)

        def stopped(effect: ef.StopPlayback) -> None:
            stop(effect)
            self._arrives_late(*self._sounding)

        room._hands[ef.Play], room._hands[ef.StopPlayback] = played, stopped

    def _arrives_late(self, response_id: str, item_id: str) -> None:
        self._stopped.add(item_id)
        for number in range(self._random.choice(IN_FLIGHT)):
            late = ev.EngineAudio(response_id, item_id, 0, 0, DELTA)
            self._room.clock.after(number * 3.0, lambda late=late: self._room.post(late))  # type: ignore[misc]


Truth = Callable[[], Mapping[str, float]]


def _room(seed: int, playout: str, line: Line | None = None) -> Room:
    plan = Plan(sound_ms=5_000.0, speed=2.5)
    return Room(seed=seed, playout=playout, line=line or Line(), plan=lambda _: plan, reports=False)


def _by_blocks(far_end: type[FarEnd]) -> Callable[[int], tuple[Room, Truth]]:
    def make(seed: int) -> tuple[Room, Truth]:
        room = _room(seed, "reports")
        end = far_end(room)
        return room, lambda: end.heard

    return make


def _by_line(playout: str) -> Callable[[int], tuple[Room, Truth]]:
    def make(seed: int) -> tuple[Room, Truth]:
        room = _room(seed, playout, PHONE)
        return room, lambda: room.speaker.heard

    return make


LINES: dict[str, Callable[[int], tuple[Room, Truth]]] = {
    "sound card": _by_blocks(SoundCard),
    "browser": _by_blocks(Browser),
    "carrier with marks": _by_line("marks"),
    "line without reports": _by_line("clock"),
}
