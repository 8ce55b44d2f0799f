"""Opening a socket, and every way in which that can fail."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.net.conftest import QUICK, Remembers, doorway
from voice.errors import ConfigError, SocketRefused, SocketUnreachable
from voice.net.base import PendingSocket
from voice.net.client import connect


@asynccontextmanager
async def answering(answer: bytes, *, hang_up: bool = True) -> AsyncIterator[str]:
    """Something that listens and answers every request with the same bytes."""

    over: list[asyncio.Future[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        over.append(done)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            if not hang_up:
                await reader.read()
            writer.close()
            await writer.wait_closed()
        done.set_result(None)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        await asyncio.gather(*over)


def test_headers_and_subprotocols_reach_the_server() -> None:
    seen: list[PendingSocket] = []

    async def handler(pending: PendingSocket) -> None:
        seen.append(pending)
        pending.accept(Remembers(), subprotocol="realtime")

    async def scene() -> None:
        async with doorway(handlers={"/v1/realtime": handler}) as door:
            line = await connect(
                f"ws://127.0.0.1:{door.port}/v1/realtime?model=a%20b&call_id=&model=c",
                listener=Remembers(),
                headers={"Authorization": "Bearer k", "User-Agent": "voice"},
                subprotocols=["realtime", "other"],
                limits=QUICK,
            )
            await line.close()

    asyncio.run(scene())
    (pending,) = seen
    assert pending.path == "/v1/realtime"
    assert pending.query == {"model": "a b", "call_id": ""}
    assert pending.headers["authorization"] == "Bearer k"
    assert pending.headers["user-agent"] == "voice"
    assert "sec-websocket-extensions" not in pending.headers
    assert tuple(pending.subprotocols) == ("realtime", "other")
    assert pending.client.startswith("127.0.0.1:")


def test_what_the_server_says_first_arrives_after_the_socket_is_handed_over() -> None:
    class Greeter(Remembers):
        pass

    async def handler(pending: PendingSocket) -> None:
        pending.accept(Greeter()).send_text(b"welcome")

    async def scene() -> None:
        async with doorway(handlers={"/greets": handler}) as door:
            ear = Remembers()
            line = await connect(f"ws://127.0.0.1:{door.port}/greets", listener=ear, limits=QUICK)
            assert ear.messages == []
            await ear.until(lambda ear: ear.messages == [b"welcome"])
            await line.close()

    asyncio.run(scene())


@pytest.mark.parametrize("status", [301, 401, 403, 404, 429, 500, 503])
def test_an_http_status_comes_with_its_body(status: int) -> None:
    async def handler(pending: PendingSocket) -> None:
        pending.reject(status, b'{"error": 1}', {"retry-after": "7", "location": "ws://elsewhere/"})

    async def scene() -> None:
        async with doorway(handlers={"/no": handler}) as door:
            ear = Remembers()
            with pytest.raises(SocketRefused) as refused:
                await connect(f"ws://127.0.0.1:{door.port}/no", listener=ear)
            assert (refused.value.status, refused.value.retry_after) == (status, "7")
            assert refused.value.body == b'{"error": 1}'
            assert ear.closed == []

    asyncio.run(scene())


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", id="ssh"),
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\n", id="http 1.0"),
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", id="half a handshake"),
        pytest.param(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: c3dvcmRmaXNoc3dvcmRmaXNo\r\n\r\n",
            id="a wrong accept key",
        ),
        pytest.param(b"x" * 70_000, id="no end of headers"),
        pytest.param(b"", id="hangs up"),
        pytest.param(b"HTTP/1.1 101 Swi", id="hangs up in the middle"),
    ],
)
def test_what_is_no_websocket_is_unreachable(answer: bytes) -> None:
    async def scene() -> None:
        async with answering(answer) as url:
            with pytest.raises(SocketUnreachable):
                await connect(url, listener=Remembers())

    asyncio.run(scene())


def test_silence_has_a_deadline() -> None:
    async def scene() -> None:
        async with answering(b"", hang_up=False) as url:
            with pytest.raises(SocketUnreachable, match=r"within 0\.05 s"):
                await connect(url, listener=Remembers(), open_timeout_s=0.05)

    asyncio.run(scene())


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    async def scene() -> None:
        with pytest.raises(SocketUnreachable, match=f":{port} could not be reached"):
            await connect(f"ws://127.0.0.1:{port}/", listener=Remembers())
        with pytest.raises(SocketUnreachable, match="no-such-host"):
            await connect("ws://no-such-host.invalid/", listener=Remembers())

    asyncio.run(scene())


@pytest.mark.parametrize("url", ["http://host/", "host:80", "ws://", "ws://host:port/", "", "ws://host/#part"])
def test_a_url_that_is_none(url: str) -> None:
    async def scene() -> None:
        with pytest.raises(ConfigError):
            await connect(url, listener=Remembers())

    asyncio.run(scene())


def test_a_plain_server_is_not_asked_for_a_certificate() -> None:
    async def scene() -> None:
        async with doorway() as door:
            with pytest.raises(SocketUnreachable, match="could not be reached"):
                await connect(f"wss://127.0.0.1:{door.port}/echo", listener=Remembers())

    asyncio.run(scene())


def test_giving_up_while_it_opens_leaves_nothing_behind() -> None:
    async def scene() -> None:
        async with answering(b"", hang_up=False) as url:
            opening = asyncio.create_task(connect(url, listener=Remembers()))
            await asyncio.sleep(0.02)
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening

    asyncio.run(scene())
