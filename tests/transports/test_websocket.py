"""A realtime client on our endpoint; the test is the client."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import random
import re
import tracemalloc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.net.conftest import RawPeer, doorway
from tests.transports.people import Ears, Wire
from voice.audio.frames import PCM_24K, PCMA_8K, PCMU_8K, AudioFormat, AudioFrame
from voice.errors import Misuse, PeerGone
from voice.net.base import PendingSocket, SocketLimits
from voice.protocol.client_events import ResponseCancel, SessionUpdate
from voice.protocol.server_events import (
    ErrorDetail,
    ErrorEvent,
    InputAudioBufferCleared,
    InputAudioBufferDtmfEventReceived,
    SessionCreated,
    SessionUpdated,
)
from voice.protocol.settings import AudioInput, AudioOutput, AudioSettings, PcmaFormat, PcmFormat, PcmuFormat, Session
from voice.transports.base import Transport
from voice.transports.websocket import RealtimeTransport

Scene = Callable[[RealtimeTransport, Wire, Ears], Awaitable[None]]
FORMATS = {PCM_24K: PcmFormat, PCMU_8K: PcmuFormat, PCMA_8K: PcmaFormat}


def client(scene: Scene, *, patience: int = 1000) -> tuple[RealtimeTransport, Wire, Ears]:
    async def run() -> tuple[RealtimeTransport, Wire, Ears]:
        wire, ears = Wire(), Ears()
        wire.subprotocols = ("realtime", "openai-insecure-api-key.k")
        transport = RealtimeTransport(wire, patience=patience, id_prefix="t")
        await transport.open(ears)
        await scene(transport, wire, ears)
        await transport.close()
        return transport, wire, ears

    return asyncio.run(run())


def append(sound: bytes, **more: Any) -> str:
    return json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(sound).decode()} | more)


def update(format: AudioFormat, event_id: str | None = None) -> str:
    audio = {
        "input": {"format": {"type": FORMATS[format]().type}},
        "output": {"format": {"type": FORMATS[format]().type}},
    }
    event = {"type": "session.update", "session": {"type": "realtime", "audio": audio}}
    return json.dumps(event | ({"event_id": event_id} if event_id else {}))


def settings(format: AudioFormat) -> Session:
    kind = FORMATS[format]
    return Session(audio=AudioSettings(input=AudioInput(format=kind()), output=AudioOutput(format=kind())))


def refusal(event_id: str | None = None, param: str | None = None) -> ErrorEvent:
    return ErrorEvent(error=ErrorDetail(type="invalid_request_error", message="no", event_id=event_id, param=param))


# Sound


def test_a_clients_sound_goes_through_unopened() -> None:
    async def scene(transport: RealtimeTransport, wire: Wire, ears: Ears) -> None:
        as_seam: Transport = transport
        assert as_seam.traits.realtime
        assert as_seam.traits.playout == "client"
        wire.says(append(b"\1\0\2\0"))
        wire.says(append(b"\3\0", event_id="e1", note="an unusual shape"))
        wire.says(append(b""))

    _, wire, ears = client(scene)
    assert ears.frames == [AudioFrame(PCM_24K, b"\1\0\2\0"), AudioFrame(PCM_24K, b"\3\0")]
    assert wire.subprotocol == "realtime"


def test_sound_cut_in_the_middle_of_a_sample_is_joined() -> None:
    async def scene(transport: RealtimeTransport, wire: Wire, ears: Ears) -> None:
        wire.says(append(b"\1\0\2"))
        wire.says(append(b"\0\3\0\4"))
        wire.says(append(b"\0"))
        wire.says(append(b"\5\0"))

    _, _, ears = client(scene)
    assert ears.sound == b"\1\0\2\0\3\0\4\0\5\0"
    assert all(len(frame.data) % 2 == 0 for frame in ears.frames)


def test_half_a_sample_does_not_survive_a_commit_or_a_clear() -> None:
    async def scene(transport: RealtimeTransport, wire: Wire, ears: Ears) -> None:
        for end in ("commit", "clear"):
            wire.says(append(b"\1\0\2"))
            wire.says(json.dumps({"type": f"input_audio_buffer.{end}"}))
        wire.says(append(b"\3\0"))

    assert client(scene)[2].sound == b"\1\0\1\0\3\0"


def test_the_assistants_sound_is_a_delta_with_an_id_of_its_own() -> None:
    async def scene(transport: RealtimeTransport, wire: Wire, ears: Ears) -> None:
        transport.play("resp_1", "item_1", 2, 1, AudioFrame(PCM_24K, b"\1\0"))
        transport.play("resp_1", "item_1", 2, 1, AudioFrame(PCM_24K, b"\2\0"))
        one, two = wire.heard()
        assert one == {
            "type": "response.output_audio.delta",
            "event_id": "event_t00000001",
            "response_id": "resp_1",
            "item_id": "item_1",
            "output_index": 2,
            "content_index": 1,
            "delta": "AQA=",
        }
        assert two["event_id"] != one["event_id"]

    client(scene)


def test_sound_is_converted_to_what_the_client_asked_for() -> None:
    async def scene(transport: RealtimeTransport, wire: Wire, ears: Ears) -> None:
        transport.send_event(SessionUpdated(session=settings(PCMU_8K)))
        wire.heard()
        transport.play("resp_1", "item_1", 0, 0, AudioFrame(PCM_24K, bytes(4800)))
        (delta,) = wire.heard()
        assert set(base64.b64decode(delta["delta"])) == {0xFF}

    client(scene)


def test_the_level_is_the_clients_own() -> None:
    async def scene(transport: RealtimeTransport, wire: Wire, ears: Ears) -> None:
        assert not transport.traits.can_duck
        transport.play("resp_1", "item_1", 0, 0, AudioFrame(PCM_24K, b"\1\0"))
        transport.duck(-15)
        transport.play("resp_1", "item_1", 0, 0, AudioFrame(PCM_24K, b"\2\0"))
        transport.restore()
        assert [message["delta"] for message in wire.heard()] == ["AQA=", "AgA="]

    client(scene)


# Formats follow the session, in the order in which the client can know them


def test_sound_right_behind_an_update_is_already_in_the_new_format() -> None:
    async def scene(transport: RealtimeTransport, wire: Wire, ears: Ears) -> None:
        wire.says(update(PCMU_8K))
        wire.says(append(b"\xff" * 160))
        transport.send_event(SessionCreated(session=settings(PCM_24K)))  # said before the update was read
        wire.says(append(b"\xff" * 160))
        transport.send_event(SessionUpdated(session=settings(PCMU_8K)))
        wire.says(append(b"\xff" * 160))
        assert transport.traits.input_format == transport.traits.output_format == PCMU_8K

    _, _, ears = client(scene)
    assert [frame.format for frame in ears.frames] == [PCMU_8K] * 3
    assert isinstance(ears.events[0], SessionUpdate)


def test_the_answer_to_an_older_update_takes_nothing_back() -> None:
    async def scene(transport: RealtimeTransport, wire: Wire, ears: Ears) -> None:
        wire.says(update(PCMU_8K))
        wire.says(update(PCMA_8K))
        transport.send_event(SessionUpdated(session=settings(PCMU_8K)))
        wire.says(append(b"\xd5" * 8))
        assert ears.frames[0].format == PCMA_8K

    client(scene)


@pytest.mark.parametrize(("event_id", "refused"), [("e1", refusal("e1")), (None, refusal(param="session.audio"))])
def test_a_refused_update_is_taken_back(event_id: str | None, refused: ErrorEvent) -> None:
    async def scene(transport: RealtimeTransport, wire: Wire, ears: Ears) -> None:
        wire.says(update(PCMU_8K, event_id))
        transport.send_event(refused)
        wire.says(append(b"\1\0"))
        assert ears.frames[0].format == PCM_24K

    client(scene)


def test_an_error_about_something_else_changes_no_format() -> None:
    async def scene(transport: RealtimeTransport, wire: Wire, ears: Ears) -> None:
        wire.says(update(PCMU_8K))
        transport.send_event(refusal("e9", "item_id"))
        assert transport.traits.input_format == PCMU_8K

    client(scene)


# Events


def test_a_clients_events_are_passed_on_and_ours_get_ids() -> None:
    async def scene(transport: RealtimeTransport, wire: Wire, ears: Ears) -> None:
        wire.says('{"type":"response.cancel","response_id":"resp_1"}')
        event = InputAudioBufferCleared()
        transport.send_event(event)
        transport.send_event(InputAudioBufferCleared(event_id="event_theirs"))
        transport.send_event(InputAudioBufferDtmfEventReceived(event="1", received_at=5))
        assert event.event_id == "", "somebody else's event is not changed"

        ours, theirs, dtmf = wire.heard()
        assert ours == {"type": "input_audio_buffer.cleared", "event_id": "event_t00000001"}
        assert theirs["event_id"] == "event_theirs"
        assert "event_id" not in dtmf

    assert client(scene)[2].events == [ResponseCancel(response_id="resp_1")]


@pytest.mark.parametrize(
    ("said", "code", "param", "event_id"),
    [
        ("{", "invalid_json", None, None),
        ('{"event_id":"e1"}', "invalid_event", "type", "e1"),
        ('{"type":"session.destroy","event_id":"e2"}', "invalid_value", "type", "e2"),
        ('{"type":"input_audio_buffer.append","event_id":"e3","audio":"????"}', None, "audio", "e3"),
        ('{"type":"input_audio_buffer.append","audio":"QUJ"}', None, "audio", None),
        (b"\x00\x01", "invalid_event", None, None),
    ],
)
def test_nonsense_is_answered_with_an_error_and_the_session_lives(
    said: str | bytes, code: str | None, param: str | None, event_id: str | None
) -> None:
    async def scene(transport: RealtimeTransport, wire: Wire, ears: Ears) -> None:
        if isinstance(said, bytes):
            wire.says_binary(said)
        else:
            wire.says(said)
        (answer,) = wire.heard()
        assert answer["type"] == "error"
        assert answer["event_id"]
        error = answer["error"]
        assert error["type"] == "invalid_request_error"
        assert (error["param"], error["event_id"]) == (param, event_id)
        assert code in (None, error["code"])
        wire.says(append(b"\1\0"))
        assert ears.sound == b"\1\0", "never deaf"

    assert client(scene)[0].refusals == 1


# The end


def test_a_client_that_only_talks_nonsense_is_let_go() -> None:
    async def scene(transport: RealtimeTransport, wire: Wire, ears: Ears) -> None:
        for _ in range(4):
            wire.says("nonsense")
        wire.says(append(b"\1\0"))  # forgives
        for _ in range(5):
            wire.says("nonsense")
        wire.says(append(b"\1\0"))
        await asyncio.sleep(0)

    transport, wire, ears = client(scene, patience=5)
    assert wire.closed == (1008, "too many invalid events in a row")
    assert ears.goodbyes == ["too many invalid events in a row"]
    assert len(ears.frames) == 1
    assert transport.refusals == 9


@pytest.mark.parametrize(
    ("code", "reason", "told"),
    [
        (1000, "", "the far end hung up"),
        (1001, "tab closed", "tab closed"),
        (1006, "", "the connection was lost"),
        (1009, "", "the far end sent a message that is too big"),
        (1013, "", "the far end does not read what it is sent"),
        (4000, "", "closed with 4000"),
    ],
)
def test_the_session_is_told_why_a_client_went(code: int, reason: str, told: str) -> None:
    async def scene(transport: RealtimeTransport, wire: Wire, ears: Ears) -> None:
        wire.peer_closes(code, reason)
        transport.play("resp_1", "item_1", 0, 0, AudioFrame(PCM_24K, b"\1\0"))
        transport.send_event(InputAudioBufferCleared())
        assert wire.sent == []

    assert client(scene)[2].goodbyes == [told]


@pytest.mark.parametrize(("code", "reason"), [(1000, "bye"), (1001, "going away"), (1011, "internal"), (1013, "busy")])
def test_closing_says_the_code_once(code: int, reason: str) -> None:
    async def scene(transport: RealtimeTransport, wire: Wire, ears: Ears) -> None:
        await asyncio.gather(transport.close(code, reason), transport.close(1000, "later"))

    _, wire, ears = client(scene)
    assert wire.closed == (code, reason)
    assert len(ears.goodbyes) == 1


def test_a_client_that_left_before_is_a_peer_gone_and_a_transport_opens_once() -> None:
    async def run() -> None:
        with pytest.raises(PeerGone):
            await RealtimeTransport(Wire(gone=True)).open(Ears())
        transport = RealtimeTransport(Wire())
        await transport.open(Ears())
        with pytest.raises(Misuse):
            await transport.open(Ears())

    asyncio.run(run())


def test_nothing_is_dropped_for_a_client_that_does_not_read_it_is_closed() -> None:
    """Over a real socket: every delta is written, in order, until the queue is full; then it is over, once."""

    async def run() -> tuple[list[bytes], Ears, int]:
        transports: list[RealtimeTransport] = []
        ears = Ears()

        async def realtime(pending: PendingSocket) -> None:
            transports.append(RealtimeTransport(pending, id_prefix=""))
            await transports[0].open(ears)

        limits = SocketLimits(max_pending_bytes=256 * 1024, close_timeout_s=1)
        async with doorway(limits, handlers={"/realtime": realtime}) as door:
            peer = await RawPeer.open(door.port, "/realtime")
            frame, sent = AudioFrame(PCM_24K, bytes(48_000)), 0
            while not ears.over.is_set():
                assert sent < 2000, "the queue has an end"
                transports[0].play("resp_1", "item_1", 0, 0, frame)
                sent += 1
                await asyncio.sleep(0)
            arrived = await peer.reader.read()
            await transports[0].close()
            peer.writer.close()
            return re.findall(rb'"event_id":"event_([0-9a-f]{8})"', arrived), ears, sent

    ids, ears, sent = asyncio.run(run())
    assert ears.goodbyes == ["too much is waiting to be sent"]
    assert [int(number, 16) for number in ids] == list(range(1, len(ids) + 1))
    assert 0 < len(ids) <= sent


def mutants(seed: int, count: int) -> list[bytes]:
    dice = random.Random(seed)
    good = [
        append(b"\1\0\2\0").encode(),
        append(b"\1\0", event_id="e1").encode(),
        update(PCMU_8K, "e2").encode(),
        b'{"type":"conversation.item.truncate","item_id":"i","content_index":0,"audio_end_ms":20}',
        b'{"type":"conversation.item.create","item":{"type":"message","role":"user","content":'
        b'[{"type":"input_text","text":"hi"}]}}',
        b'{"type":"response.create","response":{"conversation":"none","metadata":{"a":"b"}}}',
    ]
    out = [b"[" * 50_000, b'{"type":' * 20_000, b"{" + b'"a":1,' * 10_000, b'{"type":"x","n":' + b"9" * 5_000 + b"}"]
    while len(out) < count:
        message = bytearray(dice.choice(good))
        for _ in range(dice.randint(1, 6)):
            at = dice.randrange(len(message) + 1)
            message[at : at + dice.randint(0, 8)] = dice.choice(
                [b"", b'"', b"}", b"\\", b"null", b"\x00", b"-1", b"[["]
            )
        out.append(bytes(message))
    return out


def test_ten_thousand_malformed_messages_neither_raise_nor_leak_nor_deafen() -> None:
    async def scene(transport: RealtimeTransport, wire: Wire, ears: Ears) -> None:
        broken = mutants(seed=2, count=5_000)

        def storm() -> None:
            for number, message in enumerate(broken):
                (wire.says if number % 9 else wire.says_binary)(message)
                assert all(b'"type":"error"' in answer for answer in wire.sent)
                wire.sent.clear()
            ears.frames.clear()
            ears.events.clear()

        storm()
        gc.collect()
        tracemalloc.start()
        storm()
        gc.collect()
        grown_bytes = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert grown_bytes < 50_000
        wire.says('{"type":"input_audio_buffer.clear"}')
        wire.says(append(b"\1\0"))
        assert ears.sound == b"\1\0"

    assert client(scene, patience=100_000)[0].refusals > 5_000
