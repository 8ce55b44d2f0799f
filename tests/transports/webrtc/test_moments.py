"""One timer for all that is due at the same moment; in virtual time, and on the loop that services run on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.transports.clock import run
from voice.net.loop import run as run_fast
from voice.transports.webrtc.moments import Moments, moments


async def rings_of(plan: Callable[[Moments, Callable[[str], Callable[[], None]]], Any]) -> list[tuple[float, str]]:
    """What rang when, in the half second after the plan."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    rang: list[tuple[float, str]] = []

    def ring(name: str) -> Callable[[], None]:
        return lambda: rang.append((loop.time() - began_s, name))

    plan(moments(), ring)
    await asyncio.sleep(0.5)
    return rang


def soon(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


def test_all_of_a_moment_ring_in_their_order_and_others_at_theirs() -> None:
    def plan(book: Moments, ring: Callable[[str], Callable[[], None]]) -> None:
        at_s = soon(0.1)
        book.call_at(at_s + 0.1, ring("later"))
        for name in ("first", "second", "third"):
            book.call_at(at_s, ring(name))

    rang = run(rings_of(plan))
    assert [name for _, name in rang] == ["first", "second", "third", "later"]
    assert [at_s for at_s, _ in rang] == pytest.approx([0.1, 0.1, 0.1, 0.2])


def test_what_is_cancelled_does_not_ring_even_by_one_of_the_same_moment() -> None:
    def plan(book: Moments, ring: Callable[[str], Callable[[], None]]) -> None:
        at_s = soon(0.1)
        book.call_at(at_s, lambda: third.cancel())
        second = book.call_at(at_s, ring("second"))
        third = book.call_at(at_s, ring("third"))
        book.call_at(at_s, ring("fourth"))
        second.cancel()

    assert [name for _, name in run(rings_of(plan))] == ["fourth"]


def test_one_that_rings_may_ask_for_the_same_moment_again() -> None:
    def plan(book: Moments, ring: Callable[[str], Callable[[], None]]) -> None:
        at_s = soon(0.1)

        def once_more() -> None:
            book.call_at(at_s, ring("again"))

        book.call_at(at_s, once_more)

    assert [name for _, name in run(rings_of(plan))] == ["again"]


def test_a_moment_needs_one_timer_and_nothing_is_left_of_it() -> None:
    async def scene() -> None:
        loop: Any = asyncio.get_running_loop()
        timers, book, at_s = len(loop._scheduled), moments(), soon(0.1)
        for _ in range(20):
            book.call_at(at_s, lambda: None)
        assert len(loop._scheduled) == timers + 1
        assert moments() is book
        await asyncio.sleep(0.2)
        assert not book._due

    run(scene())


def test_it_rings_on_the_loop_of_services_too() -> None:
    def plan(book: Moments, ring: Callable[[str], Callable[[], None]]) -> None:
        book.call_at(soon(0.02), ring("rang"))

    ((at_s, name),) = run_fast(rings_of(plan))
    assert name == "rang"
    assert at_s > 0.015
