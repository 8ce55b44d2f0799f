"""Spelling a word aloud."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voice.tools.spec import Tool, ToolContext


async def spell(arguments: Mapping[str, Any], context: ToolContext) -> object:
    text = " ".join(arguments["text"].split())
    return {"text": text, "letters": [letter.upper() for letter in text if not letter.isspace()]}


def spell_tool() -> Tool:
    return Tool(
        name="spell",
        description="Spell a word letter by letter.",
        parameters={
            "type": "object",
            "properties": {"text": {"type": "string", "minLength": 1, "maxLength": 60}},
            "required": ["text"],
        },
        handler=spell,
    )
