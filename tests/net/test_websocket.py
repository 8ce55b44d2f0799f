"""Both ends of a real connection on loopback."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import replace

import pytest
from websockets.protocol import SERVER

from tests.net.conftest import QUICK, Echo, RawPeer, Remembers, doorway, frame, until
from voice.errors import Misuse
from voice.net.base import SocketLimits
from voice.net.client import connect
from voice.net.websocket import WebSocket

CLOSE, PING, PONG = 0x88, 0x89, 0x8A


def close_frame(code: int, reason: bytes = b"") -> bytes:
    return frame(code.to_bytes(2, "big") + reason, CLOSE)


def test_what_is_said_comes_back_whole_and_of_its_kind() -> None:
    async def scene() -> None:
        async with doorway() as door:
            ear = Remembers()
            line = await connect(door.url, listener=ear, limits=QUICK)
            sizes = [0, 1, 125, 126, 127, 65535, 65536, 300_000]
            for size in sizes:
                line.send_text(b"x" * size)
                line.send_binary(b"\xff" * size)
            line.send_text("Grüße, 世界".encode())
            await ear.until(lambda ear: len(ear.messages) == 9)
            assert [len(message) for message in ear.messages[:-1]] == sizes
            assert [len(message) for message in ear.binary] == sizes
            assert ear.messages[-1].decode() == "Grüße, 世界"
            assert all(type(message) is bytes for message in (*ear.messages, *ear.binary))
            await line.close()

    asyncio.run(scene())


def test_a_thousand_messages_keep_their_order() -> None:
    async def scene() -> None:
        async with doorway() as door:
            ear = Remembers()
            line = await connect(door.url, listener=ear, limits=QUICK)
            said = [b"%d" % number for number in range(1000)]
            for number, message in enumerate(said):
                line.send_text(message)
                if number % 7 == 0:
                    await asyncio.sleep(0)
            await ear.until(lambda ear: len(ear.messages) == 1000)
            assert ear.messages == said
            await line.close()

    asyncio.run(scene())


class Wire:
    """A transport that only counts what is written to it."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int) -> None: ...

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None: ...

    def abort(self) -> None: ...


def test_messages_of_one_turn_leave_in_one_write() -> None:
    async def scene() -> None:
        wire = Wire()
        line = WebSocket(wire, SERVER, Remembers(), QUICK)  # type: ignore[arg-type]
        for _ in range(10):
            line.send_text(b"tick")
        assert line.pending_bytes == 60
        assert wire.writes == []
        await asyncio.sleep(0)
        assert wire.writes == [b"\x81\x04tick" * 10]
        assert line.pending_bytes == 0
        line.abort()

    asyncio.run(scene())


def test_what_one_read_asks_for_is_answered_in_one_write() -> None:
    async def scene() -> None:
        wire, echo = Wire(), Echo()
        echo.socket = line = WebSocket(wire, SERVER, echo, QUICK)  # type: ignore[arg-type]
        line.data_received(frame(b"one") + frame(b"", PING) + frame(b"two"))
        assert wire.writes == [b"\x81\x03one" + b"\x8a\x00" + b"\x81\x03two"]
        line.abort()

    asyncio.run(scene())


def test_many_frames_in_one_read_and_one_frame_in_many_reads() -> None:
    async def scene() -> None:
        async with doorway() as door:
            peer = await RawPeer.open(door.port)
            many = [b"%d" % number for number in range(50)]
            peer.say(*(frame(message) for message in many))
            assert [(await peer.hear())[1] for _ in many] == many
            for byte in frame(b"drop by drop") + frame(b"y" * 200):
                peer.say(bytes((byte,)))
                await peer.writer.drain()
                await asyncio.sleep(0)
            assert (await peer.hear())[1] == b"drop by drop"
            assert (await peer.hear())[1] == b"y" * 200
            peer.leave()

    asyncio.run(scene())


def test_a_fragmented_message_is_joined_around_a_ping() -> None:
    async def scene() -> None:
        async with doorway() as door:
            peer = await RawPeer.open(door.port)
            text = "Fähre".encode()
            peer.say(frame(text[:2], 0x01), frame(b"are you there", PING))
            peer.say(frame(text[2:4], 0x00), frame(text[4:], 0x80))
            assert await peer.hear() == (PONG, b"are you there")
            assert await peer.hear() == (0x81, text)
            peer.say(frame(b"a", 0x02), frame(b"", 0x00), frame(b"b", 0x80))
            assert await peer.hear() == (0x82, b"ab")
            assert door.listeners[0].messages == [text]
            peer.leave()

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("said", "code"),
    [
        pytest.param(frame(b"\xff\xfe"), 1007, id="bad utf-8"),
        pytest.param(frame("é".encode()[:1]), 1007, id="cut utf-8"),
        pytest.param(frame(b"\xc3", 0x01) + frame(b"\xc3", 0x80), 1007, id="bad utf-8 over fragments"),
        pytest.param(frame(b"x" * 2001), 1009, id="too big"),
        pytest.param(b"\x81\xff" + (2**40).to_bytes(8, "big"), 1009, id="claims to be huge"),
        pytest.param(frame(b"x" * 1500, 0x01) + frame(b"x" * 1500, 0x80), 1009, id="too big over fragments"),
        pytest.param(b"\x81\x02hi", 1002, id="not masked"),
        pytest.param(frame(b"hi", 0xC1), 1002, id="reserved bit"),
        pytest.param(frame(b"hi", 0x83), 1002, id="reserved opcode"),
        pytest.param(frame(b"hi", 0x80), 1002, id="continuation of nothing"),
        pytest.param(frame(b"a", 0x01) + frame(b"b"), 1002, id="a message inside another"),
        pytest.param(frame(b"x" * 126, PING), 1002, id="long ping"),
        pytest.param(frame(b"x", 0x09), 1002, id="fragmented ping"),
        pytest.param(close_frame(1005), 1002, id="forbidden close code"),
        pytest.param(frame(b"x", CLOSE), 1002, id="cut close code"),
    ],
)
def test_a_broken_rule_ends_in_its_code_at_both_ends(said: bytes, code: int) -> None:
    async def scene() -> None:
        async with doorway(replace(QUICK, max_message_bytes=2000)) as door:
            peer = await RawPeer.open(door.port)
            peer.say(frame(b"before"), said, frame(b"after"))
            assert await peer.hear() == (0x81, b"before")
            first, payload = await peer.hear()
            assert (first, int.from_bytes(payload[:2], "big")) == (CLOSE, code)
            assert await peer.reader.read() == b""
            listener = door.listeners[0]
            assert (await listener.until_closed())[0] == code
            assert listener.messages == [b"before"]
            peer.leave()
            await until(lambda: not len(door.upgrades))
            assert len(listener.closed) == 1

    asyncio.run(scene())


def test_the_client_hears_why_it_was_shut_out() -> None:
    async def scene() -> None:
        async with doorway(replace(QUICK, max_message_bytes=100)) as door:
            ear = Remembers()
            line = await connect(door.url, listener=ear, limits=QUICK)
            line.send_text(b"x" * 200_000)
            assert (await ear.until_closed())[0] == 1009
            await line.close()

    asyncio.run(scene())


def test_the_client_shuts_out_a_server_that_says_too_much() -> None:
    async def scene() -> None:
        async with doorway() as door:
            ear = Remembers()
            line = await connect(door.url, listener=ear, limits=replace(QUICK, max_message_bytes=100))
            line.send_text(b"x" * 101)
            assert (await ear.until_closed())[0] == 1009
            assert (await door.listeners[0].until_closed())[0] == 1009

    asyncio.run(scene())


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1001, "away"), (3000, "ours"), (4999, "ä" * 100)])
def test_close_codes_travel_both_ways(code: int, reason: str) -> None:
    heard = (code, reason.encode()[:123].decode(errors="ignore"))

    async def scene() -> None:
        async with doorway() as door:
            ear = Remembers()
            line = await connect(door.url, listener=ear, limits=QUICK)
            await line.close(code, reason)
            await line.close(code, reason)
            assert ear.closed == [heard]
            assert await door.listeners[0].until_closed() == heard

            ear = Remembers()
            await connect(door.url, listener=ear, limits=QUICK)
            far = door.listeners[1].socket
            assert far is not None
            await far.close(code, reason)
            assert await ear.until_closed() == heard
            assert door.listeners[1].closed == [heard]

    asyncio.run(scene())


def test_a_close_without_a_code_is_1005_and_nothing_follows_it() -> None:
    async def scene() -> None:
        async with doorway() as door:
            peer = await RawPeer.open(door.port)
            peer.say(frame(b"", CLOSE), frame(b"too late"))
            assert await peer.hear() == (CLOSE, b"")
            assert await peer.reader.read() == b""
            assert door.listeners[0].closed == [(1005, "")]
            assert door.listeners[0].messages == []
            peer.leave()

    asyncio.run(scene())


def test_a_code_that_may_not_be_sent_is_our_mistake() -> None:
    async def scene() -> None:
        async with doorway() as door:
            line = await connect(door.url, listener=Remembers(), limits=QUICK)
            with pytest.raises(Misuse):
                await line.close(1006)
            await line.close()

    asyncio.run(scene())


def test_what_is_said_after_the_end_goes_nowhere() -> None:
    async def scene() -> None:
        async with doorway() as door:
            ear = Remembers()
            line = await connect(door.url, listener=ear, limits=QUICK)
            closing = asyncio.create_task(line.close())
            await asyncio.sleep(0)
            line.send_text(b"late")
            await closing
            line.send_text(b"later")
            assert line.pending_bytes == 0
            assert door.listeners[0].messages == []
            assert ear.closed == [(1000, "")]

    asyncio.run(scene())


def test_a_peer_that_resets_the_connection_is_1006() -> None:
    async def scene() -> None:
        async with doorway() as door:
            peer = await RawPeer.open(door.port)
            raw = peer.writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            peer.leave()
            await until(lambda: not len(door.upgrades))
            assert [code for code, _ in door.listeners[0].closed] == [1006]

    asyncio.run(scene())


def test_a_peer_that_hangs_up_in_the_middle_of_a_frame_is_1006() -> None:
    async def scene() -> None:
        async with doorway() as door:
            peer = await RawPeer.open(door.port)
            peer.say(frame(b"half of it")[:7])
            peer.writer.write_eof()
            assert (await door.listeners[0].until_closed())[0] == 1006
            peer.leave()

    asyncio.run(scene())


def test_a_half_open_peer_is_noticed_by_its_silence() -> None:
    async def scene() -> None:
        limits = SocketLimits(ping_interval_s=0.05, pong_timeout_s=0.05, close_timeout_s=0.2)
        async with doorway(limits) as door:
            peer = await RawPeer.open(door.port)
            assert await peer.hear() == (PING, b"")
            first, payload = await peer.hear()
            assert (first, payload[:2]) == (CLOSE, (1011).to_bytes(2, "big"))
            assert await door.listeners[0].until_closed() == (1006, "keepalive ping timeout")
            await until(lambda: not len(door.upgrades))
            peer.leave()

    asyncio.run(scene())


def test_a_peer_that_answers_its_pings_stays() -> None:
    async def scene() -> None:
        limits = SocketLimits(ping_interval_s=0.1, pong_timeout_s=0.1, close_timeout_s=0.2)
        async with doorway(limits) as door:
            ear = Remembers()
            line = await connect(door.url, listener=ear, limits=limits)
            await asyncio.sleep(0.35)
            line.send_text(b"still here")
            await ear.until(lambda ear: ear.messages)
            assert ear.closed == []
            await line.close()

    asyncio.run(scene())


def test_a_peer_that_never_answers_the_close_is_dropped_at_the_deadline() -> None:
    async def scene() -> None:
        async with doorway(replace(QUICK, close_timeout_s=0.05)) as door:
            peer = await RawPeer.open(door.port)
            far = door.listeners[0].socket
            assert far is not None
            await asyncio.wait_for(far.close(1001, "bye"), 1)
            assert await peer.hear() == (CLOSE, (1001).to_bytes(2, "big") + b"bye")
            assert door.listeners[0].closed == [(1006, "")]
            peer.leave()

    asyncio.run(scene())


def test_a_peer_that_does_not_read_is_let_go_with_1013() -> None:
    async def scene() -> None:
        async with doorway(replace(QUICK, max_pending_bytes=200_000)) as door:
            peer = await RawPeer.open(door.port)
            peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
            far = door.listeners[0].socket
            assert far is not None
            for _ in range(1000):
                far.send_text(b"x" * 50_000)
                await asyncio.sleep(0)
                if door.listeners[0].closed:
                    break
            assert door.listeners[0].closed == [(1013, "too much is waiting to be sent")]
            await until(lambda: not len(door.upgrades))
            peer.leave()

    asyncio.run(scene())


def test_a_listener_that_fails_ends_its_own_socket_only(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Remembers):
        def receive_text(self, data: bytes) -> None:
            raise RuntimeError("a bug")

    async def scene() -> None:
        async with doorway() as door:
            broken, fine = Remembers(), Remembers()
            line = await connect(door.url, listener=broken, limits=QUICK)
            other = await connect(door.url, listener=fine, limits=QUICK)
            door.listeners[0].receive_text = Broken().receive_text  # type: ignore[method-assign]
            line.send_text(b"boom")
            other.send_text(b"hello")
            assert (await broken.until_closed())[0] == 1011
            await fine.until(lambda ear: ear.messages)
            await other.close()

    asyncio.run(scene())
    assert "socket listener failed" in caplog.text


def test_small_messages_are_not_held_back_by_nagle() -> None:
    async def scene() -> None:
        async with doorway() as door:
            line = await connect(door.url, listener=Remembers(), limits=QUICK)
            raw = line._transport.get_extra_info("socket")
            assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            far = door.listeners[0].socket
            assert isinstance(far, WebSocket)
            raw = far._transport.get_extra_info("socket")
            assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            await line.close()

    asyncio.run(scene())


def test_neither_words_nor_keys_are_logged_at_any_level(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        async with doorway() as door:
            ear = Remembers()
            line = await connect(door.url, listener=ear, headers={"Authorization": "Bearer swordfish"}, limits=QUICK)
            line.send_text(b"my secret words")
            await ear.until(lambda ear: ear.messages)
            await line.close()

    caplog.set_level(0)
    asyncio.run(scene())
    assert "swordfish" not in caplog.text
    assert "secret words" not in caplog.text


def test_closing_in_the_moment_in_which_the_peer_goes_without_a_word() -> None:
    async def scene() -> None:
        async with doorway() as door:
            peer = await RawPeer.open(door.port)
            await until(lambda: bool(door.listeners))
            line = door.listeners[0].socket
            assert isinstance(line, WebSocket)
            line.eof_received()  # what the loop calls before it tells that the connection is lost
            assert door.listeners[0].closed == [(1006, "")]
            line._transport.close()
            await asyncio.wait_for(line.close(), 2)
            peer.leave()

    asyncio.run(scene())
