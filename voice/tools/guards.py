"""The guards a tool call passes, one small wrapper each; their order is written in `executor.py`.

A guard gets the attempt and `proceed`, which goes on to the next one; it raises a ToolError to refuse.
The ones marked *open* let everything through: they hold the place of a rule that is not set.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

from voice.errors import ArgumentsRefused, ToolError, ToolFailed, ToolRefused, ToolTimeout
from voice.tools.audit import Audit, AuditRecord, redacted
from voice.tools.clock import Clock
from voice.tools.policy import Policy
from voice.tools.registry import Registered, Registry
from voice.tools.spec import Call, Tool, ToolContext

ARGUMENTS_LIMIT_CHARS = 64_000


@dataclass(slots=True)
class Attempt:
    """One call on its way through the guards."""

    call: Call
    context: ToolContext
    registered: Registered | None = None
    arguments: Mapping[str, Any] | None = None
    repeated: bool = False

    @property
    def session_id(self) -> str:
        return self.call.session_id or self.context.session_id

    @property
    def tool(self) -> Tool:
        assert self.registered is not None, "the tool is looked up first"
        return self.registered.tool


@dataclass(slots=True)
class Answer:
    """What the model will read. `result` is the handler's value until it is written as text."""

    result: object = None
    output: str = ""
    ok: bool = True
    code: str = ""


Proceed = Callable[[Attempt], Awaitable[Answer]]


class Guard(Protocol):
    async def __call__(self, attempt: Attempt, proceed: Proceed) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Record:
    """Writes down how the call ended, whatever happened further in, also when it was cancelled."""

    audit: Audit
    clock: Clock

    async def __call__(self, attempt: Attempt, proceed: Proceed) -> Answer:
        started, at = self.clock.monotonic(), self.clock.now().isoformat()
        answer = Answer(ok=False, code="cancelled")
        try:
            answer = await proceed(attempt)
            return answer
        finally:
            registered = attempt.registered
            self.audit.record(
                AuditRecord(
                    at=at,
                    session_id=attempt.session_id,
                    call_id=attempt.call.call_id,
                    tool=attempt.call.name[:64],
                    side_effect=registered.tool.side_effect if registered else "",
                    arguments=redacted(attempt.arguments),
                    ok=answer.ok,
                    code=answer.code,
                    duration_ms=round((self.clock.monotonic() - started) * 1000, 3),
                    output_chars=len(answer.output),
                    approved_by=attempt.call.approved_by[:64],
                    repeated=attempt.repeated,
                )
            )


@dataclass(frozen=True, slots=True)
class AnswerErrors:
    """Turns a refusal or a failure into the one sentence that the model reads."""

    async def __call__(self, attempt: Attempt, proceed: Proceed) -> Answer:
        try:
            return await proceed(attempt)
        except ToolError as error:
            return Answer(output=error.model, ok=False, code=error.code)


@dataclass(frozen=True, slots=True)
class FindTool:
    """A tool that is not here cannot run."""

    registry: Registry

    async def __call__(self, attempt: Attempt, proceed: Proceed) -> Answer:
        attempt.registered = self.registry.find(attempt.call.name)
        if attempt.registered is None:
            raise ToolError(f"There is no tool named {attempt.call.name[:64]!r}.")
        return await proceed(attempt)


@dataclass(frozen=True, slots=True)
class ParseArguments:
    """The arguments must be the JSON text of one object, with every name once."""

    async def __call__(self, attempt: Attempt, proceed: Proceed) -> Answer:
        text = attempt.call.arguments
        if len(text) > ARGUMENTS_LIMIT_CHARS:
            raise ArgumentsRefused(f"The arguments are longer than {ARGUMENTS_LIMIT_CHARS} characters.")
        try:
            arguments = _READER.decode(text)
        except json.JSONDecodeError as error:
            raise ArgumentsRefused(
                f"The arguments are not valid JSON: {error.msg} at character {error.pos}."
            ) from error
        except (RecursionError, ValueError) as error:
            raise ArgumentsRefused("The arguments are not usable JSON: too deep, or a number too large.") from error
        if not isinstance(arguments, dict):
            raise ArgumentsRefused("The arguments must be a JSON object.")
        attempt.arguments = arguments
        return await proceed(attempt)


@dataclass(frozen=True, slots=True)
class CheckSchema:
    """The arguments must fit the tool's schema; the correction names the argument and what was expected."""

    async def __call__(self, attempt: Attempt, proceed: Proceed) -> Answer:
        assert attempt.registered is not None
        assert attempt.arguments is not None
        attempt.registered.schema.check(attempt.arguments)
        return await proceed(attempt)


@dataclass(frozen=True, slots=True)
class CheckPolicy:
    """A tool that the policy forbids does not run, whoever approved it."""

    policy: Policy

    async def __call__(self, attempt: Attempt, proceed: Proceed) -> Answer:
        if self.policy.verdict(attempt.tool) == "deny":
            raise ToolRefused(f"{attempt.tool.name} may not be used here.")
        return await proceed(attempt)


@dataclass(frozen=True, slots=True)
class CheckApproval:
    """A tool that needs a person's approval does not run without one. The asking is done before a call comes here;
    this is the lock, for whoever forgets to ask."""

    policy: Policy

    async def __call__(self, attempt: Attempt, proceed: Proceed) -> Answer:
        if self.policy.verdict(attempt.tool) == "ask" and not attempt.call.approved_by:
            raise ToolRefused(f"{attempt.tool.name} needs the approval of a person first.")
        return await proceed(attempt)


@dataclass(frozen=True, slots=True)
class Open:
    """Holds the place of a rule that is not set: lets everything through."""

    rule: str

    async def __call__(self, attempt: Attempt, proceed: Proceed) -> Answer:
        return await proceed(attempt)


@dataclass(frozen=True, slots=True)
class CapOutput:
    """Writes the result as text, and cuts it where the tool's limit is, saying so."""

    async def __call__(self, attempt: Attempt, proceed: Proceed) -> Answer:
        answer = await proceed(attempt)
        text = answer.result if isinstance(answer.result, str) else _as_json(answer.result)
        limit = attempt.tool.output_limit_chars
        if len(text) > limit:
            text = f"{text[:limit]}… [cut: {len(text)} characters, {limit} allowed]"
        # Half a surrogate pair cannot be written to any socket.
        answer.output = text.encode("utf-8", "replace").decode("utf-8")
        return answer


@dataclass(frozen=True, slots=True)
class Deadline:
    """Stops a tool that takes longer than it may."""

    async def __call__(self, attempt: Attempt, proceed: Proceed) -> Answer:
        limit_s = attempt.tool.timeout_s
        try:
            async with asyncio.timeout(limit_s):
                return await proceed(attempt)
        except TimeoutError as error:
            raise ToolTimeout(f"{attempt.tool.name} took longer than {limit_s:g} seconds and was stopped.") from error


@dataclass(frozen=True, slots=True)
class Run:
    """Runs the tool. What it raises stays inside; only the kind of error is told, for its text may be private."""

    async def __call__(self, attempt: Attempt, proceed: Proceed) -> Answer:
        try:
            return Answer(result=await attempt.tool.handler(dict(attempt.arguments or {}), attempt.context))
        except ToolError:
            raise
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise ToolFailed(f"{attempt.tool.name} was stopped from inside.") from None
        except (Exception, SystemExit) as error:
            raise ToolFailed(f"{attempt.tool.name} failed: {type(error).__name__}.") from error


@dataclass(frozen=True, slots=True)
class Chain:
    """The guards from the outermost to the one that runs the tool."""

    guards: tuple[Guard, ...]
    _first: Proceed = field(init=False)

    def __post_init__(self) -> None:
        proceed: Proceed = _end
        for guard in reversed(self.guards):
            proceed = _wrapped(guard, proceed)
        object.__setattr__(self, "_first", proceed)

    async def run(self, attempt: Attempt) -> Answer:
        return await self._first(attempt)


def _wrapped(guard: Guard, proceed: Proceed) -> Proceed:
    async def step(attempt: Attempt) -> Answer:
        return await guard(attempt, proceed)

    return step


async def _end(attempt: Attempt) -> Answer:
    raise AssertionError("the last guard runs the tool and does not proceed")


def _as_json(result: object) -> str:
    try:
        return _WRITER.encode(result)
    except (TypeError, ValueError, RecursionError) as error:
        raise ToolFailed("The tool answered something that cannot be written as JSON.") from error


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ArgumentsRefused(f"`{twice[:64]}` is given twice.")
    return made


def _refuse_constant(name: str) -> NoReturn:
    raise ArgumentsRefused(f"{name} is not a JSON number.")


_READER = json.JSONDecoder(object_pairs_hook=_each_name_once, parse_constant=_refuse_constant)
_WRITER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
