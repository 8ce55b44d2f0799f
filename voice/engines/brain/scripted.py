"""A brain that says what a test wrote down."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence

from voice.engines.stages import BrainEvent, BrainRequest, TextDelta
from voice.errors import EngineError, EngineFailed

Reply = str | EngineError | Sequence[BrainEvent | EngineError]


class ScriptedBrain:
    """Gives its replies in order: a text, events, or an error to raise. `requests` keeps what it was asked."""

    name = "scripted"

    def __init__(self, replies: Iterable[Reply]) -> None:
        self._replies = list(replies)
        self.requests: list[BrainRequest] = []
        self.cancelled = 0
        self.closed = False

    async def open(self) -> None:
        """Nothing to load."""

    async def reply(self, request: BrainRequest) -> AsyncIterator[BrainEvent]:
        self.requests.append(request)
        if not self._replies:
            raise EngineFailed("The script has no more replies.")
        reply = self._replies.pop(0)
        done = False
        try:
            for event in [reply] if isinstance(reply, str | EngineError) else reply:
                if isinstance(event, EngineError):
                    raise event
                yield TextDelta(event) if isinstance(event, str) else event
            done = True
        except GeneratorExit:
            self.cancelled += not done
            raise

    async def close(self) -> None:
        self.closed = True
