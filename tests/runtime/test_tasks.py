"""Tasks that a conversation owns."""

from __future__ import annotations

import asyncio

from voice.runtime.tasks import Tasks


def tasks(failures: list[Exception]) -> Tasks:
    return Tasks("sess_1", failures.append)


async def forever() -> None:
    await asyncio.Event().wait()


async def fails() -> None:
    raise OSError("no such device")


def test_the_end_cancels_what_runs_and_waits_for_it() -> None:
    async def scene() -> None:
        failures: list[Exception] = []
        owner = tasks(failures)
        task = owner.spawn(forever())
        await asyncio.sleep(0)
        await owner.end()
        assert task.cancelled()
        assert failures == []

    asyncio.run(scene())


def test_a_task_that_fails_is_reported_once() -> None:
    async def scene() -> None:
        failures: list[Exception] = []
        owner = tasks(failures)
        owner.spawn(fails())
        await asyncio.sleep(0)
        await owner.end()
        assert [str(error) for error in failures] == ["no such device"]

    asyncio.run(scene())


def test_a_goodbye_is_not_cancelled_but_waited_for() -> None:
    async def scene() -> None:
        said: list[str] = []

        async def goodbye() -> None:
            await asyncio.sleep(0.002)
            said.append("bye")

        owner = tasks([])
        owner.say_goodbye(goodbye())
        await owner.end()
        assert said == []
        await owner.goodbyes_said()
        assert said == ["bye"]

    asyncio.run(scene())


def test_a_goodbye_that_fails_does_no_harm() -> None:
    async def scene() -> None:
        failures: list[Exception] = []
        owner = tasks(failures)
        owner.say_goodbye(fails())
        await owner.goodbyes_said()
        assert failures == []

    asyncio.run(scene())
