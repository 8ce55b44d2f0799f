"""What a text model streams, whichever API it speaks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """More words of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A function call; its arguments follow."""

    call_id: str
    name: str


@dataclass(frozen=True, slots=True)
class CallArguments:
    """More of the JSON text of a call's arguments."""

    call_id: str
    text: str


@dataclass(frozen=True, slots=True)
class CallDone:
    """A call's arguments are complete."""

    call_id: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens spent."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0


ModelEvent = Text | CallStarted | CallArguments | CallDone | Usage
