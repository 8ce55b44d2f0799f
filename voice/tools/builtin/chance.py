"""Coins, dice and numbers by chance."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from voice.errors import ArgumentsRefused
from voice.tools.spec import Tool, ToolContext


def chance_tools(rng: Random) -> list[Tool]:
    async def flip_coin(arguments: Mapping[str, Any], context: ToolContext) -> object:
        return {"side": rng.choice(["heads", "tails"])}

    async def roll_dice(arguments: Mapping[str, Any], context: ToolContext) -> object:
        sides, count = arguments.get("sides", 6), arguments.get("count", 1)
        rolls = [rng.randint(1, sides) for _ in range(count)]
        return {"sides": sides, "rolls": rolls, "total": sum(rolls)}

    async def random_number(arguments: Mapping[str, Any], context: ToolContext) -> object:
        low, high = arguments.get("low", 1), arguments["high"]
        if low > high:
            raise ArgumentsRefused("`low` must not be greater than `high`.")
        return {"low": low, "high": high, "number": rng.randint(low, high)}

    whole = {"type": "integer", "minimum": -(10**9), "maximum": 10**9}
    return [
        Tool(
            name="flip_coin",
            description="Flip a coin.",
            parameters={"type": "object", "properties": {}},
            handler=flip_coin,
        ),
        Tool(
            name="roll_dice",
            description="Roll one die or several.",
            parameters={
                "type": "object",
                "properties": {
                    "count": {"type": "integer", "minimum": 1, "maximum": 20},
                    "sides": {"type": "integer", "minimum": 2, "maximum": 1000},
                },
            },
            handler=roll_dice,
        ),
        Tool(
            name="random_number",
            description="Pick a whole number between two others by chance.",
            parameters={"type": "object", "properties": {"low": whole, "high": whole}, "required": ["high"]},
            handler=random_number,
        ),
    ]
