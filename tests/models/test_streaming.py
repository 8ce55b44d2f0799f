"""One streamed request: what goes wrong, what is tried again, and what a person is told."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.models.fake_responses_server import Answer, events, fake_server, refusal
from voice.errors import ConfigError, EngineError, EngineFailed, EngineRefused, EngineUnreachable
from voice.models.streaming import Limits, ModelServer

QUICK = Limits(connect_s=1, first_byte_s=0.2, between_s=0.2, retries=2)


class Naps:
    """Remembers how long it was told to sleep, and does not."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def served(*answers: Answer, api_key: str = "key") -> tuple[list[dict[str, object]], int, list[float]]:
    """The objects that arrive, how many requests it took, and the waits between them."""
    naps = Naps()

    async def scene() -> tuple[list[dict[str, object]], int]:
        async with fake_server(*answers) as fake:
            server = ModelServer(fake.url, api_key, limits=QUICK, sleep=naps, jitter=lambda: 0.5)
            try:
                got: list[dict[str, object]] = [one async for one in server.stream("/x", {"a": 1}, model="m")]
            finally:
                await server.close()
            return got, len(fake.requests)

    return *asyncio.run(scene()), naps.seconds


def raised(*answers: Answer, api_key: str = "key") -> EngineError:
    with pytest.raises(EngineError) as caught:
        served(*answers, api_key=api_key)
    return caught.value


def test_objects_arrive_up_to_done() -> None:
    got, count, _ = served(Answer([b'data: {"a"', b': 1}\n\ndata: {"b": 2}\n\ndata: [DONE]\n\ndata: {"c": 3}\n\n']))
    assert got == [{"a": 1}, {"b": 2}]
    assert count == 1


def test_the_key_goes_in_the_header() -> None:
    async def scene() -> None:
        async with fake_server(events({"a": 1})) as fake:
            server = ModelServer(fake.url + "/", "sesame")
            _ = [one async for one in server.stream("/x", {"q": "ü"}, model="m")]
            await server.close()
            assert fake.requests[0].headers["authorization"] == "Bearer sesame"
            assert fake.requests[0].path == "/v1/x"
            assert fake.requests[0].body == {"q": "ü"}

    asyncio.run(scene())


@pytest.mark.parametrize("status", [429, 500, 502, 503, 529])
def test_a_server_in_trouble_is_asked_again(status: int) -> None:
    got, count, waits = served(refusal(status), refusal(status), events({"a": 1}))
    assert (got, count) == ([{"a": 1}], 3)
    assert waits == [0.25, 0.5]


def test_it_waits_as_long_as_it_is_asked_to_but_not_for_ever() -> None:
    _, _, waits = served(
        refusal(429, headers={"retry-after": "2"}), refusal(429, headers={"retry-after": "999"}), events({"a": 1})
    )
    assert waits == [2, 5]


def test_a_dropped_connection_is_tried_again() -> None:
    got, count, _ = served(Answer(drop=True), events({"a": 1}))
    assert (got, count) == ([{"a": 1}], 2)


@pytest.mark.parametrize(
    ("status", "code", "kind", "said"),
    [
        (401, "invalid_api_key", EngineRefused, "refused the key"),
        (403, "", EngineRefused, "refused the key"),
        (404, "model_not_found", EngineRefused, "has no model 'm'"),
        (400, "context_length_exceeded", EngineRefused, "refused the request"),
        (429, "insufficient_quota", EngineRefused, "quota"),
    ],
)
def test_a_no_is_not_asked_again(status: int, code: str, kind: type[EngineError], said: str) -> None:
    error = raised(refusal(status, code))
    assert type(error) is kind
    assert said in error.message
    assert error.fix
    assert "private words" not in error.log + error.person


def test_without_a_key_the_missing_key_is_named() -> None:
    assert "none is set" in raised(refusal(401), api_key="").message


@pytest.mark.parametrize(
    "body", [b"[1,2]", b"nonsense", b'{"error": "text"}', b'{"error": {"code": 5}}', b"x" * 200_000]
)
def test_any_error_body_is_survived(body: bytes) -> None:
    assert isinstance(raised(Answer([body], status=418, content_type="application/json")), EngineRefused)


def test_trouble_to_the_end_is_failure() -> None:
    assert isinstance(raised(refusal(500), refusal(500), refusal(500)), EngineFailed)
    assert "too many requests" in raised(refusal(429), refusal(429), refusal(429)).message


def test_nobody_there() -> None:
    async def scene() -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = ModelServer(f"http://127.0.0.1:{port}/v1", limits=QUICK, sleep=Naps())
        with pytest.raises(EngineUnreachable) as caught:
            _ = [one async for one in server.stream("/x", {}, model="m")]
        assert f"127.0.0.1:{port}" in caught.value.person
        await server.close()

    asyncio.run(scene())


def test_a_page_instead_of_a_stream() -> None:
    error = raised(Answer([b"<html>"], content_type="text/html; charset=utf-8"))
    assert isinstance(error, EngineFailed)
    assert "text/html" in error.message
    assert "/v1" in error.fix


@pytest.mark.parametrize(
    "broken",
    [
        Answer([b'data: {"a": 1}\n\n'], hang=True),
        Answer([b'data: {"a": 1}\n\n'], cut=True),
        Answer([b"data: {oops\n\n"]),
        Answer([b"data: [1]\n\n"]),
    ],
    ids=["silent", "cut", "not JSON", "not an object"],
)
def test_what_breaks_after_the_first_byte_is_not_asked_again(broken: Answer) -> None:
    assert isinstance(raised(broken), EngineFailed)


def test_leaving_closes_the_stream_at_the_server() -> None:
    async def scene() -> None:
        async with fake_server(Answer([b'data: {"a": 1}\n\n'], hang=True)) as fake:
            server = ModelServer(fake.url)
            stream = server.stream("/x", {}, model="m")
            assert await anext(stream) == {"a": 1}
            await stream.aclose()
            await asyncio.wait_for(fake.gone.wait(), 2)
            await server.close()

    asyncio.run(scene())


def test_cancelling_closes_the_stream_at_the_server() -> None:
    async def scene() -> None:
        async with fake_server(Answer([b'data: {"a": 1}\n\n'], hang=True)) as fake:
            server = ModelServer(fake.url)
            first = asyncio.Event()

            async def listen() -> None:
                async for _ in server.stream("/x", {}, model="m"):
                    first.set()

            task = asyncio.create_task(listen())
            await first.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(fake.gone.wait(), 2)
            await server.close()

    asyncio.run(scene())


@pytest.mark.parametrize("url", ["", "localhost:11434", "ftp://x/v1", "http://"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ConfigError):
        ModelServer(url)
