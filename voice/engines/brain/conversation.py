"""What a brain needs to know of a conversation: the last words of each side, and the calls that were just answered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from voice.protocol.items import (
    AssistantMessage,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputText,
    Item,
    OutputAudio,
    OutputText,
    SystemMessage,
    UserMessage,
)


@dataclass(frozen=True, slots=True)
class AnsweredCall:
    """A function call and what it answered; `output` None while it runs."""

    name: str
    arguments: dict[str, Any]
    output: str | None


@dataclass(slots=True)
class Conversation:
    """The end of a conversation. `said` is None when the person has said nothing since the assistant spoke."""

    said: str | None = None
    before: str = ""
    heard: str = ""
    system: str = ""
    calls: list[AnsweredCall] = field(default_factory=list)
    turns: int = 0


def user_text(item: UserMessage) -> str:
    """What the person said or wrote, sound by its transcript."""
    parts = []
    for part in item.content:
        if isinstance(part, InputText):
            parts.append(part.text)
        elif isinstance(part, InputAudio) and part.transcript:
            parts.append(part.transcript)
    return " ".join(part.strip() for part in parts if part.strip())


def assistant_text(item: AssistantMessage) -> str:
    """What the assistant said, as far as the item still has it: a truncated item has what was heard."""
    parts = []
    for part in item.content:
        if isinstance(part, OutputText):
            parts.append(part.text)
        elif isinstance(part, OutputAudio) and part.transcript:
            parts.append(part.transcript)
    return " ".join(part.strip() for part in parts if part.strip())


def system_text(item: SystemMessage) -> str:
    return " ".join(part.text for part in item.content if isinstance(part, InputText))


def read_conversation(items: Sequence[Item]) -> Conversation:
    found = Conversation()
    calls: list[FunctionCall] = []
    made: dict[str | None, FunctionCall] = {}
    outputs: dict[str | None, str] = {}
    for item in items:
        if isinstance(item, UserMessage):
            found.before, found.said = found.said or found.before, user_text(item)
            found.turns += 1
            found.system = ""
            calls.clear()
        elif isinstance(item, AssistantMessage):
            if text := assistant_text(item):
                found.heard = text
            found.before, found.said = found.said or found.before, None
            found.system = ""
            calls.clear()
        elif isinstance(item, SystemMessage):
            found.system = system_text(item)
        elif isinstance(item, FunctionCall):
            calls.append(item)
            made[item.call_id] = item
        elif isinstance(item, FunctionCallOutput):
            outputs[item.call_id] = item.output
            # An answer that took its time (a person was asked) is news, unless the person waits for another one.
            late = made.get(item.call_id)
            if late is not None and late not in calls and found.said is None:
                calls.append(late)
    found.calls = [AnsweredCall(call.name, _arguments(call.arguments), outputs.get(call.call_id)) for call in calls]
    return found


def _arguments(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
