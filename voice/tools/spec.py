"""What a tool is, what a call of it is, and what comes back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

SideEffect = Literal["read", "write", "irreversible"]


class ToolContext(Protocol):
    """What a running tool may ask of the conversation it runs in."""

    session_id: str

    def announce(self, text: str) -> None:
        """Say this as soon as the floor is free, also long after the call was answered (a timer that is due)."""

    def progress(self, text: str) -> None:
        """Tell the watchers how far the work is."""


ToolHandler = Callable[[Mapping[str, Any], ToolContext], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Tool:
    """One thing the assistant may do. `parameters` is a JSON Schema object; `handler` gets validated arguments and
    answers anything that JSON can say; `end_session` drops what the tool keeps for a session that is over."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    handler: ToolHandler
    side_effect: SideEffect = "read"
    timeout_s: float = 10.0
    output_limit_chars: int = 16_000
    strict: bool = field(default=True)
    end_session: Callable[[str], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """The model's wish, unparsed: `arguments` is the JSON text as it came. `approved_by`: who allowed it, if anybody
    was asked."""

    call_id: str
    name: str
    arguments: str
    session_id: str = ""
    approved_by: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended. `output` is what the model reads, also when `ok` is false."""

    call_id: str
    ok: bool
    output: str
    code: str = ""
    duration_ms: float = 0.0
