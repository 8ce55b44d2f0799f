"""Timers that speak when they are due. They belong to a session and end with it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from voice.errors import ToolFailed
from voice.tools.clock import Clock
from voice.tools.spec import Tool, ToolContext

TIMERS_LIMIT = 20
LONGEST_S = 24 * 3600


@dataclass(slots=True)
class Timer:
    """One running timer. `due_s` is on the clock's monotonic scale."""

    name: str
    duration_s: float
    due_s: float
    task: asyncio.Task[None]


class Timers:
    """The running timers of every session."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._of: dict[str, list[Timer]] = {}

    async def set(self, arguments: Mapping[str, Any], context: ToolContext) -> object:
        running = self._of.setdefault(context.session_id, [])
        if len(running) >= TIMERS_LIMIT:
            raise ToolFailed(f"There are {TIMERS_LIMIT} timers running already.")
        name, duration_s = _clean(arguments.get("name", "")), float(arguments["duration_s"])
        if name and any(timer.name == name for timer in running):
            raise ToolFailed(f"There is a {name} timer already.")
        due_s = self._clock.monotonic() + duration_s
        timer = Timer(name, duration_s, due_s, asyncio.create_task(self._wait(name, duration_s, context)))
        running.append(timer)
        return {"name": name, "duration_s": duration_s}

    async def show(self, arguments: Mapping[str, Any], context: ToolContext) -> object:
        name = _clean(arguments.get("name", ""))
        found = [timer for timer in self._running(context) if not name or timer.name == name]
        return {"name": name, "timers": [self._told(timer) for timer in found]}

    async def cancel(self, arguments: Mapping[str, Any], context: ToolContext) -> object:
        """All of them, the one of that name, or the only one; several without a name is a question, not a guess."""
        running, name = self._running(context), _clean(arguments.get("name", ""))
        if not arguments.get("all") and name:
            running = [timer for timer in running if timer.name == name]
        elif not arguments.get("all") and len(running) > 1:
            return {"cancelled": [], "choose": [self._told(timer) for timer in running]}
        told = [self._told(timer) for timer in running]
        await self._stop(context.session_id, running)
        return {"name": name, "cancelled": told}

    async def end_session(self, session_id: str) -> None:
        await self._stop(session_id, self._of.get(session_id, [])[:])

    async def _stop(self, session_id: str, timers: list[Timer]) -> None:
        self._keep(session_id, [timer for timer in self._of.get(session_id, []) if timer not in timers])
        for timer in timers:
            timer.task.cancel()
        await asyncio.gather(*(timer.task for timer in timers), return_exceptions=True)

    async def _wait(self, name: str, duration_s: float, context: ToolContext) -> None:
        await self._clock.sleep(duration_s)
        me = asyncio.current_task()
        self._keep(
            context.session_id, [timer for timer in self._of.get(context.session_id, []) if timer.task is not me]
        )
        context.announce(f"Your {name} timer is done." if name else "Your timer is done.")

    def _keep(self, session_id: str, timers: list[Timer]) -> None:
        if timers:
            self._of[session_id] = timers
        else:
            self._of.pop(session_id, None)

    def _running(self, context: ToolContext) -> list[Timer]:
        return sorted(self._of.get(context.session_id, []), key=lambda timer: timer.due_s)

    def _told(self, timer: Timer) -> dict[str, object]:
        left_s = max(0.0, timer.due_s - self._clock.monotonic())
        return {"name": timer.name, "duration_s": timer.duration_s, "remaining_s": round(left_s)}


def timer_tools(clock: Clock) -> list[Tool]:
    timers = Timers(clock)
    name = {"type": "string", "maxLength": 60, "description": 'What it is for, in a word: "tea".'}
    return [
        Tool(
            name="set_timer",
            description="Start a timer that speaks when it is due.",
            parameters={
                "type": "object",
                "properties": {
                    "duration_s": {
                        "type": "number",
                        "exclusiveMinimum": 0,
                        "maximum": LONGEST_S,
                        "description": "Seconds.",
                    },
                    "name": name,
                },
                "required": ["duration_s"],
            },
            handler=timers.set,
            side_effect="write",
            end_session=timers.end_session,
        ),
        Tool(
            name="list_timers",
            description="Tell which timers are running and how long they have left.",
            parameters={"type": "object", "properties": {"name": name}},
            handler=timers.show,
        ),
        Tool(
            name="cancel_timer",
            description="Stop a running timer by its name, or all of them.",
            parameters={"type": "object", "properties": {"name": name, "all": {"type": "boolean"}}},
            handler=timers.cancel,
            side_effect="write",
        ),
    ]


def _clean(name: object) -> str:
    return " ".join(str(name).casefold().split()).removesuffix(" timer")
