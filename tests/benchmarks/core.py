"""The session core: what one event costs, and how long an hour of talk takes in virtual time."""

from __future__ import annotations

from statistics import median
from time import process_time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.world.room import Room
    from voice.session.events import Event

METHOD = (
    "An hour in the virtual room: caller frames every 20 ms, a turn every 8 s, a reply of 3 s each, every third "
    "interrupted, one tool call in five. `us_per_event` replays its events into a fresh session and times `handle` and "
    "`deadline` alone; `hour_of_talk_s` is the room as well: engine, line, loudspeaker and log. Times are CPU seconds."
)
HOUR_S = 3_600.0
TURN_EVERY_S = 8.0
SPOKEN_S = 1.5
REPLAYS = 3


def run() -> dict[str, float]:
    began = process_time()
    room = talk(HOUR_S)
    hour_s = process_time() - began
    events = [(line.at, line.event) for line in room.log]
    replay_s = median(replayed_s(room, events) for _ in range(REPLAYS))
    return {
        "us_per_event": replay_s / len(events) * 1e6,
        "hour_of_talk_s": hour_s,
        "hour_in_session_s": replay_s,
        "events_per_hour": float(len(events)),
        "replies_per_hour": float(room.engine.replies),
    }


def talk(seconds: float) -> Room:
    """A room in which somebody talked that long. Raises AssertionError when it was no conversation."""
    from tests.world.engine import Plan
    from tests.world.room import Room

    def plan(reply: int) -> Plan:
        if reply % 5 == 4:
            return Plan(calls=((f"call_{reply}", "clock", "{}"),), items=0)
        return Plan(sound_ms=3_000.0, speed=5.0)

    room = Room(plan=plan, tools=("clock",), playout="marks")
    turns = int(seconds // TURN_EVERY_S)
    for turn in range(turns):
        at = 1.0 + turn * TURN_EVERY_S
        room.user_speaks(at=at, seconds=SPOKEN_S)
        if turn % 3 == 2:
            room.user_speaks(at=at + SPOKEN_S + 1.3, seconds=0.5)
    room.run(until=seconds)
    assert room.engine.errors == [], f"the engine complained: {room.engine.errors[:3]}"
    assert room.engine.replies >= turns, "turns went unanswered"
    return room


def replayed_s(room: Room, events: list[tuple[float, Event]]) -> float:
    """Seconds that a fresh session takes for these events."""
    from voice.session.session import Session

    session = Session(room.config)
    handle, deadline = session.handle, session.deadline
    began = process_time()
    for at, event in events:
        handle(event, at)
        deadline()
    return process_time() - began


def table(figures: dict[str, float]) -> list[tuple[str, str]]:
    return [
        ("cost per event, µs", f"{figures['us_per_event']:.2f}"),
        ("an hour of talk in the virtual room, s", f"{figures['hour_of_talk_s']:.2f}"),
        ("of which in the session, s", f"{figures['hour_in_session_s']:.2f}"),
        ("events in that hour", f"{figures['events_per_hour']:,.0f}"),
    ]
