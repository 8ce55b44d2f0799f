"""The words in an item."""

from __future__ import annotations

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


def text_of(item: Item, *, written_only: bool = False) -> str:
    """Everything that can be read in it; with `written_only` no transcripts of sound."""
    if isinstance(item, FunctionCall):
        return f"{item.name} {item.arguments}"
    if isinstance(item, FunctionCallOutput):
        return item.output
    if isinstance(item, SystemMessage | UserMessage | AssistantMessage):
        return " ".join(filter(None, (_part(part, written_only) for part in item.content)))
    return ""


def _part(part: object, written_only: bool) -> str:
    if isinstance(part, InputText | OutputText):
        return part.text or ""
    if isinstance(part, InputAudio | OutputAudio) and not written_only:
        return part.transcript or ""
    return ""
