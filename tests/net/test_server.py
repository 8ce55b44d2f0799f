"""Requests to become a websocket, and who may not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import httpx
import pytest

from tests.net.conftest import QUICK, RawPeer, Remembers, doorway, frame, until
from voice.errors import Busy, Misuse, PeerGone, SocketRefused
from voice.net.base import PendingSocket
from voice.net.client import connect
from voice.net.server import Refusal


def test_http_and_sockets_share_a_port() -> None:
    async def scene() -> None:
        async with doorway() as door, httpx.AsyncClient() as http:
            ear = Remembers()
            line = await connect(door.url, listener=ear, limits=QUICK)
            answer = await http.get(f"http://127.0.0.1:{door.port}/anything")
            assert (answer.status_code, answer.text) == (200, "plain")
            line.send_text(b"both")
            await ear.until(lambda ear: ear.messages)
            await line.close()

    asyncio.run(scene())


def test_an_unknown_path_is_404_with_json() -> None:
    async def scene() -> None:
        async with doorway() as door:
            with pytest.raises(SocketRefused) as refused:
                await connect(f"ws://127.0.0.1:{door.port}/nowhere", listener=Remembers())
            assert refused.value.status == 404
            assert b'"message": "There is no socket at this path."' in refused.value.body
            assert len(door.upgrades) == 0

    asyncio.run(scene())


def test_the_gate_looks_before_the_handler() -> None:
    def gate(path: str, headers: Mapping[str, str]) -> Refusal | None:
        return None if headers.get("x-pass") == "yes" else Refusal(421, b"{}", {"x-why": "no pass"})

    async def scene() -> None:
        async with doorway(gate=gate) as door:
            with pytest.raises(SocketRefused) as refused:
                await connect(door.url, listener=Remembers())
            assert refused.value.status == 421
            assert door.listeners == []
            line = await connect(door.url, listener=Remembers(), headers={"X-Pass": "yes"}, limits=QUICK)
            await line.close()

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("version", "key", "status"),
    [("8", "AAAAAAAAAAAAAAAAAAAAAA==", b"400"), ("13", "short", b"400")],
)
def test_a_bad_handshake_is_refused(version: str, key: str, status: bytes) -> None:
    async def scene() -> None:
        async with doorway() as door:
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.write(
                f"GET /echo HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: {version}\r\n\r\n".encode()
            )
            head = await reader.read()
            assert head.split()[1] == status
            writer.close()

    asyncio.run(scene())


def test_a_post_cannot_become_a_socket() -> None:
    async def scene() -> None:
        async with doorway() as door:
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.write(b"POST /echo HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
            assert (await reader.read()).split()[1] in (b"400", b"405")
            writer.close()

    asyncio.run(scene())


def test_what_a_hasty_client_says_before_it_is_let_in_is_not_lost() -> None:
    let_in = asyncio.Event()
    ear = Remembers()

    async def handler(pending: PendingSocket) -> None:
        await let_in.wait()
        pending.accept(ear)

    async def scene() -> None:
        async with doorway(handlers={"/slow": handler}) as door:
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.write(
                b"GET /slow HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            await asyncio.sleep(0.02)
            writer.write(frame(b"one") + frame(b"two")[:4])
            await asyncio.sleep(0.02)
            let_in.set()
            await reader.readuntil(b"\r\n\r\n")
            writer.write(frame(b"two")[4:])
            await ear.until(lambda ear: len(ear.messages) == 2)
            assert ear.messages == [b"one", b"two"]
            writer.close()

    asyncio.run(scene())


def test_a_handler_that_fails_before_it_answers_is_500(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(pending: PendingSocket) -> None:
        raise RuntimeError("a bug")

    async def scene() -> None:
        async with doorway(handlers={"/bug": handler}) as door:
            with pytest.raises(SocketRefused) as refused:
                await connect(f"ws://127.0.0.1:{door.port}/bug", listener=Remembers())
            assert refused.value.status == 500

    asyncio.run(scene())
    assert "socket handler failed" in caplog.text


def test_a_handler_that_is_busy_says_when_to_come_back() -> None:
    async def handler(pending: PendingSocket) -> None:
        raise Busy('All "seats" are taken.', retry_after_s=5)

    async def scene() -> None:
        async with doorway(handlers={"/busy": handler}) as door:
            with pytest.raises(SocketRefused) as refused:
                await connect(f"ws://127.0.0.1:{door.port}/busy", listener=Remembers())
            assert (refused.value.status, refused.value.retry_after) == (503, "5")
            assert json.loads(refused.value.body)["error"]["message"] == 'All "seats" are taken.'

    asyncio.run(scene())


def test_a_handler_that_fails_afterwards_is_1011(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(pending: PendingSocket) -> None:
        pending.accept(Remembers())
        raise RuntimeError("a bug")

    async def scene() -> None:
        async with doorway(handlers={"/bug": handler}) as door:
            ear = Remembers()
            await connect(f"ws://127.0.0.1:{door.port}/bug", listener=ear, limits=QUICK)
            assert await ear.until_closed() == (1011, "internal error")

    asyncio.run(scene())
    assert "socket handler failed" in caplog.text


def test_a_handler_that_forgets_to_answer_is_500(caplog: pytest.LogCaptureFixture) -> None:
    async def handler(pending: PendingSocket) -> None:
        return

    async def scene() -> None:
        async with doorway(handlers={"/forgets": handler}) as door:
            with pytest.raises(SocketRefused) as refused:
                await connect(f"ws://127.0.0.1:{door.port}/forgets", listener=Remembers())
            assert refused.value.status == 500

    asyncio.run(scene())
    assert "unanswered" in caplog.text


def test_a_socket_is_answered_once_and_only_while_somebody_waits() -> None:
    outcome: list[type[Exception]] = []
    gone = asyncio.Event()

    async def twice(pending: PendingSocket) -> None:
        pending.accept(Remembers())
        with pytest.raises(Misuse):
            pending.reject(403)
        outcome.append(Misuse)

    async def late(pending: PendingSocket) -> None:
        try:
            await gone.wait()
            pending.accept(Remembers())
        except (asyncio.CancelledError, PeerGone) as error:
            outcome.append(type(error))  # type: ignore[arg-type]
            raise

    async def scene() -> None:
        async with doorway(handlers={"/twice": twice, "/late": late}) as door:
            line = await connect(f"ws://127.0.0.1:{door.port}/twice", listener=Remembers(), limits=QUICK)
            await line.close()
            _, writer = await asyncio.open_connection("127.0.0.1", door.port)
            writer.write(
                b"GET /late HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            await asyncio.sleep(0.02)
            writer.transport.abort()
            await until(lambda: len(outcome) == 2)
            assert len(door.upgrades) == 0

    asyncio.run(scene())
    assert outcome == [Misuse, asyncio.CancelledError]


def test_goodbye_is_said_on_every_socket_and_pending_ones_are_turned_away() -> None:
    async def never(pending: PendingSocket) -> None:
        await asyncio.Event().wait()

    async def scene() -> None:
        async with doorway(handlers={"/never": never}) as door:
            ears = [Remembers() for _ in range(5)]
            for ear in ears:
                await connect(door.url, listener=ear, limits=QUICK)
            waiting = asyncio.create_task(connect(f"ws://127.0.0.1:{door.port}/never", listener=Remembers()))
            await until(lambda: len(door.upgrades) == 6)
            await door.upgrades.close(1001, "going away")
            assert len(door.upgrades) == 0
            assert [await ear.until_closed() for ear in ears] == [(1001, "going away")] * 5
            with pytest.raises(SocketRefused) as refused:
                await waiting
            assert refused.value.status == 503

    asyncio.run(scene())


def test_a_peer_may_be_limited_more_tightly_than_the_door() -> None:
    ear = Remembers()

    async def handler(pending: PendingSocket) -> None:
        pending.accept(ear, max_message_bytes=10)

    async def scene() -> None:
        async with doorway(handlers={"/small": handler}) as door:
            peer = await RawPeer.open(door.port, "/small")
            peer.say(frame(b"x" * 10), frame(b"x" * 11))
            assert (await ear.until_closed())[0] == 1009
            assert ear.messages == [b"x" * 10]
            peer.leave()

    asyncio.run(scene())
