"""How long the person waits for an answer: what is written about it is what the room measures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.session.test_floor import RULES
from tests.world.engine import Plan
from tests.world.room import Room
from voice.session import events as ev
from voice.session.rules import TurnRules

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "take-turns.md"
ROW = re.compile(r"^\| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", re.MULTILINE)
WORDS, MELODY = ev.TurnSense("words", "finished"), ev.TurnSense("sound", "finished")


def waits_ms(engine_takes_ms: float, sense: ev.TurnSense | None = None, *, ahead: bool = False) -> int:
    """From the last word to the first sound of the reply."""
    room = Room(
        turns=TurnRules(mode="local", silence_ms=600.0, speculate_ms=250.0 if ahead else None),
        floor=RULES,
        plan=lambda _: Plan(sound_ms=1_000, first_after_ms=engine_takes_ms),
        playout="clock",
    )
    room.person_sounds(at=2.0, ms=1_000)
    if sense is not None:
        room.happens(3.2, sense)
    room.run(until=8.0)
    (turn,) = room.notes("turn")
    wait_s: float = turn["first_audible_at"] - turn["speech_stopped_at"]
    return round(wait_s * 1000)


def rows() -> list[tuple[int, ...]]:
    return [tuple(int(cell) for cell in row) for row in ROW.findall(PAGE.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"engine takes {row[0]} ms")
def test_the_page_says_what_is_measured(row: tuple[int, ...]) -> None:
    takes_ms = row[0]
    measured = (
        waits_ms(takes_ms),
        waits_ms(takes_ms, WORDS),
        waits_ms(takes_ms, MELODY),
        waits_ms(takes_ms, ahead=True),
        waits_ms(takes_ms, WORDS, ahead=True),
    )
    assert row[1:] == measured


def test_the_page_has_its_rows() -> None:
    assert [row[0] for row in rows()] == [100, 500, 1_000]
