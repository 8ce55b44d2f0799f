"""Server-sent events (WHATWG HTML, section 9.2.6): bytes in, events out.

Lines end with CR, LF or CRLF and with nothing else: the separators that `str.splitlines` adds occur inside JSON text.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

from voice.errors import EngineFailed

EVENT_LIMIT_CHARS = 8_000_000
LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event: `data` without its last line break, `event` empty when the server named none."""

    data: str
    event: str = ""


class SseParser:
    """Cuts a stream of bytes, in pieces of any size, into events. `id` and `retry` are not kept."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        self._rest = ""
        self._data: list[str] = []
        self._event = ""
        self._size = 0
        self._first = True

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """Events that this chunk completes. Raises EngineFailed for one larger than eight million characters."""
        text = self._rest + self._decode(chunk)
        if self._first and text:
            text, self._first = text.removeprefix("\ufeff"), False
        # A CR at the end may be the first half of a CRLF.
        held = text.endswith("\r")
        lines = LINE_END.split(text[:-1] if held else text)
        self._rest = lines.pop() + ("\r" if held else "")
        if len(self._rest) > EVENT_LIMIT_CHARS:
            raise EngineFailed("The model server sent a line without end.")
        for line in lines:
            if (event := self._line(line)) is not None:
                yield event

    def _line(self, line: str) -> ServerSentEvent | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._size += len(value)
            if self._size > EVENT_LIMIT_CHARS:
                raise EngineFailed("The model server sent an event without end.")
            self._data.append(value)
        elif name == "event":
            self._event = value
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        event = ServerSentEvent("\n".join(self._data), self._event) if self._data else None
        self._data, self._event, self._size = [], "", 0
        return event
