"""The scripted server on a real socket."""

from __future__ import annotations

import asyncio

import pytest

from tests.net.conftest import Remembers, until
from voice.errors import Misuse, SocketRefused
from voice.net.client import connect
from voice.testkit.faults import At, Drop, Fault, Garbage, HalfOpen, On, Refuse
from voice.testkit.mind import answers
from voice.testkit.server import RealtimeServer


async def client_of(server: RealtimeServer) -> Remembers:
    remembers = Remembers()
    remembers.socket = await connect(f"{server.url}?model=scripted", listener=remembers)
    return remembers


def test_it_greets_talks_and_is_gone_with_its_block() -> None:
    async def scene() -> None:
        async with RealtimeServer(answers({"hello": "good day"})) as server:
            with pytest.raises(Misuse):
                server.belief()
            client = await client_of(server)
            await client.until(lambda it: len(it.messages) == 2)
            server.person_says("hello")
            await client.until(lambda it: any(b'"response.done"' in data for data in it.messages))
            assert [item.text for item in server.belief()] == ["hello", "good day"]
        assert (await client.until_closed())[0] == 1001

    asyncio.run(scene())


def test_a_fault_of_its_time_befalls_who_is_there() -> None:
    async def scene() -> None:
        async with RealtimeServer(faults=[Fault(Drop(1012, "back soon"), At(0.5))]) as server:
            client = await client_of(server)
            assert await client.until_closed() == (1012, "back soon")
            assert [fired.fault.what for fired in server.fired] == [Drop(1012, "back soon")]

    asyncio.run(scene())


def test_a_reset_is_no_close() -> None:
    async def scene() -> None:
        async with RealtimeServer() as server:
            client = await client_of(server)
            server.befall(Drop())
            assert (await client.until_closed())[0] == 1006

    asyncio.run(scene())


def test_refusals_are_http_and_are_counted() -> None:
    async def scene() -> None:
        async with RealtimeServer(faults=[Fault(Refuse(429, 7), On("connect", 1, times=2))]) as server:
            for _ in range(2):
                with pytest.raises(SocketRefused) as refused:
                    await client_of(server)
                assert (refused.value.status, refused.value.retry_after) == (429, "7")
            client = await client_of(server)
            assert server.refused == 2
            await until(lambda: client.messages)

    asyncio.run(scene())


def test_half_open_reads_nothing_and_answers_nothing() -> None:
    async def scene() -> None:
        async with RealtimeServer() as server:
            client = await client_of(server)
            await client.until(lambda it: len(it.messages) == 2)
            server.befall(HalfOpen())
            assert client.socket is not None
            client.socket.send_text(b'{"type":"input_audio_buffer.clear"}')
            await asyncio.sleep(0.05)
            assert len(client.messages) == 2
            assert client.closed == []

    asyncio.run(scene())


def test_binary_rubbish_is_binary() -> None:
    async def scene() -> None:
        async with RealtimeServer(faults=[Fault(Garbage("binary"), On("conversation.created"))]) as server:
            client = await client_of(server)
            await until(lambda: client.binary)

    asyncio.run(scene())
