"""Twilio's dialect: the messages of its documentation, and the hot path against the slow one."""

from __future__ import annotations

import binascii
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voice.errors import ProtocolError
from voice.transports.telephony.dialect import (
    UNSUPPORTED_FORMAT,
    Connected,
    Digit,
    Ignored,
    Marked,
    Media,
    Started,
    Stopped,
    StreamCodec,
)
from voice.transports.telephony.twilio import TwilioCodec

CODEC: StreamCodec = TwilioCodec()
SID = "MZ18ad3ab5a668481ce02b83e7395059f0"
START: dict[str, Any] = {
    "event": "start",
    "sequenceNumber": "1",
    "start": {
        "accountSid": "AC0123456789abcdef0123456789abcdef",
        "streamSid": SID,
        "callSid": "CA0123456789abcdef0123456789abcdef",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": "t-1", "count": 2},
    },
    "streamSid": SID,
}


def text(message: object) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


def media(payload: str, **changes: Any) -> dict[str, Any]:
    return {
        "event": "media",
        "sequenceNumber": "3",
        "media": {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": payload},
        "streamSid": SID,
    } | changes


def test_a_call_from_beginning_to_end() -> None:
    assert CODEC.decode(b'{"event":"connected","protocol":"Call","version":"1.0.0"}') == Connected("1.0.0")
    assert CODEC.decode(text(START)) == Started(
        1, SID, "CA0123456789abcdef0123456789abcdef", "AC0123456789abcdef0123456789abcdef", {"token": "t-1"}
    )
    assert CODEC.decode(text(media("/38="))) == Media(3, b"/38=")
    dtmf = {"event": "dtmf", "streamSid": SID, "sequenceNumber": "5", "dtmf": {"track": "inbound_track", "digit": "#"}}
    assert CODEC.decode(text(dtmf)) == Digit(5, "#")
    mark = {"event": "mark", "sequenceNumber": "4", "streamSid": SID, "mark": {"name": "0:20.0"}}
    assert CODEC.decode(text(mark)) == Marked(4, "0:20.0")
    stop = {"event": "stop", "sequenceNumber": "6", "streamSid": SID, "stop": {"accountSid": "AC", "callSid": "CA"}}
    assert CODEC.decode(text(stop)) == Stopped(6)


def test_what_is_said_to_the_carrier() -> None:
    head, tail = CODEC.media_envelope(SID)
    assert json.loads(head + b"/38=" + tail) == {"event": "media", "streamSid": SID, "media": {"payload": "/38="}}
    assert json.loads(CODEC.encode_mark(SID, "1:20.5")) == {
        "event": "mark",
        "streamSid": SID,
        "mark": {"name": "1:20.5"},
    }
    assert json.loads(CODEC.encode_clear(SID)) == {"event": "clear", "streamSid": SID}


def test_a_hostile_stream_id_stays_a_string() -> None:
    sid = 'x","event":"clear'
    head, tail = CODEC.media_envelope(sid)
    assert json.loads(head + tail) == {"event": "media", "streamSid": sid, "media": {"payload": ""}}


@pytest.mark.parametrize(
    ("message", "sequence"),
    [
        ({"event": "gather", "sequenceNumber": "9"}, 9),
        (media("/38=", media={"track": "outbound", "payload": "/38="}), 3),
        ({"event": "gather", "sequenceNumber": 9}, None),
    ],
)
def test_what_we_do_not_know_is_ignored(message: object, sequence: int | None) -> None:
    event = CODEC.decode(text(message))
    assert isinstance(event, Ignored)
    assert event.sequence == sequence


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"event":7}',
        b'{"event":"media"}',
        b'{"event":"media","media":{}}',
        b'{"event":"media","media":{"payload":"a"}}',
        '{"event":"media","media":{"payload":"é==="}}'.encode(),
        b'{"event":"start","start":[]}',
        b'{"event":"mark","mark":{"name":1}}',
        b'{"event":"dtmf","dtmf":{"digit":"12"}}',
        b'{"event":"dtmf","dtmf":{"digit":"E"}}',
        b"[" * 100_000,
        b'{"event":' + b"9" * 5000 + b"}",
        b"\xff\xfe{",
    ],
)
def test_nonsense_is_a_protocol_error(data: bytes) -> None:
    assert CODEC.media(data) is None
    with pytest.raises(ProtocolError):
        CODEC.decode(data)


@pytest.mark.parametrize("change", [{"encoding": "audio/x-l16"}, {"sampleRate": 16000}, {"channels": 2}])
def test_a_call_in_another_format_cannot_be_held(change: dict[str, Any]) -> None:
    start = dict(START["start"], mediaFormat=START["start"]["mediaFormat"] | change)
    with pytest.raises(ProtocolError) as refused:
        CODEC.decode(text(START | {"start": start}))
    assert refused.value.code == UNSUPPORTED_FORMAT


# The hot path says what the slow path says


@given(st.binary(min_size=1, max_size=400), st.integers(0, 10**17), st.integers(0, 10**9))
def test_sound_in_its_usual_shape_goes_the_hot_way(sound: bytes, sequence: int, chunk: int) -> None:
    payload = binascii.b2a_base64(sound, newline=False).decode()
    message = media(payload, sequenceNumber=str(sequence))
    message["media"] |= {"chunk": str(chunk), "timestamp": str(chunk * 20)}
    assert CODEC.media(text(message)) == (sequence, payload.encode())
    assert CODEC.decode(text(message)) == Media(sequence, payload.encode())


USUAL = text(media("/38="))


@given(st.data())
@example(None)
def test_a_message_of_nearly_the_usual_shape_means_the_same_on_both_ways(data: st.DataObject | None) -> None:
    """Mutate the usual message; whenever the hot path takes it, the slow path must agree."""
    message = bytearray(USUAL)
    if data is not None:
        for _ in range(data.draw(st.integers(1, 3))):
            at = data.draw(st.integers(0, len(message) - 1))
            change = data.draw(st.sampled_from([b"", b'"', b"=", b"0", b"9", b"\\", b"}", b"{", b"A", b" ", b"\xc3"]))
            message[at : at + data.draw(st.integers(0, 2))] = change
    sound = CODEC.media(bytes(message))
    if sound is not None:
        event = CODEC.decode(bytes(message))
        assert event == Media(*sound)


@pytest.mark.parametrize(
    "payload", ["", "A", "AB", "ABC", "ABCD=", "A===", "====", "AB=C", "AB\\u003d=", "AB C", "A\nBC", "AB-_"]
)
def test_what_is_not_base64_never_goes_the_hot_way(payload: str) -> None:
    assert CODEC.media(USUAL.replace(b"/38=", payload.encode())) is None
