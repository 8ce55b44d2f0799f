"""What a request carries: never more than it may, never slower than it may."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import ClientDisconnect, Request

from voice.errors import RequestRefused

PATIENCE_S = 10.0


async def read(request: Request, most_bytes: int) -> bytes:
    """The whole body. Raises RequestRefused: 413 for one that is too big, 408 for one that does not come."""
    told = request.headers.get("content-length", "")
    if told.isdigit() and int(told) > most_bytes:
        raise _too_big(most_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE_S):
            async for part in request.stream():
                body += part
                if len(body) > most_bytes:
                    raise _too_big(most_bytes)
    except TimeoutError as error:
        raise RequestRefused(408, "request_timeout", "The body of the request did not come in time.") from error
    except ClientDisconnect as error:
        raise RequestRefused(400, "client_disconnected", "The client left in the middle of its request.") from error
    return bytes(body)


def json_object(body: bytes, param: str | None = None) -> dict[str, Any]:
    """The JSON object that this is. Raises RequestRefused (400)."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestRefused(400, "invalid_json", "The body is not JSON.", param=param) from error
    if not isinstance(value, dict):
        raise RequestRefused(400, "invalid_json", "The body is not a JSON object.", param=param)
    return value


def parts_of(body: bytes, content_type: str) -> Mapping[str, bytes]:
    """The named parts of multipart/form-data (RFC 7578). Raises RequestRefused (400)."""
    marker = b"\r\n--" + _boundary(content_type).encode("latin-1")
    pieces = (b"\r\n" + body).split(marker)
    if len(pieces) < 2 or not pieces[-1].startswith(b"--"):
        raise _not_multipart("it does not end as it should")
    parts: dict[str, bytes] = {}
    for piece in pieces[1:-1]:
        head, found, content = piece.partition(b"\r\n\r\n")
        if not found:
            raise _not_multipart("a part has no headers")
        name = _name_in(head.decode("latin-1"))
        if name in parts:
            raise _not_multipart(f"there are two parts named {name!r}")
        parts[name] = content
    return parts


def media_type(content_type: str) -> str:
    """`text/plain` of `Text/Plain; charset=utf-8`."""
    return content_type.partition(";")[0].strip().lower()


def _boundary(content_type: str) -> str:
    boundary = _parameter(content_type, "boundary")
    if not 1 <= len(boundary) <= 70:
        raise _not_multipart("its boundary is missing or too long")
    return boundary


def _name_in(head: str) -> str:
    for line in head.split("\r\n"):
        field, _, value = line.partition(":")
        if field.strip().lower() == "content-disposition":
            return _parameter(value, "name")
    return ""


def _parameter(header: str, wanted: str) -> str:
    for piece in header.split(";")[1:]:
        name, _, value = piece.partition("=")
        if name.strip().lower() == wanted:
            return value.strip().strip('"')
    return ""


def _too_big(most_bytes: int) -> RequestRefused:
    return RequestRefused(413, "request_too_large", f"The body is larger than the {most_bytes} bytes allowed.")


def _not_multipart(why: str) -> RequestRefused:
    return RequestRefused(400, "invalid_multipart", f"The body is not multipart/form-data: {why}.")
