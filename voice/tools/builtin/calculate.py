"""The tool that calculates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from voice.tools.builtin.arithmetic import evaluate, in_digits
from voice.tools.spec import Tool, ToolContext


async def calculate(arguments: Mapping[str, Any], context: ToolContext) -> object:
    expression = arguments["expression"]
    return {"expression": expression, "result": in_digits(evaluate(expression))}


def calculate_tool() -> Tool:
    return Tool(
        name="calculate",
        description="Calculate exactly. Knows + - * / % ^ ( ) sqrt() abs() round() floor() ceil() pi e.",
        parameters={
            "type": "object",
            "properties": {
                "expression": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 300,
                    "description": 'For example "12 * (3 + 4)".',
                }
            },
            "required": ["expression"],
        },
        handler=calculate,
        timeout_s=2.0,
    )
