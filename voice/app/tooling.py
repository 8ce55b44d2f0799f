"""Which tools the assistant has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voice.config import Settings

if TYPE_CHECKING:
    from voice.tools.executor import Executor


def open_tools(settings: Settings) -> Executor:
    """The executor over the tools that the settings enable. Raises ConfigError for a name nobody knows."""
    from random import SystemRandom

    from voice.tools.audit import AuditRing
    from voice.tools.builtin import builtin_tools
    from voice.tools.clock import SystemClock
    from voice.tools.executor import Executor
    from voice.tools.memory import MemoryInProcess
    from voice.tools.registry import Registry, enabled

    clock = SystemClock()
    tools = builtin_tools(clock, MemoryInProcess(), SystemRandom())
    return Executor(Registry(enabled(tools, settings.tools.enabled)), AuditRing(), clock)
