"""Server-sent events out of bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.errors import EngineFailed
from voice.models.sse import EVENT_LIMIT_CHARS, ServerSentEvent, SseParser


def parse(*chunks: bytes) -> list[ServerSentEvent]:
    parser = SseParser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


CASES = {
    b"data: one\n\n": ["one"],
    b"data:one\n\n": ["one"],
    b"data:  one\n\n": [" one"],
    b"data: one\r\n\r\ndata: two\r\n\r\n": ["one", "two"],
    b"data: one\rdata: two\r\r\n": ["one\ntwo"],
    b"data: one\ndata: two\n\n": ["one\ntwo"],
    b": a comment\ndata: one\nid: 7\nretry: 10\n\n": ["one"],
    b"data\n\n": [""],
    b"event: only\n\n": [],
    b"\xef\xbb\xbfdata: one\n\n": ["one"],
    b"data: cut off": [],
    "data: a\u2028b\x0bc\x85d\n\n".encode(): ["a\u2028b\x0bc\x85d"],
}


@pytest.mark.parametrize(("sent", "data"), CASES.items())
def test_lines_and_fields(sent: bytes, data: list[str]) -> None:
    assert [event.data for event in parse(sent)] == data


@pytest.mark.parametrize(("sent", "data"), CASES.items())
def test_one_byte_at_a_time_is_the_same(sent: bytes, data: list[str]) -> None:
    assert [event.data for event in parse(*(bytes([byte]) for byte in sent))] == data


def test_the_name_of_an_event() -> None:
    assert parse(b"event: ping\ndata: 1\n\ndata: 2\n\n") == [ServerSentEvent("1", "ping"), ServerSentEvent("2", "")]


def test_an_event_without_end_is_refused() -> None:
    with pytest.raises(EngineFailed):
        parse(b"data: " + b"x" * (EVENT_LIMIT_CHARS + 10))
    with pytest.raises(EngineFailed):
        parse(*[b"data: " + b"x" * 1_000_000 + b"\n"] * 9)


@given(st.binary(max_size=300), st.integers(1, 40))
def test_any_bytes_in_any_pieces_give_the_same_events(sent: bytes, size: int) -> None:
    pieces = [sent[at : at + size] for at in range(0, len(sent), size)]
    assert parse(*pieces) == parse(sent)
