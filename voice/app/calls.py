"""One conversation over a transport, to its end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from voice.app.engines import open_engines
from voice.app.hearing import Hearing
from voice.app.sessions import make_driver, session_config
from voice.app.tooling import approval_rules, open_tools
from voice.config import Settings
from voice.runtime.driver import Watcher
from voice.runtime.report import SessionReport
from voice.runtime.reporter import Reporter
from voice.runtime.trace import ReplayResult, TraceWriter, replay_file
from voice.session.effects import Effect
from voice.session.events import Event
from voice.session.rules import LinkRules, SessionConfig
from voice.transports.base import Transport


@dataclass(frozen=True, slots=True)
class CallReport:
    """How one conversation ended."""

    session_id: str
    ended: str
    figures: SessionReport


@dataclass(frozen=True, slots=True)
class _Watch:
    """A function as a watcher."""

    see: Callable[[float, Event, list[Effect]], None]

    def watch(self, now: float, event: Event, effects: Sequence[Effect]) -> None:
        self.see(now, event, list(effects))


async def run_call(
    settings: Settings,
    transport: Transport,
    *,
    url: str | None = None,
    trace: Path | None = None,
    watch: Callable[[float, Event, list[Effect]], None] | None = None,
) -> CallReport:
    """One conversation over a transport, to its end.

    `url` is a realtime server to talk to instead of the configured engine; its tools run there. Raises EngineError
    when the engine cannot be reached, and whatever the transport raises.
    """
    async with AsyncExitStack() as stack:
        engines = await open_engines(settings, url, stack)
        executor = open_tools(settings)
        tools = [] if url is not None else executor.registry.tools_for_model()
        made = session_config(settings, transport, engines, tools, LinkRules(attempts=3))
        config = replace(made, approvals=approval_rules(settings, executor))
        reporter = Reporter()
        watchers: list[Watcher] = [reporter]
        if trace is not None:
            watchers.append(stack.enter_context(_trace_file(trace, config)))
        if watch is not None:
            watchers.append(_Watch(watch))
        hearing = Hearing(settings)
        stack.push_async_callback(hearing.close)
        driver = make_driver(config, transport, engines, executor, watchers, hearing)
        ended = await driver.run()
        return CallReport(config.session_id, ended, reporter.report)


class _trace_file:  # noqa: N801 - reads as a function at its one use
    """A trace in a file for the length of a `with`."""

    def __init__(self, path: Path, config: SessionConfig) -> None:
        self._path = path
        self._config = config
        self._file: IO[str] | None = None

    def __enter__(self) -> TraceWriter:
        self._file = self._path.open("w", encoding="utf-8")
        return TraceWriter(self._file, self._config, started=datetime.now(UTC).isoformat(timespec="seconds"))

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def replay(path: Path) -> ReplayResult:
    """Feed a trace to a fresh core and compare. Raises TraceUnreadable when it is not a trace."""
    return replay_file(path)
