"""Stages that need nothing installed: they hear what they are told, and do what the person says.

The brain obeys a few phrases, so that a scene steers it from the far end of the socket, by typed or spoken words:

    use NAME {json}     calls that function with those arguments
    talk on             goes on talking until it is stopped
    break               raises EngineFailed
    say that again      repeats what was heard of its last words
    anything else       is told back: "You said …"
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence

from voice.engines.local.words import text_of
from voice.engines.stages import (
    BrainEvent,
    BrainRequest,
    BrainUsage,
    TextDelta,
    ToolCallDelta,
    ToolCallDone,
    ToolCallStarted,
    Transcript,
)
from voice.errors import EngineFailed
from voice.protocol.items import AssistantMessage, FunctionCallOutput

LOUD = 8000
HEARD = "hello there"
DONE = "The answer is"


class LoudnessVad:
    """Voice is what is loud at the beginning of a window."""

    rate_hz = 16_000
    window_samples = 512

    def feed(self, window: bytes) -> float:
        samples = memoryview(window).cast("h")[:64]
        return 0.95 if sum(map(abs, samples)) > 64 * LOUD / 4 else 0.05

    def reset(self) -> None:
        """There is no past."""


class ListedRecogniser:
    """Hears the next line for each utterance, or raises it; without lines always the same two words."""

    name = "listed"

    def __init__(self, lines: Iterable[str | Exception] = ()) -> None:
        self.lines = deque(lines)

    async def open(self) -> None:
        """Nothing to load."""

    def start(self, *, phrases: Sequence[str] = (), language: str = "en") -> ListedRecognition:
        return ListedRecognition(self.lines.popleft() if self.lines else HEARD)

    async def close(self) -> None:
        """Nothing to end."""


class ListedRecognition:
    """One utterance."""

    def __init__(self, line: str | Exception) -> None:
        self._line = line

    def feed(self, pcm: bytes) -> None:
        """The words are known already."""

    def partial(self) -> str:
        return "" if isinstance(self._line, Exception) else self._line

    async def finish(self) -> Transcript:
        if isinstance(self._line, Exception):
            raise self._line
        return Transcript(self._line, 1.0)

    def abandon(self) -> None:
        """Nothing to end."""


class HumSpeaker:
    """A letter takes 10 ms."""

    name = "hum"
    rate_hz = 24_000

    def __init__(self) -> None:
        self.cancelled = 0

    async def open(self) -> None:
        """Nothing to load."""

    async def speak(self, text: str, *, voice: str = "", speed: float = 1.0) -> AsyncIterator[bytes]:
        whole = False
        try:
            for at in range(0, len(text), 10):
                yield b"\x10\x27\xf0\xd8" * (120 * len(text[at : at + 10]))
                await asyncio.sleep(0)
            whole = True
        finally:
            self.cancelled += not whole

    async def close(self) -> None:
        """Nothing to end."""


class ObligingBrain:
    """Does what the person says."""

    name = "obliging"

    def __init__(self) -> None:
        self.calls = 0
        self.thinking = 0
        """Replies that are being made now."""

    async def open(self) -> None:
        """Nothing to load."""

    async def reply(self, request: BrainRequest) -> AsyncIterator[BrainEvent]:
        self.thinking += 1
        try:
            async for event in self._reply(request):
                yield event
            yield BrainUsage(input_tokens=12, output_tokens=7, cached_tokens=2)
        finally:
            self.thinking -= 1

    async def _reply(self, request: BrainRequest) -> AsyncIterator[BrainEvent]:
        last = request.items[-1] if request.items else None
        if isinstance(last, FunctionCallOutput):
            yield TextDelta(f"{DONE} {last.output}.")
            return
        words = text_of(last).strip() if last is not None else ""
        command, _, rest = words.partition(" ")
        if command == "use":
            for event in self._call(*rest.partition(" ")[::2]):
                yield event
        elif words == "talk on":
            for number in range(10_000):
                yield TextDelta(f"This is sentence number {number}, and it is not the last. ")
                await asyncio.sleep(0.002)
        elif words == "break":
            raise EngineFailed("The brain broke.")
        elif words == "say that again":
            said = [text_of(item) for item in request.items if isinstance(item, AssistantMessage)]
            yield TextDelta(said[-1] if said else "Nothing was said.")
        else:
            yield TextDelta(f"You said {words[:80] or 'nothing'}.")

    def _call(self, name: str, arguments: str) -> list[BrainEvent]:
        self.calls += 1
        call_id = f"call_{self.calls}"
        half = len(arguments) // 2
        return [
            ToolCallStarted(call_id, name),
            ToolCallDelta(call_id, arguments[:half]),
            ToolCallDelta(call_id, arguments[half:]),
            ToolCallDone(call_id),
        ]

    async def close(self) -> None:
        """Nothing to end."""
