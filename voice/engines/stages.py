"""The stages of the embedded engine, each a seam of one or two methods.

speech probability -> recogniser -> brain -> speaker. All heavy work happens outside the event loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from voice.protocol.items import Item
from voice.protocol.settings import Tool


class SpeechProbability(Protocol):
    """How likely a short window is speech."""

    rate_hz: int
    window_samples: int

    def feed(self, window: bytes) -> float:
        """Probability 0..1 for exactly one window of PCM16."""

    def reset(self) -> None:
        """Forget the past."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was recognised; `confidence` 0..1 where the recogniser knows it."""

    text: str
    confidence: float | None = None


class Recognition(Protocol):
    """One utterance being recognised. PCM16 mono 16 kHz."""

    def feed(self, pcm: bytes) -> None:
        """More sound. Never blocks."""

    def partial(self) -> str:
        """The words so far, as last reported."""

    async def finish(self) -> Transcript:
        """No more sound: the final words. Raises EngineFailed."""

    def abandon(self) -> None:
        """Forget the utterance."""


class Recogniser(Protocol):
    """Makes recognitions."""

    name: str

    async def open(self) -> None:
        """Load what is needed. Raises ExtraMissing or EngineFailed."""

    def start(self, *, phrases: Sequence[str] = (), language: str = "en") -> Recognition:
        """Begin an utterance. `phrases` may narrow what is expected."""

    async def close(self) -> None: ...


class Speaker(Protocol):
    """Text to sound."""

    name: str
    rate_hz: int

    async def open(self) -> None: ...

    def speak(self, text: str, *, voice: str = "", speed: float = 1.0) -> AsyncIterator[bytes]:
        """PCM16 mono at `rate_hz`, in pieces, as soon as they exist; closing the iterator stops the work."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class BrainRequest:
    """All a brain is told for one response. `items` are the conversation as heard; `confidence` is the recogniser's in
    the words that the person said last, None when they were written or it does not know."""

    items: Sequence[Item]
    instructions: str = ""
    tools: Sequence[Tool] = ()
    tool_choice: str = "auto"
    max_output_tokens: int | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    language: str = "en"
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Words to say, in order."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallStarted:
    """The brain calls a tool; arguments follow."""

    call_id: str
    name: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """More of the JSON text of the arguments."""

    call_id: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolCallDone:
    """The arguments are complete."""

    call_id: str


@dataclass(frozen=True, slots=True)
class BrainUsage:
    """Tokens spent, as the model counted them."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0


BrainEvent = TextDelta | ToolCallStarted | ToolCallDelta | ToolCallDone | BrainUsage


class Brain(Protocol):
    """Decides what to say and which tools to call."""

    name: str

    async def open(self) -> None:
        """Load what is needed, so that the first reply does not wait for it. Raises ConfigError or ExtraMissing."""

    def reply(self, request: BrainRequest) -> AsyncIterator[BrainEvent]:
        """One response, streamed; closing the iterator cancels it. Raises EngineError."""

    async def close(self) -> None: ...
