"""Both sides of a transport, for tests: a session's ears, and a socket whose peer is the test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from voice.audio.frames import AudioFrame
from voice.errors import PeerGone
from voice.net.base import SocketListener
from voice.protocol.client_events import ClientEvent


@dataclass
class Ears:
    """A TransportListener that writes everything down."""

    frames: list[AudioFrame] = field(default_factory=list)
    plays: list[tuple[int, float, float]] = field(default_factory=list)
    keys: list[bool] = field(default_factory=list)
    digits: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    events: list[ClientEvent] = field(default_factory=list)
    goodbyes: list[str] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def receive_frame(self, frame: AudioFrame) -> None:
        self._nothing_follows()
        self.frames.append(frame)

    def played(self, epoch: int, position_ms: float, uncertainty_ms: float) -> None:
        self._nothing_follows()
        self.plays.append((epoch, position_ms, uncertainty_ms))

    def push_to_talk(self, held: bool, reply: bool = True) -> None:
        self.keys.append(held)

    def talk_cancelled(self) -> None:
        self.keys.append(False)

    def approval_given(self, request_id: str, approve: bool) -> None:
        self._nothing_follows()

    def dtmf(self, digit: str) -> None:
        self._nothing_follows()
        self.digits.append(digit)

    def typed(self, text: str) -> None:
        self.texts.append(text)

    def client_said(self, event: ClientEvent) -> None:
        self._nothing_follows()
        self.events.append(event)

    def hung_up(self, reason: str) -> None:
        assert not self.goodbyes, "hung_up is called once"
        self.goodbyes.append(reason)
        self.over.set()

    @property
    def sound(self) -> bytes:
        return b"".join(frame.data for frame in self.frames)

    def _nothing_follows(self) -> None:
        assert not self.goodbyes, "something followed hung_up"


class Wire:
    """A PendingSocket and its Socket in one; the test is the peer."""

    path = "/"
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    client = "127.0.0.1:9"
    subprotocols: Sequence[str] = ()

    def __init__(self, *, gone: bool = False) -> None:
        self.sent: list[bytes] = []
        self.closed: tuple[int, str] | None = None
        self.subprotocol: str | None = None
        self.gone = gone
        self._listener: SocketListener | None = None

    def accept(
        self, listener: SocketListener, *, subprotocol: str | None = None, max_message_bytes: int | None = None
    ) -> Wire:
        if self.gone:
            raise PeerGone("Nobody waits any more.")
        self._listener, self.subprotocol = listener, subprotocol
        return self

    def reject(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        raise AssertionError("a transport accepts")

    def send_text(self, data: bytes) -> None:
        assert self.closed is None, "nothing is sent after the end"
        self.sent.append(data)

    def send_binary(self, data: bytes) -> None:
        self.send_text(data)

    pending_bytes = 0

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self.peer_closes(code, reason)

    # What the peer does

    def says(self, data: bytes | str) -> None:
        assert self._listener is not None
        if self.closed is None:
            self._listener.receive_text(data.encode() if isinstance(data, str) else data)

    def says_binary(self, data: bytes) -> None:
        assert self._listener is not None
        if self.closed is None:
            self._listener.receive_binary(data)

    def peer_closes(self, code: int = 1000, reason: str = "") -> None:
        if self.closed is None:
            self.closed = (code, reason)
            if self._listener is not None:
                self._listener.socket_closed(code, reason)

    def heard(self) -> list[dict[str, Any]]:
        """What was sent since the last look, as JSON."""
        messages = [json.loads(data) for data in self.sent]
        self.sent.clear()
        return messages
