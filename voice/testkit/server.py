"""The scripted server on a real websocket of this machine, faults included.

async with RealtimeServer(answers({"hello": "good day"}), faults=[Fault(Drop(), At(2.0))]) as server:
    ...                                                   # point an assistant at server.url
assert server.belief()[-1].text == "good day"
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterable, Mapping
from typing import Any

from voice.errors import Misuse
from voice.net.base import PendingSocket, Socket, SocketLimits
from voice.net.server import Upgrade, Upgrades
from voice.net.websocket import WebSocket
from voice.testkit.connection import Binary, Close, Connection, Out, Reset, StopReading, Text
from voice.testkit.faults import Fault, Refuse, What
from voice.testkit.injector import Fired, Injector
from voice.testkit.mind import Belief, Mind, answers
from voice.testkit.script import ScriptedServer
from voice.testkit.words import Vocabulary

PATHS = ("/v1/realtime", "/realtime")
LIMITS = SocketLimits(ping_interval_s=3600.0, close_timeout_s=0.5)
_ABORT_ON_CLOSE = struct.pack("ii", 1, 0)


class RealtimeServer:
    """Answers every connection with a fresh session of the same mind, until the end of its `async with` block.

    `faults` are drawn and counted over all connections; times are seconds since the block was entered. `sessions`
    are all sessions so far, in order; `refused` counts connections that got an HTTP status.
    """

    def __init__(
        self,
        mind: Mind | None = None,
        *,
        faults: Iterable[Fault] = (),
        seed: int = 0,
        vocabulary: Vocabulary | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.mind = mind or answers({})
        self.vocabulary = vocabulary or Vocabulary()
        self.sessions: list[ScriptedServer] = []
        self.refused = 0
        self.url = ""
        self._injector = Injector(faults, seed=seed)
        self._host = host
        self._port = port
        self._upgrades = Upgrades(dict.fromkeys(PATHS, self._take_in), limits=LIMITS)
        self._served: set[_Served] = set()
        self._listening: asyncio.Server | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._zero = 0.0

    async def __aenter__(self) -> RealtimeServer:
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(lambda: _Line(self._upgrades, set()), self._host, self._port)
        port = self._listening.sockets[0].getsockname()[1]
        self.url = f"ws://{self._host}:{port}/v1/realtime"
        self._zero = loop.time()
        self._arm()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._listening is not None
        if self._timer is not None:
            self._timer.cancel()
        self._listening.close()
        for served in list(self._served):
            served.end()
        await self._upgrades.close()

    @property
    def now(self) -> float:
        """Seconds since the server began."""
        return asyncio.get_running_loop().time() - self._zero

    @property
    def fired(self) -> list[Fired]:
        """The faults that happened, in order."""
        return self._injector.fired

    def belief(self) -> Belief:
        """What the newest session's model believes was said. Raises Misuse before the first session."""
        if not self.sessions:
            raise Misuse("Nobody has connected yet.")
        return self.sessions[-1].belief()

    def befall(self, what: What) -> None:
        """Let this happen now, to every open connection."""
        for served in list(self._served):
            served.do(served.connection.befall(what, self.now))

    def person_says(self, words: str) -> None:
        """Have the person say this now, without any sound, on every open connection."""
        for served in list(self._served):
            served.do(served.connection.person_says(words, self.now))

    async def _take_in(self, pending: PendingSocket) -> None:
        whats = self._injector.meet("connect", self.now)
        refusal = next((what for what in whats if isinstance(what, Refuse)), None)
        if refusal is not None:
            self.refused += 1
            pending.reject(refusal.status, b'{"error":{"message":"The test wanted this."}}', _headers(refusal))
            return
        session = ScriptedServer(
            self.mind,
            self.vocabulary,
            name=f"s{len(self.sessions) + 1}",
            model=pending.query.get("model", "scripted"),
        )
        self.sessions.append(session)
        assert isinstance(pending, _Line)
        served = _Served(self, Connection(session, self._injector), pending.raw)
        served.socket = pending.accept(served, subprotocol="realtime" if "realtime" in pending.subprotocols else None)
        self._served.add(served)
        for what in whats:
            served.do(served.connection.befall(what, self.now))
        served.do(served.connection.open(self.now))

    def gone(self, served: _Served) -> None:
        self._served.discard(served)

    def _arm(self) -> None:
        at = self._injector.deadline()
        if at is not None:
            self._timer = asyncio.get_running_loop().call_at(self._zero + at, self._ring)

    def _ring(self) -> None:
        for what in self._injector.due(self.now):
            self.befall(what)
        self._arm()


class _Line(Upgrade):
    """A request whose transport the server may treat badly."""

    raw: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.raw = transport  # type: ignore[assignment]  # uvloop's is no subclass of asyncio's
        super().connection_made(transport)


class _Served:
    """One websocket, and the connection behind it."""

    def __init__(self, server: RealtimeServer, connection: Connection, raw: asyncio.Transport) -> None:
        self.connection = connection
        self.socket: Socket | None = None
        self._server = server
        self._raw = raw
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None

    def do(self, outs: list[Out]) -> None:
        """Carry out what the connection says, and come back when it wants to."""
        assert self.socket is not None
        for out in outs:
            match out:
                case Text(data):
                    self.socket.send_text(data)
                case Binary(data):
                    self.socket.send_binary(data)
                case Close(code, reason):
                    self._closing = self._loop.create_task(self.socket.close(code, reason))
                case Reset():
                    self._reset()
                case StopReading():
                    self._raw.pause_reading()
        self._arm()

    def end(self) -> None:
        """The server goes away."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._raw.is_closing():
            self._raw.resume_reading()

    def receive_text(self, data: bytes) -> None:
        self.do(self.connection.receive(data, self._server.now))

    def receive_binary(self, data: bytes) -> None:
        self.do(self.connection.receive(data, self._server.now))

    def socket_closed(self, code: int, reason: str) -> None:
        self.connection.lost()
        if self._timer is not None:
            self._timer.cancel()
        self._server.gone(self)

    def _reset(self) -> None:
        """A TCP reset: what was not sent is lost, and the peer learns it at once."""
        raw_socket: Any = self._raw.get_extra_info("socket")
        raw_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT_ON_CLOSE)
        assert isinstance(self.socket, WebSocket)
        self.socket.abort()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        at = self.connection.deadline()
        if at is not None:
            self._timer = self._loop.call_later(max(0.0, at - self._server.now), self._ring)

    def _ring(self) -> None:
        self._timer = None
        self.do(self.connection.tick(self._server.now))


def _headers(refusal: Refuse) -> Mapping[str, str]:
    return {} if refusal.retry_after_s is None else {"retry-after": str(refusal.retry_after_s)}
