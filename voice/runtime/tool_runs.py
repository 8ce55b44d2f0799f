"""The tool calls at work: each runs as a task, may speak meanwhile, and reports its outcome as an event."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from voice.runtime.tasks import Tasks
from voice.session import effects as ef
from voice.session import events as ev
from voice.tools.spec import Call, Outcome, ToolContext


class ToolRunner(Protocol):
    """The executor, as a conversation needs it."""

    async def run(self, call: Call, context: ToolContext) -> Outcome: ...

    async def end_session(self, session_id: str) -> None: ...


class ToolRuns:
    """Runs and cancels the calls of one conversation."""

    def __init__(self, tools: ToolRunner, session_id: str, post: Callable[[ev.Event], None], tasks: Tasks) -> None:
        self._tools = tools
        self._session_id = session_id
        self._post = post
        self._tasks = tasks
        self._running: dict[str, asyncio.Task[None]] = {}

    def run(self, effect: ef.RunTool) -> None:
        call = Call(effect.call_id, effect.name, effect.arguments, self._session_id, effect.approved_by)
        self._running[effect.call_id] = self._tasks.spawn(self._run(call))

    async def _run(self, call: Call) -> None:
        try:
            outcome = await self._tools.run(call, _ToolVoice(self._session_id, call.call_id, self._post))
        finally:
            self._running.pop(call.call_id, None)
        self._post(ev.ToolDone(outcome.call_id, outcome.output, outcome.ok))

    def cancel(self, effect: ef.CancelTool) -> None:
        if task := self._running.get(effect.call_id):
            task.cancel()

    async def end(self) -> None:
        """The conversation is over: the executor lets go of what it kept for it."""
        await self._tools.end_session(self._session_id)


class _ToolVoice:
    """What one running tool may ask of its conversation."""

    def __init__(self, session_id: str, call_id: str, post: Callable[[ev.Event], None]) -> None:
        self.session_id = session_id
        self._call_id = call_id
        self._post = post

    def announce(self, text: str) -> None:
        self._post(ev.Say(text))

    def progress(self, text: str) -> None:
        self._post(ev.ToolProgress(self._call_id, text))
