"""The built-in tools, called as a model calls them."""

from __future__ import annotations

import asyncio
import json
import random
from typing import Any

import pytest

from voice.tools.audit import AuditRing
from voice.tools.builtin import builtin_tools
from voice.tools.builtin.timers import TIMERS_LIMIT
from voice.tools.clock import ManualClock, SystemClock
from voice.tools.executor import Executor
from voice.tools.memory import MemoryInProcess
from voice.tools.registry import Registry
from voice.tools.spec import Call


class Session:
    """A conversation that hears what is announced."""

    def __init__(self, session_id: str = "s1") -> None:
        self.session_id = session_id
        self.announced: list[str] = []

    def announce(self, text: str) -> None:
        self.announced.append(text)

    def progress(self, text: str) -> None: ...


class Bench:
    def __init__(self) -> None:
        self.clock = ManualClock()
        registry = Registry(builtin_tools(self.clock, MemoryInProcess(), random.Random(1)))
        self.executor = Executor(registry, AuditRing(), self.clock)
        self.session = Session()
        self.calls = 0

    async def call(
        self, tool: str, session: Session | None = None, /, *, approved_by: str = "", **arguments: Any
    ) -> Any:
        self.calls += 1
        call = Call(f"c{self.calls}", tool, json.dumps(arguments), approved_by=approved_by)
        outcome = await self.executor.run(call, session or self.session)
        return json.loads(outcome.output) if outcome.ok else outcome.output


def called(tool: str, /, **arguments: Any) -> Any:
    return asyncio.run(Bench().call(tool, **arguments))


def test_time_here_and_elsewhere() -> None:
    assert called("get_time") == {"time": "09:30", "zone": "UTC", "utc_offset": "+0000"}
    for place in ("Tokyo", "tokyo", "Japan", "Asia/Tokyo"):
        assert called("get_time", place=place)["time"] == "18:30"
    assert called("get_time", place="New York")["utc_offset"] == "-0500"


@pytest.mark.parametrize("place", ["Atlantis", "../../etc/passwd", "/etc/passwd", "x" * 500, "Europe/", "\x00"])
def test_a_place_without_a_zone(place: str) -> None:
    assert "is not" in called("get_time", place=place)


def test_dates() -> None:
    assert called("get_date") == {"day": "today", "date": "2026-01-05", "weekday": "Monday"}
    assert called("get_date", day="tomorrow")["weekday"] == "Tuesday"
    assert called("get_date", day="yesterday")["date"] == "2026-01-04"


CONVERSIONS = [
    (1, "mile", "feet", "5280"),
    (10, "miles", "kilometers", "16.0934"),
    (100, "fahrenheit", "celsius", "37.7778"),
    (-40, "C", "F", "-40"),
    (0, "celsius", "kelvin", "273.15"),
    (1, "gallon", "cups", "16"),
    (1, "Pint", "ml", "473.176"),
    (2, "pounds", "ounces", "32"),
    (1, "day", "seconds", "86400"),
    (100, "kilometers per hour", "mph", "62.1371"),
    (1, "acre", "square feet", "43560"),
    (0.1, "meters", "cm", "10"),
]


@pytest.mark.parametrize(("value", "source", "target", "result"), CONVERSIONS)
def test_conversions(value: float, source: str, target: str, result: str) -> None:
    assert called("convert_units", value=value, from_unit=source, to_unit=target)["result"] == result


def test_the_words_of_a_conversion_fit_the_number() -> None:
    got = called("convert_units", value=12, from_unit="inch", to_unit="feet")
    assert (got["from_unit"], got["result"], got["to_unit"]) == ("inches", "1", "foot")


def test_what_cannot_be_converted() -> None:
    assert called("convert_units", value=1, from_unit="mile", to_unit="kilogram") == (
        "miles measure length, kilograms measure weight."
    )
    assert "not a unit" in called("convert_units", value=1, from_unit="parsec", to_unit="mile")


def test_a_timer_speaks_when_it_is_due_and_not_before() -> None:
    async def scene() -> None:
        bench = Bench()
        await bench.call("set_timer", duration_s=60, name="Tea timer")
        await bench.call("set_timer", duration_s=30)
        await bench.clock.advance(29)
        assert bench.session.announced == []
        assert (await bench.call("list_timers"))["timers"] == [
            {"name": "", "duration_s": 30.0, "remaining_s": 1},
            {"name": "tea", "duration_s": 60.0, "remaining_s": 31},
        ]
        await bench.clock.advance(40)
        assert bench.session.announced == ["Your timer is done.", "Your tea timer is done."]
        assert (await bench.call("list_timers"))["timers"] == []

    asyncio.run(scene())


def test_timers_are_cancelled_by_name_or_all_and_never_by_a_guess() -> None:
    async def scene() -> None:
        bench = Bench()
        for name in ("tea", "egg", "rice"):
            await bench.call("set_timer", duration_s=60, name=name)
        assert (await bench.call("cancel_timer"))["cancelled"] == []
        assert [one["name"] for one in (await bench.call("cancel_timer", name="egg"))["cancelled"]] == ["egg"]
        assert (await bench.call("cancel_timer", name="egg"))["cancelled"] == []
        assert len((await bench.call("cancel_timer", all=True))["cancelled"]) == 2
        await bench.clock.advance(100)
        assert bench.session.announced == []

    asyncio.run(scene())


def test_sessions_keep_their_timers_apart_and_take_them_along_when_they_end() -> None:
    async def scene() -> None:
        bench, other = Bench(), Session("s2")
        await bench.call("set_timer", duration_s=60)
        await bench.call("set_timer", other, duration_s=60)
        await bench.executor.end_session("s1")
        await bench.executor.end_session("nobody")
        await bench.clock.advance(100)
        assert (bench.session.announced, other.announced) == ([], ["Your timer is done."])
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(scene())


def test_how_many_and_how_long_timers_may_be() -> None:
    async def scene() -> None:
        bench = Bench()
        assert "must be greater than 0" in await bench.call("set_timer", duration_s=0)
        assert "less than or equal to 86400" in await bench.call("set_timer", duration_s=10**6)
        for _ in range(TIMERS_LIMIT):
            await bench.call("set_timer", duration_s=60)
        assert "timers running already" in await bench.call("set_timer", duration_s=60)
        await bench.executor.end_session("s1")
        await bench.call("set_timer", duration_s=60, name="tea")
        assert await bench.call("set_timer", duration_s=60, name="Tea") == "There is a tea timer already."
        await bench.executor.end_session("s1")

    asyncio.run(scene())


def test_notes_are_found_by_what_they_are_about() -> None:
    async def scene() -> None:
        bench = Bench()
        for text in ("my keys are in the drawer", "the car is on level 2", "the car needs  petrol"):
            await bench.call("remember", text=text)
        assert (await bench.call("recall", query="where are my keys?"))["notes"] == ["my keys are in the drawer"]
        assert (await bench.call("recall", query="key"))["total"] == 1
        assert (await bench.call("recall", query="car"))["notes"] == ["the car needs petrol", "the car is on level 2"]
        assert (await bench.call("recall", query="wallet"))["notes"] == []
        assert (await bench.call("recall", query="is the"))["notes"] == []
        assert (await bench.call("recall"))["total"] == 3
        assert "`query` is required" in await bench.call("forget")
        assert (await bench.call("forget", query="keys"))["forgotten"] == ["my keys are in the drawer"]
        assert (await bench.call("recall"))["total"] == 2

    asyncio.run(scene())


def test_all_notes_are_forgotten_when_a_person_has_allowed_it() -> None:
    async def scene() -> None:
        bench = Bench()
        await bench.call("remember", text="my keys are in the drawer")
        await bench.call("remember", text="the car is on level 2")
        assert await bench.call("forget_notes") == "forget_notes needs the approval of a person first."
        assert (await bench.call("recall"))["total"] == 2
        assert await bench.call("forget_notes", approved_by="client") == {"forgotten": 2}
        assert (await bench.call("recall"))["total"] == 0
        assert await bench.call("forget_notes", approved_by="client") == {"forgotten": 0}

    asyncio.run(scene())


def test_chance_is_fair_enough_and_within_bounds() -> None:
    async def scene() -> None:
        bench = Bench()
        assert {(await bench.call("flip_coin"))["side"] for _ in range(50)} == {"heads", "tails"}
        rolls = (await bench.call("roll_dice", count=20, sides=20))["rolls"]
        assert len(rolls) == 20
        assert all(1 <= roll <= 20 for roll in rolls)
        assert 5 <= (await bench.call("random_number", low=5, high=6))["number"] <= 6
        assert await bench.call("random_number", low=5, high=4) == "`low` must not be greater than `high`."

    asyncio.run(scene())


def test_spelling() -> None:
    assert called("spell", text="New York")["letters"] == list("NEWYORK")


def test_the_abilities_are_those_of_the_tools() -> None:
    abilities = {one["tool"] for one in called("list_abilities")["abilities"]}
    tools = {tool.name for tool in builtin_tools(ManualClock(), MemoryInProcess(), random.Random(1))}
    assert abilities == tools - {"list_abilities"}


def test_the_machines_clock_knows_its_zone() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is not None
    assert clock.monotonic() <= clock.monotonic()


def test_the_manual_clock_wakes_sleepers_in_order_at_their_own_time() -> None:
    async def scene() -> list[tuple[str, float]]:
        clock, woken = ManualClock(), list[tuple[str, float]]()

        async def sleeper(name: str, seconds: float) -> None:
            await clock.sleep(seconds)
            woken.append((name, clock.monotonic()))

        tasks = [asyncio.create_task(sleeper(name, seconds)) for name, seconds in (("b", 2), ("a", 1), ("never", 9))]
        await clock.advance(5)
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return woken

    assert asyncio.run(scene()) == [("a", 1), ("b", 2)]
