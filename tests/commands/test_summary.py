"""A conversation's figures in a few lines, and what is said while a turn may still go on."""

from __future__ import annotations

from tests.commands.scene import transcribed
from tests.session.test_floor import RULES
from tests.session.test_speculation import EAGER
from tests.world.engine import Plan
from tests.world.room import Room
from voice.commands.conversation import Conversation
from voice.commands.summary import report_lines
from voice.runtime.report import Interruption, SessionReport, TurnReport
from voice.runtime.reporter import Reporter
from voice.session.effects import Note
from voice.session.events import Tick


def test_what_did_not_happen_is_left_out() -> None:
    assert report_lines(SessionReport(length_s=3.0, dead_air_s=3.0)) == []


def test_every_figure_has_its_word() -> None:
    report = SessionReport(person_s=4, assistant_s=12, both_s=0.5, longest_monologue_s=7.2, dead_air_s=3.4)
    report.longest_dead_air_s, report.person_interrupted, report.restored = 1.3, 1, 2
    report.speculated, report.retracted = 3, 1
    report.turns = [TurnReport(500, 610, 640), TurnReport(520, None, 700)]
    report.interruptions = [
        Interruption("acknowledgement", False, 80, 300),
        Interruption("speech", True, 90, 420, 440, 1_000, 4_000, 12),
    ]
    assert report_lines(report) == [
        "talk      person 4.0 s, assistant 12.0 s (75%), both 0.5 s · longest monologue 7.2 s · nobody 3.4 s, "
        "at most 1.3 s",
        "turns     decided 510 ms · first sound 610 ms · heard 670 ms after the last word",
        "ahead     3 replies asked for before the end of the turn, 1 retracted",
        "cut in    by the person 1, not meant 2, by the assistant 1 · turned down 85 ms · certain 360 ms · "
        "silent 440 ms · off by 12 ms",
    ]


def test_a_played_conversation_has_a_report() -> None:
    room = Room(turns=EAGER, floor=RULES, plan=lambda _: Plan(sound_ms=3_000))
    room.person_sounds(at=1.0, ms=800)
    room.person_sounds(at=3.5, ms=1_000)
    room.run(until=10.0)
    reporter = Reporter()
    for line in room.log:
        reporter.watch(line.at, line.event, line.effects)
    assert [line.split()[0] for line in report_lines(reporter.report)] == ["talk", "turns", "ahead", "cut"]


# While a turn may still go on


def told(*steps: tuple[Note | None, str]) -> list[str]:
    conversation = Conversation()
    news = []
    for note, text in steps:
        event = transcribed(text) if text else Tick()
        news += conversation.watch(1.0, event, [note] if note is not None else [])
    return [item.text for item in news if item.kind == "person"]


def test_words_of_a_turn_that_was_over_are_told_then() -> None:
    begun, kept = Note("speculated"), Note("speculation_kept", {"item_id": "item_1"})
    assert told((begun, ""), (None, "good morning")) == []
    assert told((begun, ""), (None, "good morning"), (kept, "")) == ["good morning"]
    assert told((begun, ""), (kept, ""), (None, "good morning")) == ["good morning"]


def test_words_of_a_turn_that_went_on_are_not_told() -> None:
    begun, retracted = Note("speculated"), Note("speculation_retracted", {"item_id": "item_1", "response_id": ""})
    assert told((begun, ""), (None, "set a timer"), (retracted, "")) == []
    assert told((begun, ""), (retracted, ""), (None, "set a timer")) == []
