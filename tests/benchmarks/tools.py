"""Tool calls: whether any is answered twice, acts twice or acts without leave, and what the guards cost per call."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from statistics import median
from time import process_time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.world.room import Room
    from voice.session.effects import RunTool
    from voice.tools.executor import Executor

METHOD = (
    "200 seeded conversations of 30 s in the virtual room with a realtime client: every turn calls one to three tools, "
    "some allowed, one that needs an approval, one forbidden. The client allows, refuses, answers twice, late, for "
    "somebody else's request or not at all, or deletes the request; tools report that they are done twice; connections "
    "are lost and the assistant is stopped at random. "
    "`answered_twice` counts outputs that the engine got a second time, `acted_twice` runs of one call, "
    "`acted_unapproved` runs without a yes. `guard_us_per_call` is the CPU time of a call through the whole chain of "
    "the executor, less that of its handler, median of nine rounds of 2,000 calls."
)
CONVERSATIONS = 200
SECONDS = 30.0
TURN_EVERY_S = 5.0
ROUNDS, CALLS = 9, 2_000
TOOLS = ("clock", "wipe", "launch")


def run() -> dict[str, float]:
    books = [book(talk(seed)) for seed in range(CONVERSATIONS)]
    return {
        "answered_twice": float(sum(one.answered_twice for one in books)),
        "acted_twice": float(sum(one.acted_twice for one in books)),
        "acted_unapproved": float(sum(one.acted_unapproved for one in books)),
        "calls": float(sum(one.calls for one in books)),
        "approved": float(sum(one.approved for one in books)),
        "guard_us_per_call": guard_us(),
    }


@dataclass(frozen=True, slots=True)
class Book:
    """What became of one conversation's calls."""

    calls: int
    approved: int
    answered_twice: int
    acted_twice: int
    acted_unapproved: int


def book(room: Room) -> Book:
    from voice.session.effects import RunTool

    ran = room.effects(RunTool)
    runs = Counter(effect.call_id for effect in ran)
    allowed = [note["call_id"] for note in room.notes("approval_ended") if note["outcome"] == "approved"]
    return Book(
        calls=len(room.notes("tool_started")),
        approved=len(allowed),
        answered_twice=room.errors.count("call_answered_twice"),
        acted_twice=sum(count - 1 for count in runs.values()),
        acted_unapproved=sum(1 for effect in ran if effect.name != "clock" and not _leave(effect, allowed)),
    )


def _leave(effect: RunTool, allowed: list[str]) -> bool:
    return effect.name == "wipe" and effect.call_id in allowed and bool(effect.approved_by)


# Conversations


@dataclass
class Whims:
    """A client's answers to what it is asked, and the troubles of one conversation."""

    random: Random
    answers: list[tuple[float, str, bool]] = field(default_factory=list)

    def to(self, request_id: str, now: float) -> Iterator[tuple[float, str, bool]]:
        """When this request is answered, for which id, and how."""
        whim = self.random.random()
        at, approve = now + self.random.uniform(0.1, 4.0), self.random.random() < 0.6
        if whim < 0.15:
            return  # never
        if whim < 0.25:
            yield now + 12.0, request_id, approve  # late: the rules wait for 8 s
            return
        if whim < 0.35:
            yield at, "mcpr_of_somebody_else", True
        yield at, request_id, approve
        if whim > 0.7:
            yield at + self.random.uniform(0.0, 2.0), request_id, not approve


def talk(seed: int, seconds: float = SECONDS) -> Room:
    """A conversation in which tools are called, asked for and answered in all kinds of ways."""
    from tests.world.engine import Plan
    from tests.world.room import Line, Room
    from voice.session import events as ev
    from voice.session.approvals import ApprovalRules

    random = Random(seed)
    rules = ApprovalRules(
        verdicts={"clock": "allow", "wipe": "ask", "launch": "deny"},
        timeout_ms=8_000.0,
        on_interruption=random.choice(("keep", "drop")),
    )

    def plan(reply: int) -> Plan:
        if reply % 2:
            return Plan(sound_ms=1_200.0, speed=4.0)
        names = [random.choice(TOOLS) for _ in range(random.randint(1, 3))]
        calls = tuple((f"c{reply}", name, json.dumps({"n": number})) for number, name in enumerate(names))
        return Plan(calls=calls, items=random.randint(0, 1))

    room = Room(
        seed=seed,
        plan=plan,
        tools=TOOLS,
        approvals=rules,
        client_face=True,
        we_play=bool(seed % 2),
        line=Line(delay_ms=30.0, jitter_ms=20.0),
        tool_ms=300.0,
    )
    _answering(room, Whims(random))
    for turn in range(int(seconds // TURN_EVERY_S)):
        room.user_speaks(at=1.0 + turn * TURN_EVERY_S, seconds=0.6)
    for _ in range(random.randint(0, 2)):
        room.engine_drops_if_up(random.uniform(1.0, seconds))
        room.happens(random.uniform(1.0, seconds), ev.StopTalking())
        room.happens(random.uniform(1.0, seconds), ev.Say("Your tea is ready."))
    return room.run(until=seconds)


def _answering(room: Room, whims: Whims) -> None:
    """The client answers what it sees asked; tools say twice that they are done."""
    from voice.protocol.client_events import ConversationItemCreate, ConversationItemDelete
    from voice.protocol.items import McpApprovalRequest, McpApprovalResponse
    from voice.protocol.server_events import ConversationItemAdded
    from voice.session import events as ev

    see, post = room.client.see, room.post

    def look(event: Any) -> None:
        see(event)
        if isinstance(event, ConversationItemAdded) and isinstance(event.item, McpApprovalRequest):
            if whims.random.random() < 0.1:
                room.client_says(room.clock.now + 1.0, ConversationItemDelete(item_id=event.item.id or ""))
            for at, request_id, approve in whims.to(event.item.id or "", room.clock.now):
                item = McpApprovalResponse(approval_request_id=request_id, approve=approve)
                room.client_says(at, ConversationItemCreate(item=item))

    def done_twice(event: ev.Event) -> None:
        post(event)
        if isinstance(event, ev.ToolDone) and whims.random.random() < 0.3:
            post(event)

    room.client.see = look  # type: ignore[method-assign]
    room.post = done_twice  # type: ignore[method-assign]


# The guards


class Nobody:
    """A conversation that wants nothing of its tools."""

    session_id = "bench"

    def announce(self, text: str) -> None: ...

    def progress(self, text: str) -> None: ...


ARGUMENTS = {"city": "Malmö", "days": 3, "units": "metric"}


async def weather(arguments: Mapping[str, Any], context: object) -> object:
    return {"city": arguments["city"], "days": [12.5, 13.0, 11.0]}


def executor() -> Executor:
    from voice.tools.audit import AuditRing
    from voice.tools.clock import SystemClock
    from voice.tools.executor import Executor
    from voice.tools.registry import Registry
    from voice.tools.spec import Tool

    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string", "minLength": 1},
            "days": {"type": "integer", "minimum": 1, "maximum": 7},
            "units": {"type": "string", "enum": ["metric", "imperial"]},
        },
        "required": ["city"],
    }
    tool = Tool("get_weather", "Weather.", schema, weather, side_effect="irreversible")
    return Executor(Registry([tool]), AuditRing(), SystemClock())


def guard_us() -> float:
    """Microseconds of CPU that the guards take, per call."""
    return asyncio.run(_guard_us())


async def _guard_us() -> float:
    from voice.tools.spec import Call

    guarded, nobody, text = executor(), Nobody(), json.dumps(ARGUMENTS)
    rounds = []
    for number in range(ROUNDS):
        calls = [Call(f"c{number}_{each}", "get_weather", text, "bench", "client") for each in range(CALLS)]
        began = process_time()
        for call in calls:
            await guarded.run(call, nobody)
        whole = process_time() - began
        began = process_time()
        for _ in calls:
            await weather(ARGUMENTS, nobody)
        rounds.append((whole - (process_time() - began)) / CALLS * 1e6)
        await guarded.end_session("bench")
    return median(rounds)


def table(figures: dict[str, float]) -> list[tuple[str, str]]:
    return [
        (f"calls in {CONVERSATIONS} conversations", f"{figures['calls']:,.0f}"),
        ("of which a person allowed", f"{figures['approved']:,.0f}"),
        ("answered twice", f"{figures['answered_twice']:.0f}"),
        ("acted twice", f"{figures['acted_twice']:.0f}"),
        ("acted without leave", f"{figures['acted_unapproved']:.0f}"),
        ("the guards, µs per call", f"{figures['guard_us_per_call']:.1f}"),
    ]
