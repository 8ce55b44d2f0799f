"""The same call never acts twice, however often it is asked to run.

A call is known by its session and its id. While it runs, a second run waits for the first one's answer; when it is
over, a second run is given the same answer again. One that was stopped in the middle may have acted: it is not begun
again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from voice.errors import ToolRefused
from voice.tools.guards import Answer, Attempt, Proceed

ANSWERS_KEPT = 64
CALLS_KNOWN = 10_000
"""Per session. A session with more calls than that is out of its mind, and is refused further ones."""

STOPPED = "This call was begun before and stopped; it is not run twice."
DONE_BEFORE = "This call was run before; it is not run twice."
TOO_MANY = "This conversation has called too many tools."


@dataclass(slots=True)
class _Known:
    """What became of one session's calls: an answer on its way, or None where it is not kept."""

    calls: dict[str, asyncio.Future[Answer] | None] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)


class Once:
    """The guard. It remembers until `end_session`."""

    def __init__(self) -> None:
        self._sessions: dict[str, _Known] = {}

    async def __call__(self, attempt: Attempt, proceed: Proceed) -> Answer:
        known = self._sessions.setdefault(attempt.session_id, _Known())
        call_id = attempt.call.call_id
        if call_id in known.calls:
            attempt.repeated = True
            return await self._again(known.calls[call_id])
        if len(known.calls) >= CALLS_KNOWN:
            raise ToolRefused(TOO_MANY)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        known.calls[call_id] = answer
        return await self._first(known, attempt, proceed, answer)

    async def _first(self, known: _Known, attempt: Attempt, proceed: Proceed, answer: asyncio.Future[Answer]) -> Answer:
        try:
            result = await proceed(attempt)
        except Exception as error:
            answer.set_exception(error)
            answer.exception()  # looked at: nobody may ever ask for it again
            raise
        except BaseException:
            answer.cancel()
            raise
        else:
            answer.set_result(result)
            return result
        finally:
            self._keep(known, attempt.call.call_id)

    def _keep(self, known: _Known, call_id: str) -> None:
        known.kept.append(call_id)
        if len(known.kept) > ANSWERS_KEPT:
            known.calls[known.kept.pop(0)] = None

    async def _again(self, answer: asyncio.Future[Answer] | None) -> Answer:
        if answer is None:
            raise ToolRefused(DONE_BEFORE)
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            if answer.cancelled():
                raise ToolRefused(STOPPED) from None
            raise

    def end_session(self, session_id: str) -> None:
        """Nothing of this session will be asked again."""
        self._sessions.pop(session_id, None)
