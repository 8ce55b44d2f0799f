"""Whatever a client does, in whatever order, and whatever breaks: the order of what is said holds."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engines.local.twins import HeardSound, Scene, call
from voice.engines.stages import BrainEvent, TextDelta
from voice.errors import EngineFailed
from voice.protocol.items import AssistantMessage
from voice.protocol.server_events import (
    ConversationItemAdded,
    ConversationItemDeleted,
    ConversationItemDone,
    ResponseContentPartAdded,
    ResponseContentPartDone,
    ResponseCreated,
    ResponseDone,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
)

SCRIPTS: list[list[BrainEvent | Exception]] = [
    [TextDelta("Very well.")],
    [TextDelta("One. Two. "), TextDelta("Three, and a good deal more than that.")],
    [TextDelta("One moment. "), *call("c1", "look", "{", "}"), *call("c2", "look", "{}")],
    [*call("c3", "look", "{}")],
    [TextDelta("One. "), EngineFailed("It broke.")],
    [],
]

Action = tuple[str, Any]
actions = st.lists(
    st.one_of(
        st.tuples(st.just("loop"), st.integers(1, 40)),
        st.tuples(st.just("loud"), st.integers(50, 1200)),
        st.tuples(st.just("quiet"), st.integers(50, 1200)),
        st.tuples(st.just("send"), st.sampled_from(["input_audio_buffer.commit", "input_audio_buffer.clear"])),
        st.tuples(st.just("respond"), st.booleans()),
        st.tuples(st.just("cancel"), st.integers(0, 3)),
        st.tuples(st.just("truncate"), st.integers(0, 400)),
        st.tuples(st.just("delete"), st.integers(0, 5)),
        st.tuples(st.just("write"), st.none()),
        st.tuples(st.just("detection"), st.sampled_from([None, "server_vad", "semantic_vad", "polite"])),
        st.tuples(st.just("script"), st.integers(0, len(SCRIPTS) - 1)),
        st.tuples(st.just("gate"), st.booleans()),
        st.tuples(st.just("hearing"), st.booleans()),
    ),
    max_size=30,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(actions)
def test_the_order_of_what_is_said_always_holds(wild: list[Action]) -> None:
    async def scene() -> None:
        async with Scene() as room:
            for action in wild:
                await act(room, *action)
            room.speaker.gate.set()
            room.recogniser.gate.set()
            await room.settle()
            check(room)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(scene())


async def act(room: Scene, kind: str, value: Any) -> None:
    match kind:
        case "loop":
            for _ in range(value):
                await asyncio.sleep(0)
        case "loud" | "quiet":
            room.append(value, loud=kind == "loud")
        case "send":
            room.send({"type": value})
        case "respond":
            room.send({"type": "response.create", "response": {"conversation": "none"} if value else {}})
        case "cancel":
            made = room.all(ResponseCreated)
            chosen = made[-value].response.id if 0 < value <= len(made) else None
            room.send({"type": "response.cancel", "response_id": chosen})
        case "truncate":
            heard = room.all(HeardSound)
            item_id = heard[-1].item_id if heard else "item_none"
            cut = {"item_id": item_id, "content_index": 0, "audio_end_ms": value}
            room.send({"type": "conversation.item.truncate", **cut})
        case "delete":
            added = room.all(ConversationItemAdded)
            doomed = added[-value].item.id if 0 < value <= len(added) else None
            room.send({"type": "conversation.item.delete", "item_id": doomed or "item_none"})
        case "write":
            content = [{"type": "input_text", "text": "hello"}]
            item = {"type": "message", "role": "user", "content": content}
            room.send({"type": "conversation.item.create", "item": item})
        case "detection":
            polite = {"type": "server_vad", "interrupt_response": False}
            detection = polite if value == "polite" else value and {"type": value}
            room.send(
                {
                    "type": "session.update",
                    "session": {"type": "realtime", "audio": {"input": {"turn_detection": detection}}},
                }
            )
        case "script":
            room.brain.scripts.append(SCRIPTS[value])
        case "gate":
            room.speaker.gate.set() if value else room.speaker.gate.clear()
        case "hearing":
            room.recogniser.gate.set() if value else room.recogniser.gate.clear()


def check(room: Scene) -> None:
    """The invariants of one conversation that has come to rest."""
    open_responses: dict[str, str | None] = {}
    over: set[str] = set()
    items: Counter[str] = Counter()
    parts: Counter[str] = Counter()
    present: set[str] = set()
    for event in room.events:
        response_id = getattr(event, "response_id", None)
        if response_id is not None:
            assert response_id in open_responses, f"{event.type} outside of its response"
        match event:
            case ResponseCreated():
                assert event.response.id not in over
                open_responses[event.response.id] = event.response.conversation_id
                in_conversation = [one for one in open_responses.values() if one is not None]
                assert len(in_conversation) <= 1, "two responses at once in the conversation"
            case ResponseDone():
                assert event.response.id in open_responses, "done twice, or never begun"
                del open_responses[event.response.id]
                over.add(event.response.id)
                assert all(item.status != "in_progress" for item in event.response.output)  # type: ignore[union-attr]
            case ResponseOutputItemAdded():
                items[event.item.id or ""] += 1
            case ResponseOutputItemDone():
                items[event.item.id or ""] -= 1
            case ResponseContentPartAdded():
                parts[event.item_id] += 1
            case ResponseContentPartDone():
                parts[event.item_id] -= 1
            case HeardSound():
                assert parts[event.item_id] == 1, "sound outside of its part"
            case ConversationItemAdded():
                assert event.previous_item_id is None or event.previous_item_id in present
                present.add(event.item.id or "")
            case ConversationItemDone():
                assert event.item.id in present
            case ConversationItemDeleted():
                present.remove(event.item_id)
            case _:
                pass
    assert not open_responses, "a response never ended"
    assert not +items
    assert not -items
    assert not +parts
    told = [item for request in room.brain.requests for item in request.items if isinstance(item, AssistantMessage)]
    assert all(item.content for item in told), "the brain was told of words nobody heard"
    assert room.brain.closed == len(room.brain.requests)
