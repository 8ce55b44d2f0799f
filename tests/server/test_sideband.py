"""A backend's socket beside a call, and the call it is beside, without a service around them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.net.conftest import until
from tests.transports.people import Ears
from voice.config import OverrideSettings
from voice.errors import PeerGone
from voice.net.memory import MemorySocket
from voice.protocol import codec
from voice.protocol.server_events import ErrorDetail, ErrorEvent, InputAudioBufferCleared, SessionCreated
from voice.protocol.settings import Session
from voice.server.overrides import Overrides
from voice.server.shared import SharedTransport
from voice.server.sideband import Sideband
from voice.transports.memory import MemoryTransport

FREE = Overrides(OverrideSettings(), trusted=True)


class Backend:
    """The far end of a sideband, and the request that opened it."""

    def __init__(self) -> None:
        self.path = "/v1/realtime"
        self.query: Mapping[str, str] = {"call_id": "rtc_1"}
        self.headers: Mapping[str, str] = {}
        self.client = "127.0.0.1:1"
        self.subprotocols: Sequence[str] = ("realtime",)
        self.heard: list[Any] = []
        self.closed: tuple[int, str] | None = None
        self.socket: MemorySocket
        self.subprotocol: str | None = None

    def accept(
        self, listener: Any, *, subprotocol: str | None = None, max_message_bytes: int | None = None
    ) -> MemorySocket:
        self.subprotocol = subprotocol
        theirs, self.socket = MemorySocket.pair(listener, self)
        return theirs

    def reject(self, status: int, body: bytes = b"", headers: Any = None) -> None:
        raise AssertionError("it was opened")

    def receive_text(self, data: bytes) -> None:
        self.heard.append(json.loads(data))

    def receive_binary(self, data: bytes) -> None:
        raise AssertionError("events are text")

    def socket_closed(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

    def say(self, **event: Any) -> None:
        self.socket.send_text(json.dumps(event).encode())


class Scene:
    def __init__(self, overrides: Overrides = FREE) -> None:
        self.ears = Ears()
        self.inner = MemoryTransport(realtime=True)
        self.call = SharedTransport(self.inner, overrides)

    async def open(self) -> None:
        await self.call.open(self.ears)

    def attend(self) -> Backend:
        backend = Backend()
        Sideband(self.call, FREE).open(backend)
        return backend


def test_who_comes_late_is_told_how_things_are() -> None:
    async def scene() -> None:
        it = Scene()
        await it.open()
        it.call.send_event(SessionCreated(session=Session(instructions="Sing.")))
        backend = it.attend()
        assert backend.subprotocol == "realtime"
        await until(lambda: bool(backend.heard))
        assert backend.heard[0]["type"] == "session.created"
        assert backend.heard[0]["session"]["instructions"] == "Sing."
        assert backend.heard[0]["event_id"]

    asyncio.run(scene())


def test_an_error_goes_to_whoever_caused_it() -> None:
    async def scene() -> None:
        it = Scene()
        await it.open()
        one, other = it.attend(), it.attend()
        one.say(type="response.cancel", event_id="mine")
        await until(lambda: bool(it.ears.events))
        for event_id in ("mine", "of the client", "mine"):
            detail = ErrorDetail(type="invalid_request_error", code="x", message="no", event_id=event_id)
            it.call.send_event(ErrorEvent(error=detail))
        await until(lambda: len(one.heard) == 3)
        assert [event["error"]["event_id"] for event in one.heard] == ["mine", "of the client", "mine"]
        assert [event["error"]["event_id"] for event in other.heard] == ["of the client", "mine"]
        assert len(it.inner.events) == 2, "an id is an attendant's once"

    asyncio.run(scene())


def test_an_item_goes_back_to_whoever_wanted_it() -> None:
    def retrieved(item_id: str) -> Any:
        said = {"type": "message", "id": item_id, "role": "user", "content": []}
        raw = {"type": "conversation.item.retrieved", "event_id": "x", "item": said}
        return codec.decode_server_event(json.dumps(raw))

    async def scene() -> None:
        it = Scene()
        await it.open()
        one, other = it.attend(), it.attend()
        assert it.inner._listener is not None
        for backend, event_id in [(one, "e1"), (other, "e2"), (one, "e3")]:
            backend.say(type="conversation.item.retrieve", item_id="a", event_id=event_id)
            await until(lambda: event_id in [event.event_id for event in it.ears.events])  # noqa: B023
        mine = b'{"type":"conversation.item.retrieve","event_id":"e4","item_id":"a"}'
        it.inner._listener.client_said(codec.decode_client_event(mine))
        detail = ErrorDetail(type="invalid_request_error", code="item_not_found", message="no", event_id="e3")
        it.call.send_event(ErrorEvent(error=detail))
        for _ in range(3):
            it.call.send_event(retrieved("a"))
        await until(lambda: len(one.heard) == 2 and len(other.heard) == 1)
        assert [event["type"] for event in one.heard] == ["error", "conversation.item.retrieved"]
        assert [event.type for event in it.inner.events] == ["conversation.item.retrieved"]

    asyncio.run(scene())


def test_nonsense_is_answered_and_in_the_end_hung_up_on_and_the_call_goes_on() -> None:
    async def scene() -> None:
        it = Scene()
        await it.open()
        backend = it.attend()
        for _ in range(999):
            backend.socket.send_text(b"{")
        backend.socket.send_binary(b"\0")
        await until(lambda: backend.closed is not None)
        assert backend.closed == (1008, "too many invalid events in a row")
        assert {event["error"]["code"] for event in backend.heard} == {"invalid_json", "invalid_event"}
        assert it.call.attendants == 0
        it.call.send_event(InputAudioBufferCleared())
        assert [event.type for event in it.inner.events] == ["input_audio_buffer.cleared"]
        assert it.inner.closed is None

    asyncio.run(scene())


def test_before_the_call_is_connected_nothing_can_be_said() -> None:
    async def scene() -> None:
        it = Scene()
        backend = it.attend()
        backend.say(type="response.create", event_id="e")
        await until(lambda: bool(backend.heard))
        assert backend.heard[0]["error"]["code"] == "call_not_connected"
        assert backend.heard[0]["error"]["event_id"] == "e"

    asyncio.run(scene())


def test_the_end_of_the_call_is_the_end_of_its_sidebands() -> None:
    async def scene() -> None:
        it = Scene()
        await it.open()
        backend = it.attend()
        it.call.hang_up("ended by request")
        it.call.hang_up("twice")
        assert it.ears.goodbyes == ["ended by request"]
        backend.say(type="response.create")
        await until(lambda: bool(backend.heard))
        assert backend.heard[0]["error"]["code"] == "call_not_connected"
        await it.call.close()
        await until(lambda: backend.closed is not None)
        assert backend.closed == (1000, "the call is over")

    asyncio.run(scene())


def test_a_call_that_was_ended_before_it_began_does_not_begin() -> None:
    async def scene() -> None:
        it = Scene()
        await it.call.close()
        try:
            await it.open()
        except PeerGone:
            return
        raise AssertionError("it began")

    asyncio.run(scene())


def test_sound_goes_straight_through() -> None:
    async def scene() -> None:
        it = Scene()
        await it.open()
        assert it.call.play == it.inner.play
        assert it.call.traits is it.inner.traits
        assert it.inner._listener is not None
        assert it.inner._listener.receive_frame == it.ears.receive_frame

    asyncio.run(scene())


def test_a_refusal_of_settings_comes_behind_their_answer() -> None:
    async def scene() -> None:
        it = Scene(Overrides(OverrideSettings(instructions="nobody"), trusted=True))
        await it.open()
        assert it.inner._listener is not None
        wish = b'{"type":"session.update","event_id":"e","session":{"type":"realtime","instructions":"x"}}'
        it.inner._listener.client_said(codec.decode_client_event(wish))
        assert it.inner.events == []
        answer = codec.decode_server_event(b'{"type":"session.updated","event_id":"a","session":{"type":"realtime"}}')
        it.call.send_event(answer)
        assert [event.type for event in it.inner.events] == ["session.updated", "error"]

    asyncio.run(scene())
