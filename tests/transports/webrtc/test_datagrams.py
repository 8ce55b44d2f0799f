"""Sockets that are read one by one while they are few, and together when they are many; in virtual time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.transports.clock import run
from voice.transports.webrtc import datagrams
from voice.transports.webrtc.datagrams import CROWD, EVERY_S, Datagrams, bound

HOST = "127.0.0.1"


class Ear(asyncio.DatagramProtocol):
    """Who hears on one socket, and when."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.heard: list[tuple[float, bytes]] = []
        self.errors: list[Exception] = []
        self.lost = 0
        self.breaks = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if self.breaks:
            raise ValueError("broken")
        self.heard.append((asyncio.get_running_loop().time(), data))

    def error_received(self, exc: Exception) -> None:
        self.errors.append(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost += 1


class Town:
    """So many sockets of ours, and somebody who writes to them."""

    def __init__(self, ears: list[Ear], writer: socket.socket) -> None:
        self.ears = ears
        self._writer = writer

    def write(self, number: int, data: bytes = b"hello") -> None:
        self._writer.sendto(data, self.ears[number].transport.get_extra_info("sockname"))

    async def chatter(self, talking: int, rounds: int = 40) -> None:
        """The first so many are written to every 20 ms, a little after each other."""
        for _ in range(rounds):
            for number in range(talking):
                self.write(number)
                await asyncio.sleep(0.0017)
            await asyncio.sleep(0.02 - 0.0017 * talking)


@contextmanager
def writer() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, 0))
        yield sock


def scene(play: Callable[[Town], Awaitable[None]], sockets: int) -> list[Ear]:
    async def go() -> list[Ear]:
        ears = [await bound(Ear(), HOST, 0) for _ in range(sockets)]
        with writer() as sock:
            await play(Town(ears, sock))
        for ear in ears:
            ear.transport.close()
            ear.transport.close()
        await asyncio.sleep(0)
        assert asyncio.get_running_loop() not in datagrams._pumps, "nothing reads for nobody"
        return ears

    ears = run(go())
    assert [ear.lost for ear in ears] == [1] * sockets
    return ears


def paced() -> bool:
    return datagrams._pumps[asyncio.get_running_loop()].paced


def test_what_comes_to_few_is_read_when_it_comes() -> None:
    async def play(town: Town) -> None:
        await town.chatter(CROWD - 1)
        assert not paced()
        await asyncio.sleep(0.0031)
        at_s = asyncio.get_running_loop().time()
        town.write(0, b"now")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert town.ears[0].heard[-1] == (at_s, b"now")

    few = scene(play, CROWD - 1)
    assert [len(ear.heard) for ear in few] == [41, *[40] * (CROWD - 2)]


def test_many_are_read_together_soon_and_without_a_loss() -> None:
    async def play(town: Town) -> None:
        await town.chatter(6)
        assert paced()
        for ear in town.ears:
            ear.heard.clear()
        await town.chatter(6)
        await asyncio.sleep(EVERY_S)

    many = scene(play, 6)
    assert [len(ear.heard) for ear in many] == [40] * 6
    for ear in many:
        for at_s, _ in ear.heard:
            assert at_s / EVERY_S == pytest.approx(round(at_s / EVERY_S), abs=1e-6), "at moments that all share"


def test_nobody_waits_longer_than_the_pace() -> None:
    waits_ms: list[float] = []

    async def play(town: Town) -> None:
        await town.chatter(6)
        assert paced()
        for number in range(50):
            await asyncio.sleep(0.0093)
            wrote_s = asyncio.get_running_loop().time()
            for ear in range(6):
                town.write(ear, b"%d" % number)
            await asyncio.sleep(EVERY_S)
            assert town.ears[5].heard[-1][1] == b"%d" % number
            waits_ms.append((town.ears[5].heard[-1][0] - wrote_s) * 1000)

    scene(play, 6)
    assert max(waits_ms) <= EVERY_S * 1000 + 1e-6
    assert min(waits_ms) >= 0


def test_when_most_have_gone_the_rest_is_read_at_once_again() -> None:
    async def play(town: Town) -> None:
        await town.chatter(6)
        assert paced()
        await town.chatter(1)
        assert not paced()
        await asyncio.sleep(5.0)
        town.write(5, b"still there")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert town.ears[5].heard[-1][1] == b"still there"

    scene(play, 6)


def test_in_silence_nothing_wakes() -> None:
    async def play(town: Town) -> None:
        await town.chatter(6)
        await asyncio.sleep(1.0)
        assert not paced()

    scene(play, 6)


@pytest.mark.parametrize("talking", [1, 6])
def test_one_that_closes_while_it_is_read_hears_nothing_more(talking: int) -> None:
    class Leaves(Ear):
        def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
            super().datagram_received(data, addr)
            self.transport.close()

    async def play(town: Town) -> None:
        leaver = await bound(Leaves(), HOST, 0)
        town.ears.append(leaver)
        await town.chatter(talking)
        town.write(-1)
        town.write(-1)
        await asyncio.sleep(0.02)
        assert len(leaver.heard) == 1
        assert leaver.lost == 1
        leaver.transport.sendto(b"too late", (HOST, 9))
        del town.ears[-1]

    scene(play, 6)


def test_the_last_one_may_close_while_it_is_read() -> None:
    class Leaves(Ear):
        def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
            self.transport.abort()

    async def play() -> None:
        ear = await bound(Leaves(), HOST, 0)
        with writer() as sock:
            Town([ear], sock).write(0)
            await asyncio.sleep(0.01)
        assert ear.lost == 1
        assert not datagrams._pumps

    run(play())


@pytest.mark.parametrize("talking", [1, 6])
def test_a_mistake_on_one_socket_is_told_and_the_others_are_read(talking: int) -> None:
    told: list[dict[str, Any]] = []

    async def play(town: Town) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: told.append(context))
        await town.chatter(talking)
        town.ears[0].breaks = True
        heard = len(town.ears[1].heard)
        town.write(0)
        town.write(1)
        await asyncio.sleep(0.02)
        assert len(town.ears[1].heard) == heard + 1

    scene(play, 6)
    assert [type(context["exception"]) for context in told] == [ValueError]


def test_a_port_that_is_taken_is_an_error_and_leaves_nothing() -> None:
    async def play() -> None:
        with writer() as sock, pytest.raises(OSError):
            await bound(Ear(), HOST, sock.getsockname()[1])
        assert not datagrams._pumps

    run(play())


def test_what_cannot_be_sent_is_told_to_the_protocol() -> None:
    async def play(town: Town) -> None:
        town.ears[0].transport.sendto(bytes(70_000), (HOST, 9))

    (ear,) = scene(play, 1)
    assert [type(error) for error in ear.errors] == [OSError]


def test_the_other_protocol_of_the_internet_works_as_well() -> None:
    async def play() -> None:
        first, second = [await bound(Ear(), "::1", 0) for _ in range(2)]
        first.transport.sendto(b"hello", second.transport.get_extra_info("sockname")[:2])
        await asyncio.sleep(0.01)
        assert second.heard[0][1] == b"hello"
        assert isinstance(first.transport, Datagrams)
        for ear in (first, second):
            ear.transport.close()

    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 on this machine")
    run(play())
