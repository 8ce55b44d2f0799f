"""The way between two peers: datagrams both ways over whichever pair of addresses ICE has found.

Sound takes a short cut: what comes as RTP or RTCP goes straight from the socket to whoever listens, and is sent
straight to it. DTLS, and the data channel above it, read and write as before. The pair may be exchanged for another
one while all goes on (an ICE restart); DTLS never notices.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from voice.transports.rtp import is_media
from voice.transports.webrtc import parts, relay

_MOST_WAITING = 2_000
"""Datagrams for DTLS that wait for a busy loop; the oldest go first, as they may on any network."""


class Path:
    """One ICE transport's datagrams. `heard_at_s` is when anything last came, by the loop's clock."""

    def __init__(self, ice: Any, receive_media: Callable[[bytes], None]) -> None:
        self._ice = ice
        self._receive_media = receive_media
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._closed = False
        self.heard_at_s = self._loop.time()
        self.dropped = 0
        self.connection = parts.ice_connection(ice)
        parts.divert_datagrams(self.connection, self._received)
        parts.divert_ice(ice, self._read, self._write)

    def send(self, data: bytes) -> bool:
        """Now, or not at all: False while there is no way."""
        pair = parts.nominated_pair(self.connection)
        if pair is None:
            return False
        pair.protocol.transport.sendto(data, pair.remote_addr)
        return True

    @property
    def pair(self) -> Any:
        """The pair of addresses in use, or None."""
        return parts.nominated_pair(self.connection)

    async def probe(self) -> None:
        """Ask the far end for a sign of life; an answer counts as heard (RFC 7675)."""
        pair, connection = self.pair, self.connection
        password = parts.remote_password(connection)
        if pair is None or not password:
            return
        try:
            await pair.protocol.request(
                connection.build_request(pair, nominate=False),
                pair.remote_addr,
                integrity_key=password.encode(),
                retransmissions=1,
            )
        except Exception:  # no answer, a broken one, or the socket is closing: all the same to us
            return
        self.heard_at_s = self._loop.time()

    async def take_over(self, connection: Any) -> None:
        """Go on over this connection, which has found its pair; the one before is closed."""
        before, self.connection = self.connection, connection
        parts.divert_datagrams(connection, self._received)
        parts.replace_connection(self._ice, connection)
        self.heard_at_s = self._loop.time()
        await relay.close(before)

    def close(self) -> None:
        """Whoever still reads is told that nothing follows."""
        if not self._closed:
            self._closed = True
            self._waiting.put_nowait(None)

    def _received(self, data: bytes, component: int) -> None:
        self.heard_at_s = self._loop.time()
        if is_media(data):
            self._receive_media(data)
            return
        if self._waiting.qsize() >= _MOST_WAITING:
            self._waiting.get_nowait()
            self.dropped += 1
        self._waiting.put_nowait(data)

    async def _read(self) -> bytes:
        if self._closed:
            raise ConnectionError("The path is closed.")
        data = await self._waiting.get()
        if data is None:
            raise ConnectionError("The path is closed.")
        return data

    async def _write(self, data: bytes) -> None:
        if not self.send(data):
            raise ConnectionError("There is no way to the peer.")
