"""A remote engine against a server that a test plays, on a real socket."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.net.conftest import QUICK, Remembers, doorway, until
from voice.audio.frames import PCM_16K, PCM_24K, PCMA_8K, PCMU_8K, AudioFormat, AudioFrame
from voice.engines.remote import CONGESTED_BYTES, HELD_MS, RemoteEngine
from voice.errors import EngineError, EngineRefused, EngineUnreachable, Misuse
from voice.net.base import PendingSocket
from voice.protocol.client_events import InputAudioBufferCommit, ResponseCancel
from voice.protocol.codec import Unknown
from voice.protocol.server_events import ServerEvent, SessionCreated


class Ear:
    """An engine listener that keeps what it hears, in order."""

    def __init__(self) -> None:
        self.events: list[ServerEvent | Unknown] = []
        self.audio: list[tuple[str, str, int, int, AudioFrame]] = []
        self.closed: list[tuple[int, str]] = []

    def receive_event(self, event: ServerEvent | Unknown) -> None:
        self.events.append(event)

    def receive_audio(self, response_id: str, item_id: str, output: int, content: int, frame: AudioFrame) -> None:
        self.audio.append((response_id, item_id, output, content, frame))

    def engine_closed(self, code: int, reason: str) -> None:
        self.closed.append((code, reason))


class Server(Remembers):
    """The far side of one connection."""

    pending: PendingSocket

    def say(self, event: dict[str, Any]) -> None:
        assert self.socket is not None
        self.socket.send_text(json.dumps({"event_id": "event_1", **event}).encode())

    @property
    def said(self) -> list[dict[str, Any]]:
        return [json.loads(message) for message in self.messages]


def session(**audio: Any) -> dict[str, Any]:
    return {"type": "realtime", "id": "sess_1", "object": "realtime.session", "model": "m", "audio": audio}


CREATED = {"type": "session.created", "session": session()}


def delta(sound: bytes, response_id: str = "resp_1") -> dict[str, Any]:
    return {
        "type": "response.output_audio.delta",
        "response_id": response_id,
        "item_id": "item_1",
        "output_index": 0,
        "content_index": 1,
        "delta": base64.b64encode(sound).decode(),
    }


def response(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "response": {"id": "resp_1", "object": "realtime.response", "output": [], **more}}


@asynccontextmanager
async def server(
    greet: Callable[[Server], Awaitable[None] | None] = lambda server: server.say(CREATED),
) -> AsyncIterator[tuple[str, list[Server]]]:
    servers: list[Server] = []

    async def handler(pending: PendingSocket) -> None:
        it = Server()
        it.pending = pending
        servers.append(it)
        it.socket = pending.accept(it)
        if (waiting := greet(it)) is not None:
            await waiting

    async with doorway(handlers={"/v1/realtime": handler}) as door:
        yield f"ws://127.0.0.1:{door.port}/v1/realtime", servers


async def opened(url: str, ear: Ear) -> RemoteEngine:
    engine = RemoteEngine(url, model="m", api_key="k", limits=QUICK)
    await engine.open(ear)
    return engine


def test_a_session_opens_and_its_first_event_comes_after_open_returned() -> None:
    async def scene() -> None:
        async with server() as (url, servers):
            ear = Ear()
            engine = await opened(url, ear)
            assert ear.events == []
            await until(lambda: ear.events)
            assert isinstance(ear.events[0], SessionCreated)
            assert servers[0].pending.query == {"model": "m"}
            assert servers[0].pending.headers["authorization"] == "Bearer k"
            await engine.close()
            await engine.close()
            assert ear.closed == [(1000, "")]

    asyncio.run(scene())


def test_everything_said_while_it_opens_arrives_in_order() -> None:
    def greet(server: Server) -> None:
        server.say(CREATED)
        server.say(delta(b"\x01\x00"))
        server.say({"type": "input_audio_buffer.cleared"})
        assert server.socket is not None
        task = asyncio.ensure_future(server.socket.close(1001, "full"))
        task.add_done_callback(lambda _: None)

    async def scene() -> None:
        async with server(greet) as (url, _):
            ear = Ear()
            await opened(url, ear)
            await until(lambda: ear.closed)
            assert [event.type for event in ear.events] == ["session.created", "input_audio_buffer.cleared"]
            assert [frame.data for *_, frame in ear.audio] == [b"\x01\x00"]
            assert ear.closed == [(1001, "full")]

    asyncio.run(scene())


def test_events_and_sound_leave_in_order_and_the_sound_is_not_opened() -> None:
    async def scene() -> None:
        async with server() as (url, servers):
            engine = await opened(url, Ear())
            engine.send_audio(AudioFrame(PCMU_8K, base64=b"//8="))
            engine.send_audio(AudioFrame(PCMU_8K, b"\x01\x02\x03"))
            engine.send(InputAudioBufferCommit())
            engine.send(ResponseCancel(response_id="resp_1"))
            await until(lambda: len(servers[0].messages) == 4)
            assert servers[0].said == [
                {"type": "input_audio_buffer.append", "audio": "//8="},
                {"type": "input_audio_buffer.append", "audio": "AQID"},
                {"type": "input_audio_buffer.commit"},
                {"type": "response.cancel", "response_id": "resp_1"},
            ]
            await engine.close()

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("wire", "format"),
    [
        ({"type": "audio/pcmu"}, PCMU_8K),
        ({"type": "audio/pcma"}, PCMA_8K),
        ({"type": "audio/pcm", "rate": 24000}, PCM_24K),
        ({"type": "audio/pcm"}, PCM_24K),
    ],
)
def test_sound_has_the_format_that_the_server_confirmed(wire: dict[str, Any], format: AudioFormat) -> None:
    async def scene() -> None:
        async with server() as (url, servers):
            ear = Ear()
            engine = await opened(url, ear)
            servers[0].say(delta(b"\x01\x02"))
            servers[0].say({"type": "session.updated", "session": session(output={"format": wire})})
            servers[0].say(delta(b"\x03\x04"))
            await until(lambda: len(ear.audio) == 2)
            first, second = ear.audio
            assert first == ("resp_1", "item_1", 0, 1, AudioFrame(PCM_24K, b"\x01\x02"))
            assert second[-1] == AudioFrame(format, b"\x03\x04")
            await engine.close()

    asyncio.run(scene())


def test_a_response_may_sound_in_a_format_of_its_own() -> None:
    async def scene() -> None:
        async with server() as (url, servers):
            ear = Ear()
            engine = await opened(url, ear)
            servers[0].say(response("response.created", audio={"output": {"format": {"type": "audio/pcmu"}}}))
            servers[0].say(delta(b"\x01"))
            servers[0].say(delta(b"\x01\x02", "resp_2"))
            servers[0].say(response("response.done", status="completed"))
            servers[0].say(delta(b"\x01\x02"))
            await until(lambda: len(ear.audio) == 3)
            assert [frame.format for *_, frame in ear.audio] == [PCMU_8K, PCM_24K, PCM_24K]
            await engine.close()

    asyncio.run(scene())


def test_surprises_reach_the_listener_and_end_nothing() -> None:
    async def scene() -> None:
        async with server() as (url, servers):
            ear = Ear()
            engine = await opened(url, ear)
            far = servers[0].socket
            assert far is not None
            for surprise in (b"not json", b"[1]", b'{"type": "session.dreamed"}', b'{"type": "response.done"}'):
                far.send_text(surprise)
            far.send_binary(b"\x00\x01")
            servers[0].say({"type": "input_audio_buffer.cleared"})
            await until(lambda: len(ear.events) == 6)
            assert [isinstance(event, Unknown) for event in ear.events] == [False, True, True, True, True, False]
            assert ear.closed == []
            await engine.close()

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("status", "code", "kind", "says"),
    [
        (401, "invalid_api_key", EngineRefused, "Check the key in OPENAI_API_KEY"),
        (401, None, EngineRefused, "Check the key in OPENAI_API_KEY"),
        (401, "401", EngineRefused, "Check the key in OPENAI_API_KEY"),
        (403, None, EngineRefused, "what the key in OPENAI_API_KEY is allowed"),
        (404, "model_not_found", EngineRefused, "the model m"),
        (404, "DeploymentNotFound", EngineRefused, "the model m"),
        (404, None, EngineRefused, "Check the path of the engine's address"),
        (429, "rate_limit_exceeded", EngineUnreachable, "Try again in 7 s"),
        (429, "insufficient_quota", EngineRefused, "billing"),
        (400, "beta_api_shape_disabled", EngineRefused, "OpenAI-Beta"),
        (400, "something_new", EngineRefused, "refused the session. No."),
        (418, None, EngineRefused, "HTTP 418"),
        (302, None, EngineRefused, "elsewhere"),
        (500, None, EngineUnreachable, "HTTP 500"),
        (503, None, EngineUnreachable, "Try again later"),
    ],
)
def test_a_refusal_says_what_to_do(status: int, code: str | None, kind: type[EngineError], says: str) -> None:
    async def handler(pending: PendingSocket) -> None:
        body = json.dumps({"error": {"type": "invalid_request_error", "code": code, "message": "No."}}).encode()
        pending.reject(status, body, {"retry-after": "7"})

    async def scene() -> None:
        async with doorway(handlers={"/v1/realtime": handler}) as door:
            ear = Ear()
            with pytest.raises(kind) as refused:
                await opened(f"http://127.0.0.1:{door.port}", ear)
            assert says in refused.value.person
            assert ear.closed == []

    asyncio.run(scene())


def test_without_a_key_the_fix_is_to_set_one() -> None:
    async def handler(pending: PendingSocket) -> None:
        pending.reject(401)

    async def scene() -> None:
        async with doorway(handlers={"/v1/realtime": handler}) as door:
            engine = RemoteEngine(f"http://127.0.0.1:{door.port}", key_name="AZURE_OPENAI_API_KEY")
            with pytest.raises(EngineRefused, match="wants a key") as refused:
                await engine.open(Ear())
            assert refused.value.fix == "Set AZURE_OPENAI_API_KEY."

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("code", "close", "kind", "says"),
    [
        ("beta_api_shape_disabled", 4000, EngineRefused, "OpenAI-Beta"),
        ("invalid_request_error.invalid_model", 1008, EngineRefused, "the model m"),
        ("server_error", 1011, EngineUnreachable, "later"),
        ("something_new", 1011, EngineRefused, "It said so."),
        (None, 4001, EngineRefused, "closed the connection at once"),
        (None, 1011, EngineUnreachable, "closed the connection at once"),
        (None, 1006, EngineUnreachable, "closed the connection at once"),
    ],
)
def test_an_error_in_place_of_the_first_event_is_a_refusal(
    code: str | None, close: int, kind: type[EngineError], says: str
) -> None:
    async def greet(server: Server) -> None:
        if code is not None:
            error = {"type": "invalid_request_error", "code": code, "message": "It said so.", "param": None}
            server.say({"type": "error", "error": error})
        assert server.socket is not None
        if close == 1006:
            server.socket.abort()  # type: ignore[attr-defined]
        else:
            await server.socket.close(close)

    async def scene() -> None:
        async with server(greet) as (url, _):
            ear = Ear()
            with pytest.raises(kind) as refused:
                await opened(url, ear)
            assert says in refused.value.person
            assert ear.closed == []
            assert ear.events == []

    asyncio.run(scene())


def test_nobody_there_and_nobody_speaking() -> None:
    async def scene() -> None:
        with pytest.raises(EngineUnreachable, match="could not be reached"):
            await opened("ws://127.0.0.1:9/v1/realtime", Ear())
        async with server(lambda server: None) as (url, servers):
            engine = RemoteEngine(url, limits=QUICK, open_timeout_s=0.05)
            with pytest.raises(EngineUnreachable, match="said nothing"):
                await engine.open(Ear())
            await until(lambda: servers[0].closed)

    asyncio.run(scene())


def test_giving_up_while_it_opens_closes_the_socket() -> None:
    async def scene() -> None:
        async with server(lambda server: None) as (url, servers):
            opening = asyncio.create_task(opened(url, Ear()))
            await until(lambda: servers)
            opening.cancel()
            with pytest.raises(asyncio.CancelledError):
                await opening
            await until(lambda: servers[0].closed)

    asyncio.run(scene())


def test_a_lost_connection_is_told_once() -> None:
    async def scene() -> None:
        async with server() as (url, servers):
            ear = Ear()
            engine = await opened(url, ear)
            far = servers[0].socket
            far.abort()  # type: ignore[union-attr]
            await until(lambda: ear.closed)
            engine.send(InputAudioBufferCommit())
            engine.send_audio(AudioFrame(PCM_16K, bytes(640)))
            await engine.close()
            assert [code for code, _ in ear.closed] == [1006]

    asyncio.run(scene())


def test_out_of_turn_is_our_mistake() -> None:
    async def scene() -> None:
        async with server() as (url, _):
            engine = RemoteEngine(url, limits=QUICK)
            with pytest.raises(Misuse):
                engine.send(InputAudioBufferCommit())
            await engine.close()
            await engine.open(Ear())
            with pytest.raises(Misuse):
                await engine.open(Ear())
            await engine.close()

    asyncio.run(scene())


class Congested:
    """A socket that takes a while."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.pending_bytes = CONGESTED_BYTES + 1

    def send_text(self, data: bytes) -> None:
        self.sent.append(data)

    send_binary = send_text

    async def close(self, code: int = 1000, reason: str = "") -> None: ...


def test_on_a_slow_line_old_sound_gives_way_and_events_keep_their_place() -> None:
    engine = RemoteEngine("ws://127.0.0.1/")
    line = Congested()
    engine._socket = line
    frames = [AudioFrame(PCM_16K, number.to_bytes(2, "little") * 320) for number in range(int(HELD_MS / 20) + 5)]
    for frame in frames:
        engine.send_audio(frame)
    assert line.sent == []
    assert engine.dropped_ms == 100
    engine.send(InputAudioBufferCommit())
    assert len(line.sent) == len(frames) - 5 + 1
    assert json.loads(line.sent[0])["audio"] == frames[5].base64.decode()
    assert json.loads(line.sent[-1])["type"] == "input_audio_buffer.commit"
    engine.send_audio(frames[0])
    line.pending_bytes = 0
    engine.send_audio(frames[1])
    assert [json.loads(data)["audio"] for data in line.sent[-2:]] == [frame.base64.decode() for frame in frames[:2]]


def test_the_key_is_in_no_log_and_in_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        async with server() as (url, _):
            engine = RemoteEngine(url, api_key="swordfish", limits=replace(QUICK))
            await engine.open(Ear())
            await engine.close()
        with pytest.raises(EngineUnreachable) as unreachable:
            await RemoteEngine("ws://127.0.0.1:9/", api_key="swordfish").open(Ear())
        assert "swordfish" not in unreachable.value.person + unreachable.value.log

    caplog.set_level(logging.NOTSET)
    asyncio.run(scene())
    assert "swordfish" not in caplog.text
