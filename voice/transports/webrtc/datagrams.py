"""The UDP sockets of all calls, read together.

A waking costs more than what has to be done with one packet: on a busy machine the code is out of the caches by the
next one. With few calls packets are read as they come. With more, all sockets are read every 5 ms, at moments at
which frames are sent as well: the person's sound is 2.5 ms later on average, and ten calls wake the process 200 times
a second instead of 600.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
import sys
from ipaddress import ip_address
from typing import Any, TypeVar

EVERY_S = 0.005
CROWD = 3
"""So many sockets on which something comes are read together."""
_COUNT_EVERY_S = 0.2
_A_LITTLE = 1e-3
"""Of a moment: a timer may ring that much too early, and this one is not set again for the same moment."""
_MOST_AT_ONCE = 32
_LARGEST_BYTES = 4_096
_BUFFER_BYTES = 262_144

P = TypeVar("P", bound=asyncio.DatagramProtocol)


class Datagrams(asyncio.DatagramTransport):
    """One bound socket and the protocol above it. What the system does not take at once is lost, as on any network."""

    def __init__(self, sock: socket.socket, protocol: asyncio.DatagramProtocol, pump: Pump) -> None:
        super().__init__({"socket": sock, "sockname": sock.getsockname()})
        self._sock = sock
        self._protocol = protocol
        self._pump = pump
        self._closing = False

    def fileno(self) -> int:
        return self._sock.fileno()

    def sendto(self, data: Any, addr: Any = None) -> None:
        if self._closing:
            return
        try:
            self._sock.sendto(data, addr)
        except BlockingIOError:
            return
        except OSError as error:
            self._protocol.error_received(error)

    def receive(self) -> None:
        """All that waits, or a lot of it."""
        for _ in range(_MOST_AT_ONCE):
            if self._closing:
                return
            try:
                data, address = self._sock.recvfrom(_LARGEST_BYTES)
            except BlockingIOError:
                return
            except OSError as error:  # somebody whom we wrote to is not there
                self._protocol.error_received(error)
                return
            self._protocol.datagram_received(data, address)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._pump.remove(self)
            self._sock.close()
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        self.close()


class Pump:
    """Reads the sockets of one loop. There is one as long as there are sockets."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._selector = selectors.DefaultSelector()
        self._timer: asyncio.TimerHandle | None = None
        self._heard: set[Datagrams] = set()
        self._counted_s = self._loop.time()
        self._crowded = False
        self._loop.add_reader(self._fileno(), self._readable)
        _pumps[self._loop] = self

    @property
    def paced(self) -> bool:
        """Whether sockets are read at moments of ours."""
        return self._timer is not None

    def open(self, protocol: asyncio.DatagramProtocol, address: str, port: int) -> Datagrams:
        """Raises OSError where this address and port are not to be had."""
        family = socket.AF_INET6 if ip_address(address.partition("%")[0]).version == 6 else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
            sock.bind((address, port))
        except OSError:
            sock.close()
            raise
        transport = Datagrams(sock, protocol, self)
        self._selector.register(transport, selectors.EVENT_READ, transport)
        protocol.connection_made(transport)
        return transport

    def remove(self, transport: Datagrams) -> None:
        """It is about to be closed. With the last one the pump is gone."""
        self._selector.unregister(transport)
        self._heard.discard(transport)
        self.end_if_idle()

    def end_if_idle(self) -> None:
        """A pump without sockets is not kept."""
        if not self._selector.get_map():
            self._end()

    def _end(self) -> None:
        _pumps.pop(self._loop, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        else:
            self._loop.remove_reader(self._fileno())
        self._selector.close()

    def _fileno(self) -> int:
        return self._selector.fileno()

    def _readable(self) -> None:
        """Something came, and few are there."""
        self._read()
        if self._crowded and self._selector.get_map():
            self._loop.remove_reader(self._fileno())
            self._arm()

    def _tick(self) -> None:
        """It is time to look."""
        self._read()
        if not self._selector.get_map():
            return
        if self._crowded:
            self._arm()
        else:
            self._timer = None
            self._loop.add_reader(self._fileno(), self._readable)

    def _arm(self) -> None:
        moment = int(self._loop.time() / EVERY_S + _A_LITTLE) + 1
        self._timer = self._loop.call_at(moment * EVERY_S, self._tick)

    def _read(self) -> None:
        for key, _ in self._selector.select(0):
            self._heard.add(key.data)
            try:
                key.data.receive()
            except Exception as error:  # one call's mistake is not the others'
                self._loop.call_exception_handler({"message": "a datagram broke something", "exception": error})
        now_s = self._loop.time()
        if now_s - self._counted_s >= _COUNT_EVERY_S:
            self._crowded = len(self._heard) >= CROWD
            self._heard.clear()
            self._counted_s = now_s


_pumps: dict[asyncio.AbstractEventLoop, Pump] = {}


async def bound(protocol: P, address: str, port: int) -> P:
    """The same protocol over a socket of its own. Raises OSError where this address and port are not to be had."""
    loop = asyncio.get_running_loop()
    if sys.platform == "win32":  # its loop can only be told of sockets that it reads itself
        await loop.create_datagram_endpoint(lambda: protocol, local_addr=(address, port))
        return protocol
    pump = _pumps.get(loop) or Pump()
    try:
        pump.open(protocol, address, port)
    finally:
        pump.end_if_idle()
    return protocol
