"""One streamed request to a model server: retried until the first byte, then never again; closed when nobody listens.

Every way in which it can go wrong becomes one of three errors, each with what to do about it.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from voice.errors import ConfigError, EngineError, EngineFailed, EngineRefused, EngineUnreachable
from voice.models.sse import SseParser

if TYPE_CHECKING:
    import httpx

RETRIED_STATUSES = {408, 409, 429, 500, 502, 503, 504, 529}
QUOTA_CODES = {"insufficient_quota", "billing_hard_limit_reached"}
ERROR_BODY_LIMIT_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds to wait, and how often a request is repeated that has not been answered with a byte."""

    connect_s: float = 5.0
    first_byte_s: float = 30.0
    between_s: float = 60.0
    retries: int = 2
    backoff_s: float = 0.25
    longest_backoff_s: float = 5.0


class ModelServer:
    """An HTTP server that speaks one of the text-model APIs."""

    def __init__(
        self,
        url: str,
        api_key: str = "",
        *,
        limits: Limits | None = None,
        headers: Mapping[str, str] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`url` is the API's base address (`https://api.openai.com/v1`). Raises ConfigError for one that is none."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError(
                f"{url!r} is not the address of a model server.", fix="It looks like http://127.0.0.1:11434/v1."
            )
        self.url = url.rstrip("/")
        self.host = parts.netloc.rpartition("@")[2]
        self.limits = limits or Limits()
        self._headers = {"accept": "text/event-stream", **(headers or {})}
        if api_key:
            self._headers["authorization"] = f"Bearer {api_key}"
        self._has_key = bool(api_key)
        self._sleep, self._jitter = sleep, jitter
        self._client: httpx.AsyncClient | None = None

    async def stream(self, path: str, body: Mapping[str, Any], *, model: str) -> AsyncGenerator[dict[str, Any], None]:
        """The JSON objects of the answer's events, up to `[DONE]` or the end.

        Closing the iterator closes the HTTP stream. Raises EngineUnreachable, EngineRefused or EngineFailed.
        """
        import httpx

        opened, response = await self._open(path, body, model)
        parser = SseParser()
        try:
            chunks = response.aiter_bytes()
            while True:
                async with asyncio.timeout(self.limits.between_s):
                    chunk = await anext(chunks, None)
                if chunk is None:
                    return
                for event in parser.feed(chunk):
                    if event.data == "[DONE]":
                        return
                    yield _object(event.data)
        except TimeoutError as error:
            raise EngineFailed(f"The model server {self.host} stopped in the middle of its answer.") from error
        except httpx.HTTPError as error:
            raise EngineFailed(
                f"The connection to the model server {self.host} broke.", detail=type(error).__name__
            ) from error
        finally:
            await opened.__aexit__(None, None, None)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _open(
        self, path: str, body: Mapping[str, Any], model: str
    ) -> tuple[AbstractAsyncContextManager[httpx.Response], httpx.Response]:
        """An answer whose head says that a stream follows."""
        for attempt in range(self.limits.retries + 1):
            last = attempt == self.limits.retries
            opened = self._http().stream("POST", self.url + path, json=body, headers=self._headers)
            try:
                response = await self._enter(opened)
            except (EngineUnreachable, EngineFailed):
                if last:
                    raise
                await self._wait(attempt, None)
                continue
            try:
                problem = await self._problem(response, model)
            except BaseException:
                await opened.__aexit__(None, None, None)
                raise
            if problem is None:
                return opened, response
            await opened.__aexit__(None, None, None)
            if last or response.status_code not in RETRIED_STATUSES or _is_quota(problem):
                raise problem
            await self._wait(attempt, response.headers.get("retry-after"))
        raise AssertionError("the last attempt returns or raises")

    async def _enter(self, opened: AbstractAsyncContextManager[httpx.Response]) -> httpx.Response:
        import httpx

        try:
            async with asyncio.timeout(self.limits.first_byte_s):
                return await opened.__aenter__()
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise EngineUnreachable(
                f"Nothing answers at {self.host}.",
                fix="Start the model server there, or correct its address.",
                detail=type(error).__name__,
            ) from error
        except (TimeoutError, httpx.TimeoutException) as error:
            raise EngineFailed(
                f"The model server {self.host} did not answer within {self.limits.first_byte_s:g} seconds.",
                fix="It may still be loading the model; try again.",
            ) from error
        except httpx.HTTPError as error:
            raise EngineUnreachable(
                f"The model server {self.host} closed the connection.",
                fix="Check that the address is that of a model server.",
                detail=type(error).__name__,
            ) from error

    async def _problem(self, response: httpx.Response, model: str) -> EngineError | None:
        """What the head of an answer says is wrong."""
        status = response.status_code
        if status == 200:
            kind = response.headers.get("content-type", "").partition(";")[0]
            if kind == "text/event-stream":
                return None
            return EngineFailed(
                f"{self.host} answered with {kind or 'something unnamed'} where a stream was expected.",
                fix="Check that the address is that of an OpenAI-compatible API; it often ends in /v1.",
            )
        code, param = await _error_code(response)
        detail = f"status {status}" + (f", code {code}" if code else "") + (f", param {param}" if param else "")
        return self._refusal(status, code, model, detail)

    def _refusal(self, status: int, code: str, model: str, detail: str) -> EngineError:
        if status in {401, 403}:
            said = "refused the key" if self._has_key else "wants a key and none is set"
            return EngineRefused(
                f"The model server {self.host} {said}.", fix="Set the right key in the environment.", detail=detail
            )
        if status == 404:
            return EngineRefused(
                f"The model server {self.host} has no model {model!r}, or no such API.",
                fix="Correct the model's name (with Ollama: `ollama pull` it) or the address.",
                detail=detail,
            )
        if code in QUOTA_CODES:
            return EngineRefused(
                f"The quota at {self.host} is used up.", fix="Add credit, or use the embedded brain.", detail=detail
            )
        if status == 429:
            return EngineRefused(f"{self.host} gets too many requests.", fix="Try again in a moment.", detail=detail)
        if status >= 500:
            return EngineFailed(
                f"The model server {self.host} is in trouble.", fix="Try again in a moment.", detail=detail
            )
        return EngineRefused(
            f"The model server {self.host} refused the request.", fix="See the log for the parameter.", detail=detail
        )

    async def _wait(self, attempt: int, retry_after: str | None) -> None:
        """Backoff with jitter, or what the server asks for if that is not too long."""
        seconds = self.limits.backoff_s * 2**attempt * (0.5 + self._jitter())
        if retry_after is not None and retry_after.isascii() and retry_after.isdigit():
            seconds = max(seconds, float(retry_after))
        await self._sleep(min(seconds, self.limits.longest_backoff_s))

    def _http(self) -> httpx.AsyncClient:
        import httpx

        if self._client is None:
            timeout = httpx.Timeout(self.limits.connect_s, read=None)
            self._client = httpx.AsyncClient(timeout=timeout, follow_redirects=False)
        return self._client


def failure_in_stream(error: object) -> EngineError:
    """An `error` object that came instead of the rest of the answer."""
    code = str(error.get("code") or error.get("type") or "") if isinstance(error, dict) else ""
    if code in QUOTA_CODES:
        return EngineRefused(
            "The model server's quota is used up.", fix="Add credit, or use the embedded brain.", detail=code
        )
    if code == "rate_limit_exceeded":
        return EngineRefused("The model server gets too many requests.", fix="Try again in a moment.", detail=code)
    return EngineFailed("The model server broke off its answer with an error.", fix="Try again.", detail=code[:80])


def _is_quota(problem: EngineError) -> bool:
    return any(code in problem.detail for code in QUOTA_CODES)


def _object(data: str) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise EngineFailed("The model server sent an event that is not JSON.") from error
    if not isinstance(found, dict):
        raise EngineFailed("The model server sent an event that is not an object.")
    return found


async def _error_code(response: httpx.Response) -> tuple[str, str]:
    """The code and the parameter of an error body. Its message may quote what somebody said and is not kept."""
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > ERROR_BODY_LIMIT_BYTES:
            break
    try:
        error = json.loads(body).get("error")
    except (ValueError, AttributeError, RecursionError):
        return "", ""
    if not isinstance(error, dict):
        return "", ""
    return str(error.get("code") or error.get("type") or "")[:80], str(error.get("param") or "")[:80]
