"""What waits to be sent leaves when the reading that caused it is done."""

from __future__ import annotations

import asyncio
import gc
import weakref

from voice.net.outbox import Outbox


def test_what_is_added_outside_of_a_reading_leaves_in_the_next_turn() -> None:
    async def scene() -> None:
        outbox, written = Outbox(), list[str]()
        outbox.add(lambda: written.append("one"))
        outbox.add(lambda: written.append("two"))
        assert written == []
        await asyncio.sleep(0)
        assert written == ["one", "two"]

    asyncio.run(scene())


def test_what_is_added_while_reading_leaves_when_it_is_done() -> None:
    async def scene() -> None:
        outbox, written = Outbox(), list[str]()
        outbox.reading = True
        outbox.add(lambda: written.append("one"))
        await asyncio.sleep(0)
        assert written == []
        outbox.reading = False
        outbox.flush()
        assert written == ["one"]

    asyncio.run(scene())


def test_a_write_that_brings_about_another_takes_it_along() -> None:
    async def scene() -> None:
        outbox, written = Outbox(), list[str]()

        def first() -> None:
            written.append("first")
            outbox.add(lambda: written.append("second"))

        outbox.add(first)
        outbox.flush()
        assert written == ["first", "second"]
        await asyncio.sleep(0)
        assert written == ["first", "second"]

    asyncio.run(scene())


def test_each_loop_has_its_own_and_takes_it_along_when_it_goes() -> None:
    loop, other = asyncio.new_event_loop(), asyncio.new_event_loop()
    outbox = Outbox.of(loop)
    assert Outbox.of(loop) is outbox
    assert Outbox.of(other) is not outbox
    gone = weakref.ref(outbox)
    loop.close()
    other.close()
    del loop, outbox
    gc.collect()
    assert gone() is None
