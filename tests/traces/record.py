"""Records the conversations of this folder anew: `python -m tests.traces.record`.

They are played in the virtual room, so a line that changes here is a decision that changed in the core: read the diff
before it is committed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from tests.world.engine import Plan
from tests.world.room import Line, Room
from voice.protocol.client_events import ConversationItemCreate, ResponseCreate, SessionUpdate
from voice.protocol.items import InputText, McpApprovalRequest, McpApprovalResponse, UserMessage
from voice.protocol.server_events import ConversationItemDone
from voice.protocol.settings import FunctionTool
from voice.protocol.settings import Session as Settings
from voice.runtime.trace import TraceWriter
from voice.session import events as ev
from voice.session.approvals import ApprovalRules
from voice.session.rules import TurnRules

FOLDER = Path(__file__).parent


def a_call_with_a_tool_and_an_interruption() -> Room:
    plan = lambda n: Plan(calls=(("c", "clock", "{}"),), items=0) if n == 0 else Plan(sound_ms=1_500, speed=3)  # noqa: E731
    room = Room(tools=("clock",), line=Line(delay_ms=40, jitter_ms=20), playout="marks", plan=plan, tool_ms=300)
    room.user_says(0.5, 0.6)
    room.user_says(2.6, 0.4)
    room.happens(5.6, ev.HungUp("the person hung up"))
    return room.run(until=6.0)


def a_connection_lost_in_the_middle_of_a_turn() -> Room:
    room = Room(playout="clock", plan=lambda _: Plan(sound_ms=800))
    room.user_speaks(at=0.5, seconds=1.0)
    room.engine_drops(at=1.1)
    room.happens(2.5, ev.Say("Your tea is ready."))
    room.happens(5.0, ev.Close("the service is stopping"))
    return room.run(until=5.5)


def a_talk_button() -> Room:
    room = Room(turns=TurnRules(mode="push_to_talk"), playout="reports", plan=lambda _: Plan(sound_ms=1_200))
    for at, held_s in ((0.4, 0.7), (1.9, 0.5), (3.4, 0.05)):
        room.happens(at, ev.PushToTalk(True))
        room.happens(at + held_s, ev.PushToTalk(False))
    room.happens(4.5, ev.Typed("thank you"))
    room.happens(6.5, ev.HungUp("the person hung up"))
    return room.run(until=7.0)


def a_realtime_client() -> Room:
    lamp = FunctionTool(name="lamp", description="a lamp", parameters={"type": "object"})
    plan = lambda n: Plan(calls=(("c", "clock", "{}"),), items=0) if n == 1 else Plan(sound_ms=900)  # noqa: E731
    room = Room(client_face=True, tools=("clock",), plan=plan)
    room.client_says(0.1, SessionUpdate(event_id="mine", session=Settings(instructions="Be brief.", tools=[lamp])))
    room.user_speaks(at=0.5, seconds=0.4)
    room.client_says(2.5, ConversationItemCreate(item=UserMessage(content=[InputText(text="what time is it")])))
    room.client_says(2.6, ResponseCreate(event_id="please"))
    room.engine_drops(at=4.6)
    room.happens(5.5, ev.HungUp("the client left"))
    return room.run(until=6.0)


def an_approval_and_a_refusal() -> Room:
    """A browser that wants every event; the ids are the session's own, and the same each time."""
    plan = lambda n: Plan(sound_ms=900) if n % 2 else Plan(calls=(("c", "wipe", "{}"),), items=0)  # noqa: E731
    rules = ApprovalRules(verdicts={"wipe": "ask"})
    room = Room(client_face=True, we_play=True, tools=("wipe",), plan=plan, approvals=rules, playout="marks")
    wish = Settings.model_validate({"type": "realtime", "voice": {"events": True}})
    room.client_says(0.1, SessionUpdate(event_id="mine", session=wish))
    for at, approve in ((0.5, True), (4.0, False)):
        room.user_speaks(at=at, seconds=0.4)
        room.run(until=at + 1.5)
        request = [e.item for e in room.client.of(ConversationItemDone) if isinstance(e.item, McpApprovalRequest)][-1]
        answer = McpApprovalResponse(approval_request_id=request.id or "", approve=approve, reason="not now")
        room.client_says(at + 1.6, ConversationItemCreate(item=answer))
    room.happens(6.6, ev.HungUp("the client left"))
    return room.run(until=7.0)


SCENES: tuple[Callable[[], Room], ...] = (
    a_call_with_a_tool_and_an_interruption,
    a_connection_lost_in_the_middle_of_a_turn,
    a_talk_button,
    a_realtime_client,
    an_approval_and_a_refusal,
)


def path_of(scene: Callable[[], Room]) -> Path:
    return FOLDER / f"{scene.__name__}.jsonl"


def write(scene: Callable[[], Room], path: Path) -> None:
    room = scene()
    with path.open("w", encoding="utf-8") as file:
        writer = TraceWriter(file, room.config, started="2026-11-22T12:00:00+00:00")
        for line in room.log:
            writer.watch(line.at, line.event, line.effects)


if __name__ == "__main__":
    for scene in SCENES:
        write(scene, path_of(scene))
        sys.stdout.write(f"{path_of(scene).name}\n")
