"""People who talk over the assistant, on lines of all kinds."""

from __future__ import annotations

import pytest

from tests.world.engine import Plan
from tests.world.room import Line, Room
from voice.protocol.client_events import ConversationItemTruncate, ResponseCancel, ResponseCreate
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.rules import TurnRules

LINES = [Line(), Line(delay_ms=60), Line(delay_ms=150, jitter_ms=50), Line(delay_ms=80, jitter_ms=40, loss=0.3)]


@pytest.mark.parametrize("line", LINES, ids=["no line", "60 ms", "150 ms and uneven", "reports get lost"])
@pytest.mark.parametrize("playout", ["reports", "marks", "clock"])
@pytest.mark.parametrize("speed", [1.0, 3.0, 40.0], ids=lambda speed: f"made {speed:g} times as fast")
def test_the_engine_remembers_what_was_really_heard(line: Line, playout: str, speed: float) -> None:
    room = Room(line=line, playout=playout, plan=lambda _: Plan(sound_ms=8_000, speed=speed))
    room.user_speaks(at=1.0, seconds=0.5)
    room.user_speaks(at=5.0, seconds=0.5)
    room.run(until=5.4)
    (cut,) = room.sent(ConversationItemTruncate)
    heard_ms = room.speaker.heard[cut.item_id]
    slack_ms = (
        21 + 2 * (line.delay_ms + line.jitter_ms) + (400 if playout == "marks" else 0) + (200 if line.loss else 0)
    )
    assert abs(cut.audio_end_ms - heard_ms) <= slack_ms
    assert room.speaker.stale_ms == 0
    assert room.errors == []


def test_what_is_on_the_line_when_the_person_interrupts_is_not_heard_after_the_stop() -> None:
    room = Room(line=Line(delay_ms=200), plan=lambda _: Plan(sound_ms=8_000, speed=1))
    room.user_speaks(at=1.0, seconds=0.5)
    room.user_speaks(at=4.0, seconds=2.0)
    room.run(until=5.9)
    first = next(iter(room.speaker.heard))
    heard_ms = room.speaker.heard[first]
    room.run(until=12.0)
    assert room.speaker.heard[first] == heard_ms
    assert room.speaker.stale_ms == 0


def test_somebody_interrupts_again_and_again() -> None:
    room = Room(plan=lambda _: Plan(sound_ms=6_000, speed=5))
    for number in range(20):
        room.user_speaks(at=1.0 + number * 1.1, seconds=0.4)
    room.run(until=40.0)
    assert len(room.sent(ResponseCreate)) == 20, "each turn is answered, the last one to its end"
    assert room.errors == []
    assert room.speaker.stale_ms == 0
    assert list(room.speaker.heard.values())[-1] == pytest.approx(6_000)


@pytest.mark.parametrize("after_ms", range(100, 1_400, 100))
def test_an_interruption_at_any_moment_of_the_reply_leaves_one_conversation(after_ms: int) -> None:
    """From before it is asked for, over asking, making and sounding, to after its end."""
    room = Room(plan=lambda _: Plan(sound_ms=600, speed=2, first_after_ms=150), created_after_ms=120)
    room.user_speaks(at=1.0, seconds=0.5)
    room.user_speaks(at=1.5 + after_ms / 1000, seconds=0.6)
    room.run(until=8.0)
    assert room.errors == []
    assert len(room.sent(ResponseCreate)) == 2
    assert sum(ms for ms in room.speaker.heard.values()) >= 600
    assert room.speaker.stale_ms == 0


def test_between_two_items_of_one_reply_nothing_is_cut_that_was_heard() -> None:
    room = Room(plan=lambda _: Plan(sound_ms=2_000, items=2, speed=20))
    room.user_speaks(at=1.0, seconds=0.5)
    room.user_speaks(at=2.65, seconds=0.5)
    room.run(until=2.8)
    first, second = list(room.speaker.heard)
    assert room.speaker.heard[first] == pytest.approx(1_000)
    (cut,) = room.sent(ConversationItemTruncate)
    assert cut.item_id == second


def test_where_the_engine_keeps_the_floor_it_is_not_told_what_it_knows() -> None:
    room = Room(turns=TurnRules(floor="engine"), plan=lambda _: Plan(sound_ms=6_000, speed=2))
    room.user_speaks(at=1.0, seconds=0.5)
    room.user_speaks(at=3.5, seconds=0.5)
    room.run(until=10.0)
    assert room.sent(ResponseCreate) == []
    assert room.sent(ResponseCancel) == []
    assert len(room.sent(ConversationItemTruncate)) == 1
    assert room.errors == []
    assert len(room.speaker.heard) == 2


def test_the_operator_stops_the_assistant_and_it_stays_silent() -> None:
    room = Room(plan=lambda _: Plan(sound_ms=6_000))
    room.user_speaks(at=1.0, seconds=0.5)
    room.happens(3.0, ev.StopTalking())
    room.run(until=30.0)
    assert len(room.sent(ResponseCreate)) == 1
    assert len(room.effects(ef.StopPlayback)) == 1
    assert sum(room.speaker.heard.values()) < 2_000
