"""What requests carry: whole, in time, and not too much."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from voice.errors import RequestRefused
from voice.server import bodies

TYPE = "multipart/form-data; boundary=xyz"


def body_of(**parts: str) -> bytes:
    pieces = [
        f'--xyz\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in parts.items()
    ]
    return ("".join(pieces) + "--xyz--\r\n").encode()


@given(st.dictionaries(st.sampled_from(["sdp", "session", "x"]), st.text(st.characters(codec="utf-8"), max_size=50)))
def test_parts_come_out_as_they_went_in(parts: dict[str, str]) -> None:
    if not parts or any("\r\n--xyz" in text for text in parts.values()):
        return
    assert bodies.parts_of(body_of(**parts), TYPE) == {name: text.encode() for name, text in parts.items()}


@pytest.mark.parametrize(
    "content_type",
    ['multipart/form-data; boundary="xyz"', "multipart/form-data;charset=utf-8;boundary=xyz", "x/y; Boundary=xyz"],
)
def test_a_boundary_is_found_however_it_is_written(content_type: str) -> None:
    assert bodies.parts_of(body_of(sdp="v=0"), content_type) == {"sdp": b"v=0"}


@given(st.binary(max_size=200))
def test_what_is_no_multipart_is_refused_and_never_breaks(data: bytes) -> None:
    with pytest.raises(RequestRefused):
        bodies.parts_of(data, TYPE)


@given(st.binary(max_size=200))
def test_what_is_no_json_object_is_refused_and_never_breaks(data: bytes) -> None:
    with suppress(RequestRefused):
        assert isinstance(bodies.json_object(data), dict)


def test_json_that_is_too_deep_is_refused() -> None:
    with pytest.raises(RequestRefused):
        bodies.json_object(b'{"a":' * 100_000)


def request(*parts: bytes, wait_s: float = 0.0, length: str = "") -> Request:
    queue = list(parts)

    async def receive() -> dict[str, object]:
        if not queue:
            await asyncio.sleep(wait_s)
        data = queue.pop(0) if queue else b""
        return {"type": "http.request", "body": data, "more_body": bool(queue) or bool(wait_s)}

    headers = [(b"content-length", length.encode())] if length else []
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)


def test_a_body_in_pieces_is_whole() -> None:
    assert asyncio.run(bodies.read(request(b"ab", b"c"), 3)) == b"abc"


@pytest.mark.parametrize("big", [request(b"ab", b"cd"), request(b"", length="4")])
def test_a_body_that_is_too_big_is_not_read_to_its_end(big: Request) -> None:
    with pytest.raises(RequestRefused) as refused:
        asyncio.run(bodies.read(big, 3))
    assert refused.value.status == 413


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    with patch.object(bodies, "PATIENCE_S", 0.01), pytest.raises(RequestRefused) as refused:
        asyncio.run(bodies.read(request(b"a", wait_s=5), 10))
    assert refused.value.status == 408
