"""The whole door on loopback, port 0."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.net.conftest import Echo, RawPeer, Remembers, until
from voice.errors import ConfigError, EngineFailed, PortInUse, SocketRefused
from voice.net.base import PendingSocket, SocketHandler
from voice.net.client import connect
from voice.server.door import Door
from voice.server.page import plain


async def echo(pending: PendingSocket) -> None:
    listener = Echo()
    listener.socket = pending.accept(listener)


class Service:
    """What a door stands in front of."""

    def __init__(self) -> None:
        self.ready = (True, "ready")
        self.drained = asyncio.Event()
        self.draining = asyncio.Event()
        self.drained.set()

    async def drain(self) -> None:
        self.draining.set()
        await self.drained.wait()


class Open:
    """A door that is being served."""

    def __init__(self, door: Door, service: Service, serving: asyncio.Task[None]) -> None:
        self.door = door
        self.service = service
        self.serving = serving
        self.address = door.address
        self.ws = "ws" + door.address.removeprefix("http")
        self.port = int(door.address.rpartition(":")[2])

    def get(self, path: str, **more: Any) -> Any:
        async def fetch() -> httpx.Response:
            async with httpx.AsyncClient(trust_env=False) as http:
                return await http.request(more.pop("method", "GET"), self.address + path, **more)

        return fetch()


@asynccontextmanager
async def served(
    *, sockets: Mapping[str, SocketHandler] | None = None, signals: bool = False, **settings: Any
) -> AsyncIterator[Open]:
    service = Service()
    door = Door(
        port=0,
        sockets=sockets or {"/v1/realtime": echo},
        readiness=lambda: service.ready,
        metrics=lambda: "# TYPE voice_sessions gauge\nvoice_sessions 0\n",
        page=lambda: plain.render(door.address),
        on_drain=service.drain,
        **settings,
    )
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(door.serve(ready.set_result, signals=signals))
    try:
        assert await asyncio.wait_for(ready, 5) == door.address
        yield Open(door, service, serving)
    finally:
        door.stop()
        door.stop()
        await asyncio.wait_for(serving, 5)


def test_the_routes() -> None:
    async def scene() -> None:
        async with served() as it:
            assert it.port
            alive = await it.get("/healthz")
            assert (alive.status_code, alive.json()) == (200, {"status": "alive"})
            ready = await it.get("/readyz")
            assert (ready.status_code, ready.json()) == (200, {"ready": True, "reason": "ready"})
            it.service.ready = (False, "busy: 2 of 2 sessions are taken")
            full = await it.get("/readyz")
            assert (full.status_code, full.json()["reason"]) == (503, "busy: 2 of 2 sessions are taken")
            assert full.headers["retry-after"] == "5"
            metrics = await it.get("/metrics")
            assert metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
            assert metrics.text.endswith("voice_sessions 0\n")
            front = await it.get("/")
            assert front.headers["content-type"].startswith("text/html")
            assert '<div id="app">' in front.text
            assert "default-src 'none'" in front.headers["content-security-policy"]
            assert "server" not in front.headers

    asyncio.run(scene())


def test_errors_are_json() -> None:
    async def scene() -> None:
        async with served() as it:
            for method, path, status, code in [
                ("GET", "/nowhere", 404, "not_found"),
                ("POST", "/healthz", 405, "method_not_allowed"),
                ("GET", "/v1/realtime", 426, "upgrade_required"),
            ]:
                answer = await it.get(path, method=method)
                assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)

    asyncio.run(scene())


def test_what_breaks_inside_is_in_the_log_and_not_in_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    async def breaks(request: Request) -> Response:
        raise RuntimeError("the inside")

    async def fails(request: Request) -> Response:
        raise EngineFailed("It broke.", detail="the inside")

    async def scene() -> None:
        routes = [Route("/breaks", breaks, methods=["GET"]), Route("/fails", fails, methods=["GET"])]
        async with served(further_routes=routes) as it:
            for path in ("/breaks", "/fails"):
                caplog.clear()
                answer = await it.get(path)
                assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
                assert "inside" not in answer.text
                assert [record for record in caplog.records if record.levelname == "ERROR"]

    asyncio.run(scene())


def test_a_socket_on_the_same_port() -> None:
    async def scene() -> None:
        async with served() as it:
            ear = Remembers()
            line = await connect(it.ws + "/v1/realtime", listener=ear)
            line.send_text(b"hello")
            await ear.until(lambda ear: ear.messages == [b"hello"])
            await line.close()
            with pytest.raises(SocketRefused) as refused:
                await connect(it.ws + "/nowhere", listener=ear)
            assert refused.value.status == 404

    asyncio.run(scene())


def test_a_foreign_host_and_a_foreign_page_are_turned_away() -> None:
    async def scene() -> None:
        async with served(allowed_hosts=["voice.example.com"], allowed_origins=["https://app.example.org"]) as it:
            for host, status in [("evil.net", 421), ("voice.example.com", 200)]:
                assert (await it.get("/healthz", headers={"host": host})).status_code == status
                peer = await RawPeer.open(it.port, "/v1/realtime", f"Host: {host}\r\n")
                assert peer.head.split()[1] == b"400"  # two Host headers
                peer.leave()
            url = it.ws + "/v1/realtime"
            for headers, status in [
                ({"Host": "evil.net"}, 421),
                ({"Origin": "https://evil.net"}, 403),
                ({"Origin": f"http://127.0.0.1:{it.port + 1}"}, 403),
            ]:
                with pytest.raises(SocketRefused) as refused:
                    await connect(url, listener=Remembers(), headers=headers)
                assert refused.value.status == status
            for headers in [
                {"Host": "voice.example.com"},
                {"Origin": "https://app.example.org"},
                {"Origin": it.address},
            ]:
                await (await connect(url, listener=Remembers(), headers=headers)).close()

    asyncio.run(scene())


def test_draining_refuses_new_sockets_keeps_old_ones_and_says_goodbye() -> None:
    async def scene() -> None:
        async with served() as it:
            url = it.ws + "/v1/realtime"
            ear = Remembers()
            line = await connect(url, listener=ear)
            it.service.drained.clear()
            it.door.stop()
            await it.service.draining.wait()

            not_ready = await it.get("/readyz")
            assert (not_ready.status_code, not_ready.json()["ready"]) == (503, False)
            assert "draining" in not_ready.json()["reason"]
            assert (await it.get("/healthz")).status_code == 200
            with pytest.raises(SocketRefused) as refused:
                await connect(url, listener=Remembers())
            assert (refused.value.status, refused.value.retry_after) == (503, "5")

            line.send_text(b"still talking")
            await ear.until(lambda ear: ear.messages == [b"still talking"])
            it.service.drained.set()
            assert await ear.until_closed() == (1001, "the service is stopping")
            await asyncio.wait_for(it.serving, 5)

        with pytest.raises(httpx.ConnectError):
            await it.get("/healthz")

    asyncio.run(scene())


def test_a_second_stop_does_not_wait() -> None:
    async def scene() -> None:
        async with served() as it:
            ear = Remembers()
            await connect(it.ws + "/v1/realtime", listener=ear)
            it.service.drained.clear()
            it.door.stop()
            await it.service.draining.wait()
            it.door.stop()
            await asyncio.wait_for(it.serving, 2)
            assert (await ear.until_closed())[0] == 1006

    asyncio.run(scene())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_its_old_meaning_comes_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)

    async def scene() -> None:
        former = signal.getsignal(number)
        async with served(signals=True) as it:
            os.kill(os.getpid(), number)
            await asyncio.wait_for(it.serving, 5)
            assert it.service.draining.is_set()
        assert signal.getsignal(number) is former

    asyncio.run(scene())
    assert signal.getsignal(number) is before


def test_a_drain_that_fails_still_ends(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        async with served() as it:

            async def broken() -> None:
                raise RuntimeError("a bug")

            it.door._on_drain = broken
            ear = Remembers()
            await connect(it.ws + "/v1/realtime", listener=ear)
            it.door.stop()
            await asyncio.wait_for(it.serving, 5)
            assert (await ear.until_closed())[0] == 1001

    asyncio.run(scene())
    assert "draining failed" in caplog.text


def test_the_handler_of_a_closed_socket_may_finish_its_work() -> None:
    finished: list[str] = []

    async def handler(pending: PendingSocket) -> None:
        listener = Echo()
        listener.socket = pending.accept(listener)
        await listener.until_closed(30)
        await asyncio.sleep(0.02)
        finished.append("kept the transcript")

    async def scene() -> None:
        async with served(sockets={"/v1/realtime": handler}) as it:
            await connect(it.ws + "/v1/realtime", listener=Remembers())
            it.door.stop()
            await asyncio.wait_for(it.serving, 5)

    asyncio.run(scene())
    assert finished == ["kept the transcript"]


def test_a_port_in_use() -> None:
    async def scene() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            door = _plain(port=port)
            with pytest.raises(PortInUse, match=f"Port {port}") as refused:
                await door.serve(signals=False)
            assert "--port" in refused.value.fix

    asyncio.run(scene())


def test_a_port_is_taken_before_it_listens() -> None:
    """So that who waits for models to load does not learn afterwards that the port was somebody else's."""

    async def scene() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PortInUse):
            _plain(port=taken.getsockname()[1]).reserve()
        door = _plain(port=0)
        door.reserve()
        assert door._listener is not None
        place = door._listener.getsockname()
        with socket.socket() as early, pytest.raises(ConnectionRefusedError):
            early.connect(place)
        door.give_up()
        door.give_up()

    asyncio.run(scene())


def test_a_port_that_somebody_else_took_in_the_meantime() -> None:
    async def scene() -> None:
        one = _plain(port=0)
        one.reserve()
        assert one._listener is not None
        port = one._listener.getsockname()[1]
        one._listener.listen()
        with pytest.raises(PortInUse):
            await _plain(port=port).serve(signals=False)
        one.give_up()

    asyncio.run(scene())


def test_an_address_that_is_not_ours() -> None:
    async def scene() -> None:
        door = _plain(host="192.0.2.1", port=0, authenticated=True)
        with pytest.raises(ConfigError, match=r"192\.0\.2\.1"):
            await door.serve(signals=False)

    asyncio.run(scene())


def test_the_whole_network_only_with_a_key() -> None:
    with pytest.raises(ConfigError, match="anybody"):
        _plain(host="0.0.0.0")
    _plain(host="0.0.0.0", authenticated=True)


def test_ipv6() -> None:
    async def scene() -> None:
        async with served(host="::1") as it:
            assert it.address == f"http://[::1]:{it.port}"
            assert (await it.get("/healthz")).status_code == 200
            line = await connect(it.ws + "/v1/realtime", listener=Remembers())
            await line.close()

    asyncio.run(scene())


def test_nothing_is_left_open() -> None:
    async def scene() -> None:
        async with served() as it:
            lines = [await connect(it.ws + "/v1/realtime", listener=Remembers()) for _ in range(3)]
            lines[0].abort()
            it.door.stop()
            await asyncio.wait_for(it.serving, 5)
            await until(lambda: not len(it.door._upgrades))
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(scene())


def _plain(**settings: Any) -> Door:
    async def nothing() -> None: ...

    return Door(sockets={}, readiness=lambda: (True, ""), metrics=str, page=str, on_drain=nothing, **settings)


def test_connections_that_say_nothing_are_closed_and_those_that_talk_are_not() -> None:
    async def scene() -> None:
        async with served() as it:
            ear = Remembers()
            line = await connect(it.ws + "/v1/realtime", listener=ear)
            silent = [await asyncio.open_connection("127.0.0.1", it.port) for _ in range(50)]
            for number, (_, writer) in enumerate(silent):
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: lo"[:number])
            for reader, writer in silent:
                assert await asyncio.wait_for(reader.read(), 5) == b""
                writer.close()
            line.send_text(b"still here")
            await ear.until(lambda ear: ear.messages == [b"still here"])
            assert (await it.get("/healthz")).status_code == 200
            await line.close()

    with patch("voice.server.requests.REQUEST_S", 0.3):
        asyncio.run(scene())
