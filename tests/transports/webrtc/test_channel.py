"""The data channel: who may say what, and what happens when nobody listens."""

from __future__ import annotations

import json
from typing import Any

from tests.transports.webrtc.calls import server_event
from voice.protocol.client_events import ClientEvent, ResponseCancel
from voice.protocol.codec import Unknown
from voice.transports.webrtc.allowed import from_clients, from_servers
from voice.transports.webrtc.channel import EventChannel


class Pipe:
    """A data channel whose other end is the test."""

    def __init__(self, label: str = "oai-events", *, most_bytes: int = 65_536) -> None:
        self.label = label
        self.readyState = "open"
        self.bufferedAmount = 0
        self.sent: list[dict[str, Any]] = []
        self.closed = False
        self._most_bytes = most_bytes
        self._listeners: dict[str, Any] = {}

    def on(self, name: str, listener: Any) -> None:
        self._listeners[name] = listener

    def send(self, text: str) -> None:
        if len(text) > self._most_bytes:
            raise ValueError("too large")
        self.sent.append(json.loads(text))

    def close(self) -> None:
        self.closed = True

    def remove_all_listeners(self) -> None:
        self._listeners.clear()

    def says(self, message: str | bytes) -> None:
        self._listeners["message"](message)

    def ends(self) -> None:
        self._listeners["close"]()


class Ends:
    """A channel of ours and all that came of it."""

    def __init__(self, pipe: Pipe | None = None, **options: Any) -> None:
        self.pipe = pipe or Pipe()
        self.said: list[ClientEvent] = []
        self.failures: list[str] = []
        self.channel = EventChannel(self.said.append, self.failures.append, **options)
        if pipe is None or pipe.label == "oai-events":
            self.channel.open(self.pipe)

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.pipe.sent]


CREATED = server_event("session.created", session={"type": "realtime"})


def test_the_lists_name_everything_but_sound() -> None:
    assert "input_audio_buffer.append" not in from_clients()
    assert {"session.update", "response.create", "output_audio_buffer.clear"} <= from_clients()
    assert "response.output_audio.delta" not in from_servers()
    assert {"session.created", "response.output_audio_transcript.delta", "error"} <= from_servers()


def test_another_label_and_a_second_channel_are_closed() -> None:
    ends = Ends()
    for pipe in (Pipe("chat"), Pipe()):
        ends.channel.open(pipe)
        assert pipe.closed
    assert not ends.pipe.closed


def test_every_event_has_an_id_of_its_own() -> None:
    ends = Ends()
    for _ in range(3):
        ends.channel.send(CREATED)
    ids = {event["event_id"] for event in ends.pipe.sent}
    assert len(ids) == 3
    assert "" not in ids


def test_an_event_of_ours_passes_and_an_unknown_one_does_not() -> None:
    ends = Ends()
    ends.channel.send(Unknown("voice.floor", {"type": "voice.floor", "event_id": "v", "state": "duck"}, "ours"))
    ends.channel.send(Unknown("rate.limit", {"type": "rate.limit"}, "unknown"))
    assert ends.types == ["voice.floor"]
    assert ends.channel.withheld == 1


def test_an_event_that_the_client_cannot_take_becomes_an_error() -> None:
    ends = Ends(Pipe(most_bytes=2_000))
    ends.channel.send(server_event("session.created", session={"type": "realtime", "instructions": "x" * 5_000}))
    ends.channel.send(CREATED)
    assert ends.types == ["error", "session.created"]
    assert ends.pipe.sent[0]["error"]["code"] == "event_too_large"


def test_a_client_that_does_not_read_loses_the_call() -> None:
    ends = Ends()
    ends.pipe.bufferedAmount = 5 * 1024 * 1024
    ends.channel.send(CREATED)
    ends.channel.send(CREATED)
    assert ends.failures == ["the client does not read what it is sent"]
    assert ends.pipe.sent == []


def test_a_client_that_opens_no_channel_loses_the_call_in_the_end() -> None:
    ends = Ends(Pipe("later"))
    for _ in range(2_001):
        ends.channel.send(CREATED)
    assert ends.failures == ["the client opened no data channel"]


def test_nonsense_is_answered_and_too_much_of_it_ends_the_call() -> None:
    ends = Ends(patience=3)
    ends.pipe.says("{")
    ends.pipe.says("[]")
    ends.pipe.says(json.dumps({"type": "response.cancel"}))
    for _ in range(3):
        ends.pipe.says("{")
    assert [type(event) for event in ends.said] == [ResponseCancel]
    assert ends.types == ["error"] * 5
    assert ends.failures == ["too many invalid events in a row"]
    ends.pipe.says(json.dumps({"type": "response.cancel"}))
    assert len(ends.said) == 1


def test_a_message_that_is_too_large_is_not_even_read() -> None:
    ends = Ends()
    ends.pipe.says(json.dumps({"type": "response.cancel", "event_id": "x" * 300_000}))
    assert ends.pipe.sent[0]["error"]["code"] == "event_too_large"


def test_a_client_that_closes_the_channel_hangs_up() -> None:
    ends = Ends()
    ends.pipe.ends()
    assert ends.failures == ["the client closed the data channel"]


def test_after_our_own_close_nothing_is_said_or_heard() -> None:
    ends = Ends()
    ends.channel.close()
    ends.channel.send(CREATED)
    assert ends.pipe.sent == []
    assert ends.failures == []
