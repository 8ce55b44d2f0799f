"""The tools that come with the service. All of them work without a network."""

from __future__ import annotations

from random import Random

from voice.tools.builtin.abilities import abilities_tool
from voice.tools.builtin.calculate import calculate_tool
from voice.tools.builtin.chance import chance_tools
from voice.tools.builtin.convert import convert_tool
from voice.tools.builtin.notes import note_tools
from voice.tools.builtin.spell import spell_tool
from voice.tools.builtin.timers import timer_tools
from voice.tools.builtin.when import when_tools
from voice.tools.clock import Clock
from voice.tools.memory import Memory
from voice.tools.spec import Tool


def builtin_tools(clock: Clock, memory: Memory, rng: Random) -> list[Tool]:
    """Every built-in tool. Timers are kept per session; notes live in `memory`, chance comes from `rng`."""
    tools = [
        *when_tools(clock),
        *timer_tools(clock),
        calculate_tool(),
        convert_tool(),
        *note_tools(memory, clock),
        spell_tool(),
        *chance_tools(rng),
    ]
    return [*tools, abilities_tool(tools)]
