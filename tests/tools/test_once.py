"""The same call acts once, however often and from wherever it is asked to run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from tests.tools.test_executor import Nobody
from voice.errors import ToolFailed
from voice.tools.audit import AuditRing
from voice.tools.clock import ManualClock
from voice.tools.executor import Executor
from voice.tools.once import ANSWERS_KEPT, CALLS_KNOWN, DONE_BEFORE, STOPPED, TOO_MANY, Once
from voice.tools.registry import Registry
from voice.tools.spec import Call, Outcome, Tool, ToolContext

NOTHING: dict[str, Any] = {"type": "object", "properties": {}}


class Bell:
    """A tool that counts how often it rang. Unless told to `hold`, it rings at once."""

    def __init__(self) -> None:
        self.rung = 0
        self.held: asyncio.Future[None] | None = None
        self.fails = False
        self.audit = AuditRing()
        tool = Tool("ring", "Ring.", NOTHING, self._ring, side_effect="write")
        self.executor = Executor(Registry([tool]), self.audit, ManualClock())

    async def _ring(self, arguments: Mapping[str, Any], context: ToolContext) -> object:
        self.rung += 1
        if self.held is not None:
            await self.held
        if self.fails:
            raise ToolFailed("It is cracked.")
        return f"ding {self.rung}"

    async def call(self, call_id: str = "c1", session_id: str = "s1") -> Outcome:
        return await self.executor.run(Call(call_id, "ring", "{}", session_id), Nobody())


def test_a_second_run_is_given_the_answer_of_the_first() -> None:
    async def scene() -> None:
        bell = Bell()
        first, again = await bell.call(), await bell.call()
        assert (first.output, again.output, bell.rung) == ("ding 1", "ding 1", 1)
        assert [record.repeated for record in bell.audit.records] == [False, True]

    asyncio.run(scene())


def test_other_calls_and_other_sessions_are_others() -> None:
    async def scene() -> None:
        bell = Bell()
        outputs = [(await bell.call(*key)).output for key in (("c1", "s1"), ("c2", "s1"), ("c1", "s2"))]
        assert outputs == ["ding 1", "ding 2", "ding 3"]

    asyncio.run(scene())


def test_a_second_run_while_the_first_goes_on_waits_for_it() -> None:
    async def scene() -> None:
        bell = Bell()
        bell.held = asyncio.get_running_loop().create_future()
        runs = [asyncio.create_task(bell.call()) for _ in range(5)]
        await asyncio.sleep(0)
        bell.held.set_result(None)
        assert {outcome.output for outcome in await asyncio.gather(*runs)} == {"ding 1"}
        assert bell.rung == 1

    asyncio.run(scene())


def test_a_failure_is_an_answer_too() -> None:
    async def scene() -> None:
        bell = Bell()
        bell.fails = True
        outcomes = [await bell.call() for _ in range(3)]
        assert {(outcome.code, outcome.output) for outcome in outcomes} == {("tool_failed", "It is cracked.")}
        assert bell.rung == 1

    asyncio.run(scene())


def test_what_was_stopped_in_the_middle_is_not_begun_again() -> None:
    async def scene() -> None:
        bell = Bell()
        bell.held = asyncio.get_running_loop().create_future()
        run = asyncio.create_task(bell.call())
        await asyncio.sleep(0)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        again = await bell.call()
        assert (again.ok, again.output, bell.rung) == (False, STOPPED, 1)

    asyncio.run(scene())


def test_who_waits_for_the_first_answer_may_be_stopped_without_harm_to_it() -> None:
    async def scene() -> None:
        bell = Bell()
        bell.held = asyncio.get_running_loop().create_future()
        first, second = asyncio.create_task(bell.call()), asyncio.create_task(bell.call())
        await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        bell.held.set_result(None)
        assert (await first).output == "ding 1"

    asyncio.run(scene())


def test_an_old_answer_is_forgotten_and_that_it_was_given_is_not() -> None:
    async def scene() -> None:
        bell = Bell()
        for number in range(ANSWERS_KEPT + 1):
            await bell.call(f"c{number}")
        assert (await bell.call("c0")).output == DONE_BEFORE
        assert (await bell.call("c1")).output == "ding 2"
        assert bell.rung == ANSWERS_KEPT + 1

    asyncio.run(scene())


def test_a_session_that_is_over_leaves_nothing_and_one_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        monkeypatch.setattr("voice.tools.once.CALLS_KNOWN", 3)
        bell = Bell()
        outcomes = [await bell.call(f"c{number}") for number in range(4)]
        assert [outcome.ok for outcome in outcomes] == [True, True, True, False]
        assert outcomes[-1].output == TOO_MANY
        await bell.executor.end_session("s1")
        (once,) = [guard for guard in bell.executor._chain.guards if isinstance(guard, Once)]
        assert once._sessions == {}

    asyncio.run(scene())
    assert CALLS_KNOWN >= 1_000
