"""Responses beside the conversation: a client asks for them (`conversation: "none"`), and nothing follows from them."""

from __future__ import annotations

from collections import deque

from voice.protocol.settings import Response


class Asides:
    """Those that were asked for and those being made."""

    def __init__(self) -> None:
        self._asked: deque[str] = deque()
        self._open: set[str] = set()

    def ask(self, event_id: str) -> None:
        """The engine is being asked for one."""
        self._asked.append(event_id)

    def refused(self, event_id: str) -> None:
        """It was not made, if it was one."""
        if event_id in self._asked:
            self._asked.remove(event_id)

    @property
    def awaited(self) -> bool:
        """Whether one that was asked for has not begun."""
        return bool(self._asked)

    def takes(self, response: Response) -> bool:
        """Whether a response that begins is one of these."""
        if response.conversation_id is not None or not self._asked:
            return False
        self._asked.popleft()
        self._open.add(response.id)
        return True

    def ends(self, response_id: str) -> bool:
        """A response ended: whether it was one of these."""
        if response_id not in self._open:
            return False
        self._open.discard(response_id)
        return True

    def __contains__(self, response_id: str) -> bool:
        return response_id in self._open

    def forget(self) -> None:
        """The connection is gone."""
        self._asked.clear()
        self._open.clear()
