"""A small WebSocket (RFC 6455) straight on `asyncio.Protocol`, for both ends of the harness.

The harness must cost less than what it measures. It is no general library: text messages, no extensions, and a
masking key of zero, which the RFC's framing allows and which leaves the payload as it is.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from typing import cast

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
FINAL, MASKED = 0x80, 0x80
NO_KEY = b"\0\0\0\0"


def frame(payload: bytes, *, masked: bool, opcode: int = TEXT) -> bytes:
    """One whole message as one frame (section 5.2)."""
    size = len(payload)
    mask = MASKED if masked else 0
    if size < 126:
        head = bytes((FINAL | opcode, mask | size))
    elif size < 1 << 16:
        head = bytes((FINAL | opcode, mask | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((FINAL | opcode, mask | 127)) + size.to_bytes(8, "big")
    return head + NO_KEY + payload if masked else head + payload


def unmasked(payload: bytes, key: bytes) -> bytes:
    """XOR with the repeated key, as one big number."""
    if key == NO_KEY:
        return payload
    size = len(payload)
    repeated = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(size)


def accept_for(key: bytes) -> bytes:
    """Sec-WebSocket-Accept (section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + GUID).digest())


def headers_of(head: bytes) -> dict[str, str]:
    """HTTP header lines by lower-case name; the request or status line is under the empty name."""
    first, *lines = head.decode("latin-1").split("\r\n")
    found = {"": first}
    for line in lines:
        name, _, value = line.partition(":")
        found[name.strip().lower()] = value.strip()
    return found


class WireSocket(asyncio.Protocol):
    """One end. `receive_text`, `handle_open` and `handle_gone` are for who inherits."""

    def __init__(self, *, connects_to: str | None = None) -> None:
        """`connects_to` is the path asked for; without it this end accepts."""
        self._path = connects_to
        self._masks = connects_to is not None
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._parts: list[bytes] = []
        self._key = base64.b64encode(os.urandom(16))
        self.is_open = False

    def handle_open(self) -> None:
        """The handshake is done."""

    def receive_text(self, data: bytes) -> None:
        """One whole message."""

    def handle_gone(self) -> None:
        """The connection is over, or never opened."""

    def send(self, payload: bytes) -> None:
        if self._transport is not None and self.is_open:
            self._transport.write(frame(payload, masked=self._masks))

    def close(self) -> None:
        if self._transport is None:
            return
        if self.is_open:
            self._transport.write(frame((1000).to_bytes(2, "big"), masked=self._masks, opcode=CLOSE))
        self.is_open = False
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if self._path is not None:
            self._transport.write(
                b"GET %b HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n\r\n" % (self._path.encode(), self._key)
            )

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        self._transport = None
        self.handle_gone()

    def data_received(self, data: bytes) -> None:
        buffer = self._rest + data if self._rest else data
        if not self.is_open:
            head, separator, buffer = buffer.partition(b"\r\n\r\n")
            if not separator:
                self._rest = head
                return
            if not self._shake_hands(headers_of(head)):
                self.close()
                return
        self._rest = self._read_frames(buffer)

    def _shake_hands(self, headers: dict[str, str]) -> bool:
        assert self._transport is not None
        if self._path is not None:
            expected = accept_for(self._key).decode()
            self.is_open = " 101 " in headers[""] + " " and headers.get("sec-websocket-accept") == expected
        else:
            answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            answer += b"Sec-WebSocket-Accept: %b\r\n" % accept_for(headers.get("sec-websocket-key", "").encode())
            if "realtime" in headers.get("sec-websocket-protocol", ""):
                answer += b"Sec-WebSocket-Protocol: realtime\r\n"
            self._transport.write(answer + b"\r\n")
            self.is_open = True
        if self.is_open:
            self.handle_open()
        return self.is_open

    def _read_frames(self, buffer: bytes) -> bytes:
        """Handle every whole frame; answers what is left of the last."""
        at, have = 0, len(buffer)
        while have - at >= 2:
            first, second = buffer[at], buffer[at + 1]
            head = at + 2
            size = second & 0x7F
            if size >= 126:
                wide = 2 if size == 126 else 8
                if have < head + wide:
                    break
                size = int.from_bytes(buffer[head : head + wide], "big")
                head += wide
            key = NO_KEY
            if second & MASKED:
                key = buffer[head : head + 4]
                head += 4
            if have < head + size:
                break
            at = head + size
            self._handle_frame(first, unmasked(buffer[head:at], key))
        return buffer[at:]

    def _handle_frame(self, first: int, payload: bytes) -> None:
        opcode = first & 0x0F
        if opcode == CLOSE:
            self.close()
        elif opcode == PING:
            if self._transport is not None:
                self._transport.write(frame(payload, masked=self._masks, opcode=PONG))
        elif opcode != PONG:
            if first & FINAL and not self._parts:
                self.receive_text(payload)
                return
            self._parts.append(payload)
            if first & FINAL:
                whole, self._parts = b"".join(self._parts), []
                self.receive_text(whole)
