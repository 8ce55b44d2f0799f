"""One thing that no client should send: its bytes on the wire, and what must be the answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.service.raw_socket import TEXT, frame


@dataclass(frozen=True, slots=True)
class Bad:
    """`errors`: how many `error` events must be the answer (None: it depends on what went before). `closes`: with which
    codes the service may hang up over it; then nothing that follows is read."""

    wire: bytes
    errors: int | None = 1
    closes: frozenset[int] = frozenset()


Maker = Callable[[Random], Bad]


def message(data: bytes | str | dict[str, Any] | list[Any], errors: int | None = 1) -> Bad:
    """A text message in one frame."""
    if isinstance(data, dict | list):
        data = json.dumps(data)
    return Bad(frame(TEXT, data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")), errors)
