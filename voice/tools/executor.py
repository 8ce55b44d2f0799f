"""Runs tool calls, each through the same chain of guards."""

from __future__ import annotations

import logging

from voice.tools.audit import Audit
from voice.tools.clock import Clock
from voice.tools.guards import (
    AnswerErrors,
    Attempt,
    CapOutput,
    Chain,
    CheckApproval,
    CheckPolicy,
    CheckSchema,
    Deadline,
    FindTool,
    Open,
    ParseArguments,
    Record,
    Run,
)
from voice.tools.once import Once
from voice.tools.policy import Policy
from voice.tools.registry import Registry
from voice.tools.spec import Call, Outcome, ToolContext

logger = logging.getLogger(__name__)


def chain(registry: Registry, audit: Audit, clock: Clock, policy: Policy, once: Once) -> Chain:
    """What every call passes, outermost first. This list is the policy's one home."""
    return Chain(
        (
            Record(audit, clock),
            AnswerErrors(),
            FindTool(registry),
            ParseArguments(),
            CheckSchema(),
            CheckPolicy(policy),
            CheckApproval(policy),
            once,
            Open("limits"),
            Open("secrets"),
            CapOutput(),
            Deadline(),
            Run(),
        )
    )


class Executor:
    """The one place where tools are run."""

    def __init__(self, registry: Registry, audit: Audit, clock: Clock, policy: Policy | None = None) -> None:
        self.registry = registry
        self.policy = policy or Policy()
        self.audit = audit
        self._clock = clock
        self._once = Once()
        self._chain = chain(registry, audit, clock, self.policy, self._once)

    async def run(self, call: Call, context: ToolContext) -> Outcome:
        """The one answer to the call. Raises nothing but CancelledError, and that only when this task is cancelled."""
        started = self._clock.monotonic()
        answer = await self._chain.run(Attempt(call, context))
        return Outcome(
            call_id=call.call_id,
            ok=answer.ok,
            output=answer.output,
            code=answer.code,
            duration_ms=(self._clock.monotonic() - started) * 1000,
        )

    async def end_session(self, session_id: str) -> None:
        """Let every tool drop what it keeps for this session (running timers). Never raises."""
        self._once.end_session(session_id)
        for tool in self.registry:
            if tool.end_session is None:
                continue
            try:
                await tool.end_session(session_id)
            except Exception as error:
                # One tool's trouble must not keep the others from letting go.
                logger.warning("tool did not end its session", extra={"tool": tool.name, "error": type(error).__name__})
