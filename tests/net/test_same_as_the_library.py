"""Whatever bytes arrive, however they are cut: we hear what the library alone would hear, and end as it would."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import SERVER, Protocol, State

from tests.net.conftest import QUICK, Remembers, frame
from tests.net.test_websocket import Wire
from voice.net.base import SocketLimits
from voice.net.websocket import WebSocket

MAX_BYTES = 300

payloads = st.one_of(
    st.text(max_size=20).map(str.encode),
    st.binary(max_size=20),
    st.integers(110, 320).map(lambda size: b"x" * size),
)
first_bytes = st.one_of(
    st.sampled_from([0x81, 0x82, 0x81, 0x82, 0x01, 0x02, 0x00, 0x80, 0x89, 0x8A]),
    st.sampled_from([0x88, 0x09, 0xC1, 0x83, 0x8B]),
)
masks = st.sampled_from([b"\0\0\0\0", b"\x01\x02\x03\x04", b"\xff\x00\x80\x7f"])
frames = st.builds(lambda payload, first, mask: frame(payload, first, mask=mask), payloads, first_bytes, masks)
streams = st.one_of(
    st.lists(frames, max_size=8).map(b"".join),
    st.builds(lambda start, noise: b"".join(start) + noise, st.lists(frames, max_size=3), st.binary(max_size=30)),
)


def by_the_library(stream: bytes) -> tuple[list[bytes | str], bytes]:
    """Messages in order (text as str), and everything it would have written."""
    core = Protocol(SERVER, state=State.OPEN, max_size=MAX_BYTES)
    core.receive_data(stream)
    messages: list[bytes | str] = []
    written = b""
    parts: list[bytes] = []
    text = False
    for event in core.events_received():
        assert isinstance(event, Frame)
        if event.opcode in (Opcode.TEXT, Opcode.BINARY):
            parts, text = [], event.opcode is Opcode.TEXT
        if event.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            parts.append(bytes(event.data))
            if event.fin:
                whole = b"".join(parts)
                if text:
                    try:
                        messages.append(whole.decode())
                    except UnicodeDecodeError:
                        break  # the library leaves this to its users: 1007
                else:
                    messages.append(whole)
    for data in core.data_to_send():
        written += data
    return messages, written


class InOrder(Remembers):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[bytes | str] = []

    def receive_text(self, data: bytes) -> None:
        self.heard.append(data.decode())

    def receive_binary(self, data: bytes) -> None:
        self.heard.append(data)


async def by_us(stream: bytes, cuts: list[int]) -> tuple[InOrder, bytes]:
    wire, ear = Ending(), InOrder()
    limits = SocketLimits(max_message_bytes=MAX_BYTES, close_timeout_s=QUICK.close_timeout_s)
    line = WebSocket(wire, SERVER, ear, limits)  # type: ignore[arg-type]
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    for start, stop in pairwise(edges):
        if start < stop:
            line.data_received(stream[start:stop])
    written = b"".join(wire.writes)
    line.connection_lost(None)
    return ear, written


class Ending(Wire):
    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None: ...


@settings(max_examples=400, deadline=None)
@given(stream=streams, cuts=st.lists(st.integers(0, 4000), max_size=6))
def test_same_messages_same_answers(stream: bytes, cuts: list[int]) -> None:
    messages, written = by_the_library(stream)
    ear, answered = asyncio.run(by_us(stream, cuts))
    assert len(ear.closed) == 1
    if ear.closed[0][0] == 1007 and b"invalid UTF-8" in answered:
        assert ear.heard == messages
    else:
        assert (ear.heard, answered) == (messages, written)
