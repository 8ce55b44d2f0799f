"""What a client is told beyond the protocol, once it has asked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.session.stage import Stage, of
from tests.session.test_floor import RULES as FLOOR
from tests.session.test_floor import speech
from tests.world.engine import Plan
from tests.world.room import Room
from voice.protocol.client_events import ConversationItemCreate, ConversationItemTruncate, SessionUpdate
from voice.protocol.codec import Unknown
from voice.protocol.items import McpApprovalRequest, McpApprovalResponse
from voice.protocol.server_events import ConversationItemDone
from voice.protocol.settings import Session as Settings
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.approval_side import NOT_ALLOWED
from voice.session.approvals import ApprovalRules
from voice.session.extension import EXTENSIONS
from voice.session.rules import Prices

ASK = SessionUpdate(session=Settings.model_validate({"type": "realtime", "voice": {"events": True}}))
APPROVALS = ApprovalRules(verdicts={"wipe": "ask"})


def told(effects: list[ef.Effect], kind: str = "") -> list[dict[str, Any]]:
    """The extension events among what goes to the client, without their ids."""
    said = [effect.event for effect in of(effects, ef.SendToClient) if isinstance(effect.event, Unknown)]
    return [
        {name: value for name, value in event.raw.items() if name not in ("type", "event_id")}
        for event in said
        if event.type == f"voice.{kind}" or (not kind and event.type in EXTENSIONS)
    ]


def browser(**config: Any) -> Stage:
    """A client whose sound we play, and that has asked."""
    stage = Stage(client_face=True, playout="reports", approvals=APPROVALS, **config)
    if config.get("tools"):
        stage.hear("session.updated", session={"type": "realtime"})
    stage.say(ev.ClientSaid(ASK))
    stage.hear("session.updated", session={"type": "realtime"})
    return stage


def words(stage: Stage, text: str, item_id: str = "item_a1") -> None:
    item = {"id": item_id, "type": "message", "role": "assistant", "content": []}
    stage.hear("response.output_item.added", response_id="resp_1", output_index=0, item=item)
    stage.hear(
        "response.output_audio_transcript.delta",
        response_id="resp_1",
        item_id=item_id,
        output_index=0,
        content_index=0,
        delta=text,
    )


# Asking


def test_who_does_not_ask_is_told_nothing() -> None:
    stage = Stage(client_face=True, tools=("clock",), playout="reports")
    stage.begin()
    effects = stage.call() + stage.say(ev.ToolDone("call_1", "noon")) + stage.sound(500) + stage.say(ev.StopTalking())
    assert told(effects) == []


def test_the_wish_is_ours_and_not_the_engines() -> None:
    stage = Stage(client_face=True)
    (update,) = of(stage.say(ev.ClientSaid(ASK)), ef.SendToEngine)
    assert "voice" not in update.event.model_dump_json(exclude_unset=True)


def test_it_can_be_asked_for_in_the_settings_that_a_session_begins_with() -> None:
    asked = Settings.model_validate({"type": "realtime", "instructions": "Be brief.", "voice": {"events": True}})
    stage = Stage(client_face=True, tools=("clock",), settings=asked, ready=False)
    (update, *_) = of(stage.connect(), ef.SendToEngine)
    assert "events" not in update.event.model_dump_json(exclude_unset=True)
    stage.hear("session.updated", session={"type": "realtime"})
    stage.begin()
    assert told(stage.call(), "tool")


def test_it_can_be_taken_back() -> None:
    stage = browser(tools=("clock",))
    never_mind = Settings.model_validate({"type": "realtime", "voice": {"events": False}})
    stage.say(ev.ClientSaid(SessionUpdate(session=never_mind)))
    stage.begin()
    assert told(stage.call()) == []


def test_every_event_has_its_own_id() -> None:
    stage = browser(tools=("clock",))
    stage.begin()
    effects = stage.call() + stage.say(ev.ToolDone("call_1", "noon"))
    ids = [e.event.raw["event_id"] for e in of(effects, ef.SendToClient) if isinstance(e.event, Unknown)]
    assert len(ids) == len(set(ids)) == 2


# A conversation with an interruption


def test_a_barge_in_is_ducked_then_yielded_to_and_what_was_heard_is_told() -> None:
    stage = browser(floor=FLOOR)
    stage.begin()
    words(stage, "one two three four five six seven eight nine ten")
    stage.sound(4_000)
    stage.now = 2.0
    stage.say(ev.Played(0, 2_000, 1.0))
    effects = stage.say(speech("onset", 60))
    for ms in range(100, 900, 40):
        stage.now = 2.0 + ms / 1000
        effects += stage.say(speech("going", ms + 60))
    floor = told(effects, "floor")
    assert [event["state"] for event in floor] == ["duck", "yield"]
    assert {event["item_id"] for event in floor} == {"item_a1"}
    assert 2_000 <= floor[0]["at_ms"] < floor[1]["at_ms"] < 2_900
    (final,) = [event for event in told(effects, "heard") if event["final"]]
    assert final["heard_ms"] == floor[1]["at_ms"]
    assert final["text"] == "one two three four five six"
    assert final["unheard_text"].split() == ["seven", "eight", "nine", "ten"]


def test_a_sound_that_was_no_interruption_is_restored() -> None:
    stage = browser(floor=FLOOR)
    stage.begin()
    stage.sound(4_000)
    stage.now = 2.0
    effects = stage.say(speech("onset", 60))
    stage.now = 2.1
    effects += stage.say(speech("offset", 160))
    for _ in range(8):
        if "restore" in [event["state"] for event in told(effects, "floor")]:
            break
        effects += stage.tick()
    assert [event["state"] for event in told(effects, "floor")] == ["duck", "restore"]


def test_an_item_that_was_queued_and_never_heard_is_told_too() -> None:
    stage = browser()
    stage.begin()
    words(stage, "first", "item_a1")
    words(stage, "second", "item_a2")
    stage.sound(1_000, item_id="item_a1")
    stage.finish("item_a1")
    stage.sound(1_000, item_id="item_a2", index=1)
    stage.now = 0.5
    effects = stage.say(ev.StopTalking())
    assert [(event["item_id"], event["text"], event["unheard_text"]) for event in told(effects, "heard")] == [
        ("item_a1", "", "first"),
        ("item_a2", "", "second"),
    ]
    assert [event["item_id"] for event in told(effects, "floor")] == ["item_a1"], "one stop, one word about it"


# What is heard


def test_progress_is_told_now_and_then_and_the_end_once() -> None:
    stage = browser()
    stage.begin()
    words(stage, "one two three four")
    stage.sound(2_000)
    stage.finish()
    effects: list[ef.Effect] = []
    for ms in range(50, 2_001, 50):
        stage.now = ms / 1000
        effects += stage.say(ev.Played(0, ms, 1.0))
    heard = told(effects, "heard")
    assert [event["final"] for event in heard] == [False] * (len(heard) - 1) + [True]
    assert 6 <= len(heard) <= 9
    assert [event["heard_ms"] for event in heard] == sorted(event["heard_ms"] for event in heard)
    assert all(event["text"] + event["unheard_text"] == "one two three four" for event in heard)
    stage.done()
    assert told(stage.say(ev.Tick()), "heard") == []


def test_an_item_whose_end_is_known_by_the_clock_only_is_told_at_its_end() -> None:
    stage = Stage(client_face=True, playout="clock")
    stage.say(ev.ClientSaid(ASK))
    stage.begin()
    words(stage, "hello")
    stage.sound(500)
    stage.finish()
    stage.done()
    (heard,) = told(stage.tick(), "heard")
    assert (heard["heard_ms"], heard["text"], heard["final"]) == (500, "hello", True)


def test_the_account_of_a_client_that_plays_by_itself_is_told_back() -> None:
    stage = Stage(client_face=True)
    stage.say(ev.ClientSaid(ASK))
    stage.begin()
    words(stage, "one two three four")
    stage.sound(2_000)
    effects = stage.say(ev.ClientSaid(ConversationItemTruncate(item_id="item_a1", content_index=0, audio_end_ms=1_000)))
    (heard,) = told(effects, "heard")
    assert (heard["heard_ms"], heard["text"], heard["final"]) == (1_000, "one two", True)


# Turns, tools, money


def test_how_long_a_spoken_turn_waited() -> None:
    stage = browser()
    stage.speak(seconds=0.4)
    stage.now += 0.3
    stage.begin()
    stage.sound(400)
    stage.now += 0.1
    (turn,) = told(stage.say(ev.Played(0, 60, 1.0)), "turn")
    assert turn == {"response_id": "resp_1", "decision_ms": 0, "first_delta_ms": 300, "first_audio_ms": 400}


def test_the_life_of_a_tools_card() -> None:
    stage = browser(tools=("clock",))
    stage.begin()
    effects = stage.call() + stage.say(ev.ToolProgress("call_1", "half")) + stage.say(ev.ToolDone("call_1", "noon"))
    card = {"item_id": "item_call_1", "call_id": "call_1", "name": "clock"}
    assert told(effects, "tool") == [
        {**card, "state": "running", "text": ""},
        {**card, "state": "progress", "text": "half"},
        {**card, "state": "done", "text": "noon"},
    ]


def test_the_card_of_a_tool_that_failed_says_why() -> None:
    stage = browser(tools=("clock",))
    stage.begin()
    stage.call()
    (card,) = told(stage.say(ev.ToolDone("call_1", "The clock is broken.", ok=False)), "tool")
    assert (card["state"], card["text"]) == ("failed", "The clock is broken.")


@pytest.mark.parametrize(("approve", "states"), [(True, ["running", "done"]), (False, ["failed"])])
def test_the_life_of_an_approval(approve: bool, states: list[str]) -> None:
    plan = lambda n: Plan(calls=(("c", "wipe", "{}"),), items=0) if n == 0 else Plan(sound_ms=600)  # noqa: E731
    room = Room(client_face=True, we_play=True, tools=("wipe",), plan=plan, approvals=APPROVALS)
    room.client_says(0.2, ASK)
    room.user_speaks(at=0.5, seconds=0.5)
    room.run(until=3.0)
    (request,) = [e.item for e in room.client.of(ConversationItemDone) if isinstance(e.item, McpApprovalRequest)]
    answer = McpApprovalResponse(approval_request_id=request.id or "", approve=approve)
    room.client_says(3.0, ConversationItemCreate(item=answer))
    room.run(until=6.0)
    cards = [event for event in room.client.of(Unknown) if event.type == "voice.tool"]
    assert [card.raw["state"] for card in cards] == ["awaiting_approval", *states]
    if not approve:
        assert cards[-1].raw["text"] == NOT_ALLOWED
    assert room.client.complaints == room.engine.errors == []


def test_what_a_response_cost_and_all_of_them() -> None:
    usage = {
        "total_tokens": 30,
        "input_tokens": 20,
        "output_tokens": 10,
        "input_token_details": {"text_tokens": 20, "audio_tokens": 0},
        "output_token_details": {"text_tokens": 10, "audio_tokens": 0},
    }
    stage = browser(prices=Prices(text_in=1.0, text_out=2.0))
    for number, total in ((1, 0.00004), (2, 0.00008)):
        stage.begin(f"resp_{number}")
        stage.now = number * 10.0
        (paid,) = told(stage.done(f"resp_{number}", usage=usage), "usage")
        assert paid["cost_usd"] == pytest.approx(0.00004)
        assert paid["total_usd"] == pytest.approx(total)
        assert paid["session_s"] == pytest.approx(number * 10.0)


def test_without_prices_no_cost_is_claimed() -> None:
    stage = browser()
    stage.begin()
    usage = {"total_tokens": 3, "input_tokens": 2, "output_tokens": 1}
    (paid,) = told(stage.done(usage=usage), "usage")
    assert (paid["cost_usd"], paid["total_usd"]) == (None, None)


def test_the_connection_is_told_of_too() -> None:
    stage = browser()
    assert told(stage.lose(), "link") == [{"state": "reconnecting"}]
    assert told(stage.connect(), "link") == [{"state": "restored"}]


def test_the_books_of_what_was_told_stay_small() -> None:
    room = Room(client_face=True, we_play=True, plan=lambda _: Plan(sound_ms=900, items=3), keep_log=False)
    room.client_says(0.2, ASK)
    for turn in range(60):
        room.user_speaks(at=1.0 + turn * 3.0, seconds=0.5)
    room.run(until=190.0)
    assert len(room.session.extension._told_ms) <= 3


def test_somebody_talks_over_the_assistant_in_a_browser() -> None:
    room = Room(client_face=True, we_play=True, floor=FLOOR, plan=lambda _: Plan(sound_ms=6_000), transcribes=False)
    room.client_says(0.2, ASK)
    room.user_speaks(at=0.5, seconds=0.5)
    room.person_sounds(at=3.0, ms=120)
    room.person_sounds(at=4.5, ms=1_500)
    room.run(until=6.2)
    events = [event.raw for event in room.client.of(Unknown)]
    assert [event["state"] for event in events if event["type"] == "voice.floor"] == [
        "duck",
        "restore",
        "duck",
        "yield",
    ]
    (final,) = [event for event in events if event["type"] == "voice.heard" and event["final"]]
    assert final["heard_ms"] == pytest.approx(room.speaker.heard[final["item_id"]], abs=60)
    assert final["text"]
    assert final["unheard_text"].strip()
    (turn,) = [event for event in events if event["type"] == "voice.turn"]
    assert 0 <= turn["decision_ms"] <= turn["first_delta_ms"] <= turn["first_audio_ms"]
    assert room.client.complaints == room.errors == []
