"""What the assistant can do, told from the tools themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from voice.tools.spec import Tool, ToolContext


def abilities_tool(tools: Sequence[Tool]) -> Tool:
    abilities = [{"tool": tool.name, "does": tool.description} for tool in tools]

    async def list_abilities(arguments: Mapping[str, Any], context: ToolContext) -> object:
        return {"abilities": abilities}

    return Tool(
        name="list_abilities",
        description="Tell what the assistant can do.",
        parameters={"type": "object", "properties": {}},
        handler=list_abilities,
    )
