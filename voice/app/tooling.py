"""Which tools the assistant has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voice.config import Settings
from voice.session.approvals import ApprovalRules

if TYPE_CHECKING:
    from voice.tools.executor import Executor


def open_tools(settings: Settings) -> Executor:
    """The executor over the tools that the settings enable, under their policy. Raises ConfigError for a name nobody
    knows."""
    from random import SystemRandom

    from voice.tools.audit import AuditRing
    from voice.tools.builtin import builtin_tools
    from voice.tools.clock import SystemClock
    from voice.tools.executor import Executor
    from voice.tools.memory import MemoryInProcess
    from voice.tools.policy import policy_of
    from voice.tools.registry import Registry, enabled

    clock = SystemClock()
    tools = builtin_tools(clock, MemoryInProcess(), SystemRandom())
    policy = policy_of(settings.tools.policy, tools)
    return Executor(Registry(enabled(tools, settings.tools.enabled)), AuditRing(), clock, policy)


def approval_rules(settings: Settings, executor: Executor) -> ApprovalRules:
    """Which tools a conversation must ask a person for, and how long it waits."""
    return ApprovalRules(
        verdicts=executor.policy.table(executor.registry),
        timeout_ms=settings.tools.approval_s * 1000,
        on_interruption=settings.tools.approval_on_interruption,
        prompt=settings.tools.approval_prompt,
    )
