"""How many conversations there may be, how long, and how they end when we must."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from tests.runtime.stage import Conversation, until
from voice.errors import Busy, EngineRefused
from voice.runtime.driver import Driver
from voice.runtime.hub import Hub, HubLimits


class Scene:
    """A hub and the conversations that run in it."""

    def __init__(self, **limits: Any) -> None:
        self.hub = Hub(HubLimits(**limits))
        self.conversations: list[Conversation] = []
        self.tasks: list[asyncio.Task[str]] = []

    def make(self, **options: Any) -> Callable[[], Driver]:
        def driver() -> Driver:
            self.conversations.append(Conversation(**options))
            return self.conversations[-1].driver

        return driver

    async def begin(self) -> Conversation:
        task = asyncio.get_running_loop().create_task(self.hub.run(self.make()))
        self.tasks.append(task)
        await until(lambda: len(self.conversations) == len(self.tasks))
        conversation = self.conversations[-1]
        await conversation.ready()
        return conversation

    async def end(self) -> None:
        for conversation in self.conversations:
            conversation.transport.hang_up()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def test_only_so_many_conversations_are_admitted() -> None:
    async def scene() -> None:
        scene = Scene(max_sessions=2)
        first = await scene.begin()
        await scene.begin()
        assert scene.hub.readiness() == (False, "busy: 2 of 2 sessions are taken")
        with pytest.raises(Busy) as refused:
            await scene.hub.run(scene.make())
        assert refused.value.retry_after_s == 5.0
        assert (scene.hub.active, scene.hub.started, scene.hub.refused) == (2, 2, 1)
        first.transport.hang_up()
        await scene.tasks[0]
        assert scene.hub.readiness() == (True, "ready")
        await scene.end()

    asyncio.run(scene())


def test_a_conversation_ends_when_its_longest_time_is_over() -> None:
    async def scene() -> None:
        scene = Scene(max_session_s=0.03)
        await scene.begin()
        assert await scene.tasks[0] == "the longest time for one session is over"
        assert scene.hub.active == 0

    asyncio.run(scene())


def test_what_broke_a_conversation_is_raised_and_its_place_is_free() -> None:
    async def scene() -> None:
        scene = Scene(max_sessions=1)
        with pytest.raises(EngineRefused):
            await scene.hub.run(scene.make(refusals=[EngineRefused("No.")]))
        assert scene.hub.active == 0
        assert scene.hub.readiness()[0]

    asyncio.run(scene())


def test_a_conversation_that_could_not_be_made_takes_no_place() -> None:
    def make() -> Driver:
        raise EngineRefused("No.")

    async def scene() -> None:
        hub = Hub(HubLimits())
        with pytest.raises(EngineRefused):
            await hub.run(make)
        assert (hub.active, hub.started) == (0, 0)

    asyncio.run(scene())


def test_a_conversation_that_is_over_leaves_nothing_behind() -> None:
    async def scene() -> None:
        scene = Scene(max_session_s=3_600)
        conversation = await scene.begin()
        driver = weakref.ref(conversation.driver)
        conversation.transport.hang_up()
        await scene.tasks[0]
        del conversation
        scene.conversations.clear()
        scene.tasks.clear()
        gc.collect()
        assert driver() is None

    asyncio.run(scene())


def test_draining_lets_conversations_finish_within_the_grace() -> None:
    async def scene() -> None:
        scene = Scene(grace_s=5.0)
        conversation = await scene.begin()
        draining = asyncio.get_running_loop().create_task(scene.hub.drain())
        await asyncio.sleep(0.01)
        assert not draining.done()
        with pytest.raises(Busy):
            scene.hub.take()
        conversation.transport.hang_up("bye")
        await draining
        assert scene.tasks[0].result() == "bye"

    asyncio.run(scene())


def test_after_the_grace_the_rest_is_told_goodbye() -> None:
    async def scene() -> None:
        scene = Scene(grace_s=0.02)
        conversations = [await scene.begin() for _ in range(3)]
        await scene.hub.drain()
        assert [task.result() for task in scene.tasks] == ["the service is stopping"] * 3
        assert [c.transport.closed for c in conversations] == [(1001, "the service is stopping")] * 3
        assert scene.hub.active == 0

    asyncio.run(scene())


def test_what_does_not_end_does_not_keep_the_service_from_stopping(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        scene = Scene(grace_s=0.01, goodbye_s=0.02)
        await scene.begin()
        release = asyncio.Event()

        async def stuck(code: int = 1000, reason: str = "") -> None:
            await release.wait()

        scene.conversations[0].transport.close = stuck  # type: ignore[method-assign]
        await scene.hub.drain()
        assert scene.hub.active == 1
        release.set()
        await scene.end()

    asyncio.run(scene())
    assert "sessions did not close in time" in caplog.messages


def test_an_idle_service_drains_at_once() -> None:
    async def scene() -> None:
        hub = Hub(HubLimits(grace_s=60))
        await asyncio.wait_for(hub.drain(), 0.1)
        assert hub.readiness() == (False, "draining: the service is stopping")

    asyncio.run(scene())
