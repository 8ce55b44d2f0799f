"""Calls whose answer the model may not have read: the same call again is no new wish but an echo of the first.

A model that was told a call and not its answer, because the answer was refused or died with a connection, makes the
call once more. Its effect has been had already. So an answer stays here until the engine says that it has it, and a
call that still runs is unread by its nature. Two equal calls in one response are two wishes: nobody was unsure there.
"""

from __future__ import annotations

from collections.abc import Iterable

from voice.protocol.items import FunctionCallOutput, Item
from voice.session.calls import ToolCall

REMEMBERED = 64


class Echoes:
    """Answered calls whose answers are unread, by the id of the call."""

    def __init__(self) -> None:
        self._unread: dict[str, ToolCall] = {}

    def answered(self, call: ToolCall) -> None:
        """The call ran, and its answer goes out."""
        self._unread[call.call_id] = call
        while len(self._unread) > REMEMBERED:
            del self._unread[next(iter(self._unread))]

    def read(self, item: Item) -> None:
        """The engine has this item."""
        if isinstance(item, FunctionCallOutput):
            self._unread.pop(item.call_id, None)

    def all_read(self) -> None:
        """The person has gone on to something else: what is wished now is wished anew."""
        self._unread.clear()

    def original(self, call: ToolCall, running: Iterable[ToolCall]) -> ToolCall | None:
        """The call of which this one is an echo, if it is one."""
        for other in (*running, *self._unread.values()):
            same = other.name == call.name and other.arguments == call.arguments
            if same and other.call_id != call.call_id and other.response_id != call.response_id:
                return other
        return None
