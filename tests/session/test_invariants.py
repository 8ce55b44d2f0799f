"""What must hold in every conversation, whatever happens in it and when."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.world.engine import Plan
from tests.world.room import Line, Room
from voice.protocol.client_events import (
    ConversationItemCreate,
    ConversationItemTruncate,
    InputAudioBufferCommit,
    ResponseCreate,
    SessionUpdate,
)
from voice.protocol.items import FunctionCall, FunctionCallOutput, InputText, UserMessage
from voice.protocol.server_events import ErrorEvent, ResponseCreated, ResponseDone
from voice.protocol.settings import AudioInput, AudioSettings
from voice.protocol.settings import Session as Settings
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.rules import LinkRules, TurnRules
from voice.session.states import Link, Reply, Voice

SCENE_S = 12.0
END_S = 40.0
MOMENTS = st.floats(0.2, SCENE_S).map(lambda at: round(at, 3))
PLANS = st.builds(
    Plan,
    sound_ms=st.sampled_from([0.0, 300.0, 1_500.0, 6_000.0]),
    speed=st.sampled_from([1.0, 3.0, 40.0]),
    items=st.integers(1, 2),
    calls=st.sampled_from([(), (("a", "clock", "{}"),), (("a", "clock", "{}"), ("b", "clock", "{}"))]),
    first_after_ms=st.sampled_from([0.0, 150.0, 900.0]),
    fails=st.sampled_from(["", "", "", "", "server_error"]),
)
LINES = st.builds(
    Line,
    delay_ms=st.sampled_from([0.0, 30.0, 120.0]),
    jitter_ms=st.sampled_from([0.0, 60.0]),
    loss=st.sampled_from([0.0, 0.0, 0.3]),
)
EVENTS = st.one_of(
    st.just(ev.Say("It is time.")),
    st.just(ev.StopTalking()),
    st.just(ev.Typed("hello")),
    st.sampled_from("12#").map(ev.Dtmf),
)
SCENES = settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a scene is its seed and its script: shrinking takes minutes
    print_blob=True,
)


def scene(draw: st.DrawFn, **config: Any) -> Room:
    """A room with an engine of many moods, and drops of its connection."""
    plans = draw(st.lists(PLANS, min_size=3, max_size=6))
    room = Room(
        seed=draw(st.integers(0, 1_000)),
        line=draw(LINES),
        tools=("clock",),
        tool_ms=draw(st.sampled_from([10.0, 700.0, 4_000.0])),
        plan=lambda n: plans[n] if n < len(plans) else Plan(),
        refuse_connections=draw(st.sampled_from([0, 0, 2])),
        created_after_ms=draw(st.sampled_from([0.0, 0.0, 250.0])),
        transcribes=draw(st.booleans()),
        link=LinkRules(attempts=1_000),
        **config,
    )
    for at in draw(st.lists(MOMENTS, max_size=3)):
        room.engine_drops_if_up(at)
    return room


@st.composite
def spoken(draw: st.DrawFn) -> Room:
    """Somebody who talks, pauses, coughs, writes and presses keys."""
    room = scene(
        draw,
        playout=draw(st.sampled_from(["reports", "marks", "clock"])),
        turns=TurnRules(floor=draw(st.sampled_from(["ours", "engine"]))),
        greeting=draw(st.sampled_from(["", "Hello."])),
    )
    for at in draw(st.lists(MOMENTS, max_size=6)):
        room.user_says(at, *draw(st.sampled_from([(0.1,), (0.6,), (2.0,), (0.8, 0.3, 0.5), (0.5, 0.9, 0.5)])))
    for at in draw(st.lists(MOMENTS, max_size=2)):
        room.user_coughs(at)
    for at, event in draw(st.lists(st.tuples(MOMENTS, EVENTS), max_size=5)):
        room.happens(at, event)
    return room.run(until=END_S)


@st.composite
def pressed(draw: st.DrawFn) -> Room:
    """Somebody with a talk button."""
    rules = TurnRules(mode="push_to_talk", floor=draw(st.sampled_from(["ours", "engine"])))
    room = scene(draw, playout=draw(st.sampled_from(["reports", "clock"])), turns=rules)
    for at, held_s in draw(st.lists(st.tuples(MOMENTS, st.sampled_from([0.05, 0.16, 0.8, 2.5])), max_size=6)):
        room.happens(at, ev.PushToTalk(True))
        room.happens(at + held_s, ev.PushToTalk(False))
    for at, event in draw(st.lists(st.tuples(MOMENTS, EVENTS), max_size=3)):
        room.happens(at, event)
    return room.run(until=END_S)


@st.composite
def shown(draw: st.DrawFn) -> Room:
    """A realtime client."""
    room = scene(draw, client_face=True)
    by_hand = draw(st.booleans())
    if by_hand:
        detection = AudioSettings(input=AudioInput(turn_detection=None))
        room.client_says(0.1, SessionUpdate(session=Settings(audio=detection)))
    for at in draw(st.lists(MOMENTS, max_size=5)):
        if by_hand:
            room.client_says(at, InputAudioBufferCommit())
            room.client_says(at + 0.01, ResponseCreate())
        else:
            room.user_says(at, 0.6)
    for at in draw(st.lists(MOMENTS, max_size=3)):
        room.client_says(at, ConversationItemCreate(item=UserMessage(content=[InputText(text="hello")])))
        if draw(st.booleans()):
            room.client_says(at + 0.01, ResponseCreate())
    for at in draw(st.lists(MOMENTS, max_size=1)):
        room.happens(at, ev.StopTalking())
    return room.run(until=END_S)


@SCENES
@given(spoken())
def test_a_spoken_conversation(room: Room) -> None:
    lawful(room)
    one_reply_at_a_time(room)
    never_deaf(room)
    truncated_where_heard(room)


@SCENES
@given(pressed())
def test_a_conversation_by_the_talk_button(room: Room) -> None:
    lawful(room)
    one_reply_at_a_time(room)
    truncated_where_heard(room)
    every_talk_is_committed(room)


@SCENES
@given(shown())
def test_a_conversation_of_a_realtime_client(room: Room) -> None:
    lawful(room)
    never_deaf(room)
    assert room.client.complaints == []
    assert room.client.open_responses == set(), "exactly one end for every response"


def lawful(room: Room) -> None:
    """What holds whoever talks."""
    errors = Counter(room.errors)
    assert errors["truncated_beyond"] == 0, "never truncate beyond what was received"
    assert errors["truncated_twice"] == 0
    assert errors["call_answered_twice"] == 0
    assert errors["item_exists"] == 0
    assert room.speaker.stale_ms == 0, "nothing of a stopped item is heard after the stop"
    one_voice_at_a_time(room)
    every_request_has_an_end(room)
    one_done_per_created(room)
    every_call_is_answered_once(room)
    nothing_is_sent_to_nobody(room)
    comes_to_rest(room)
    ends_once(room)


def one_reply_at_a_time(room: Room) -> None:
    if room.config.turns.floor == "ours":
        assert "conversation_already_has_active_response" not in room.errors


def one_voice_at_a_time(room: Room) -> None:
    """One reply is heard behind the other, and none goes on when the next has begun."""
    heard: list[str] = []
    for play in room.effects(ef.Play):
        if heard[-1:] != [play.response_id]:
            assert play.response_id not in heard
            heard.append(play.response_id)


def every_request_has_an_end(room: Room) -> None:
    """What was asked of an engine that lived on was made, and made to its end, or refused."""
    asked: dict[str, float] = {}
    for line in room.log:
        if isinstance(line.event, ev.LinkLost):
            asked.clear()
        if isinstance(line.event, ev.EngineSaid):
            said = line.event.event
            if isinstance(said, ResponseDone):
                asked.clear()  # there is one at a time
            elif isinstance(said, ErrorEvent):
                asked.pop(said.error.event_id or "", None)
        for effect in line.effects:
            if isinstance(effect, ef.SendToEngine) and isinstance(effect.event, ResponseCreate):
                asked[effect.event.event_id or ""] = line.at
    assert asked == {}


def one_done_per_created(room: Room) -> None:
    created: Counter[str] = Counter()
    for line in room.log:
        if isinstance(line.event, ev.EngineSaid):
            said = line.event.event
            if isinstance(said, ResponseCreated):
                created[said.response.id] += 1
            elif isinstance(said, ResponseDone):
                assert created[said.response.id] == 1
    asked = [create.event_id for create in room.sent(ResponseCreate)]
    assert room.session.face is not None or len(asked) == len(set(asked))


def every_call_is_answered_once(room: Room) -> None:
    started = [run.call_id for run in room.effects(ef.RunTool)]
    assert len(started) == len(set(started))
    told: Counter[str] = Counter()
    for engine in room.engines:
        received = [e.item for e in engine.received if isinstance(e, ConversationItemCreate)]
        mine = [item.call_id for item in received if isinstance(item, FunctionCallOutput)]
        assert len(mine) == len(set(mine))
        told.update(mine)
    in_history = {
        entry.item.call_id
        for entry in room.session.history.entries.values()
        if isinstance(entry.item, FunctionCallOutput)
    }
    for call_id in room.answered:
        assert told[call_id] >= 1 or call_id in in_history
    assert not room.session.calls.running


def nothing_is_sent_to_nobody(room: Room) -> None:
    """What is said to an engine is said while there is one, or to the one that just greeted."""
    ready = False
    for line in room.log:
        for effect in line.effects:
            if isinstance(effect, ef.Note) and effect.kind == "link":
                ready = effect.values["state"] == "ready"
        sends = any(isinstance(effect, ef.SendToEngine | ef.SendAudio) for effect in line.effects)
        assert ready or not sends


def comes_to_rest(room: Room) -> None:
    """Long after the last word everything is said and done: no reply is stuck and no wish forgotten."""
    session = room.session
    assert not session.ended
    assert session.states.link is Link.READY
    assert session.states.reply is Reply.NONE
    assert session.states.voice is Voice.QUIET
    assert not session.replies.wishes
    items = [entry.item for entry in session.history.entries.values()]
    calls = {item.call_id for item in items if isinstance(item, FunctionCall)}
    assert all(item.call_id in calls for item in items if isinstance(item, FunctionCallOutput))


def ends_once(room: Room) -> None:
    first = room.session.handle(ev.HungUp("bye"), room.clock.now)
    assert [type(effect) for effect in first if not isinstance(effect, ef.Note | ef.CancelTool)] == [
        ef.CloseLink,
        ef.HangUp,
    ]
    assert room.session.handle(ev.Close("again"), room.clock.now) == []
    assert room.session.deadline() is None


def never_deaf(room: Room) -> None:
    """All that was captured was sent to an engine or is kept (a drop is counted)."""
    sent_ms = sum(audio.frame.duration_ms for audio in room.effects(ef.SendAudio))
    gap = room.session.gap
    assert sent_ms + gap.held_ms + gap.dropped_ms >= room.captured_ms - 1


def every_talk_is_committed(room: Room) -> None:
    """What was said with the button held is in the end committed to the engine that is there."""
    assert not room.session.gap.turn_open
    meant = [line for line in room.log if isinstance(line.event, ev.PushToTalk) and not line.event.held]
    if meant and not room.notes("tap_ignored"):
        assert any(engine.committed_ms for engine in room.engines)


def truncated_where_heard(room: Room) -> None:
    """As near to what the loudspeaker really played as the far end's way of telling allows."""
    line = room.line
    late_ms = 2 * (line.delay_ms + line.jitter_ms)
    slack_ms = 21 + late_ms
    if room.config.playout == "marks":
        slack_ms += 800
    if line.loss:
        slack_ms += 400
    for cut in room.sent(ConversationItemTruncate):
        heard_ms = room.speaker.heard.get(cut.item_id, 0.0)
        assert abs(heard_ms - cut.audio_end_ms) <= slack_ms, (heard_ms, cut.audio_end_ms)


# Long conversations


def talk(seconds: float, **config: Any) -> Room:
    """Turns, interruptions, tools, timers and lost connections, hour after hour."""

    def plan(reply: int) -> Plan:
        if reply % 5 == 4:
            return Plan(calls=((f"call_{reply}", "clock", "{}"),), items=0)
        return Plan(sound_ms=3_000.0, speed=5.0)

    room = Room(plan=plan, tools=("clock",), keep_log=False, link=LinkRules(attempts=1_000), **config)
    for turn in range(int(seconds // 20)):
        at = 1.0 + turn * 20
        room.user_says(at, 1.2)
        if turn % 3 == 2:
            room.user_says(at + 3.4, 0.5)
        if turn % 30 == 7:
            room.engine_drops_if_up(at + 2.0 + (turn % 7) * 0.5)
        if turn % 11 == 3:
            room.happens(at + 9, ev.Say("It is time."))
    return room.run(until=seconds)


def sizes(room: Room) -> dict[str, int]:
    """How much each book holds."""
    session = room.session
    return {
        "history": len(session.history.entries),
        "ledger": len(session.ledger.items) + len(session.ledger._received),
        "replies": len(session.replies.wishes) + len(session.replies._stale) + len(session.replies._over),
        "calls": len(session.calls.open) + len(session.calls._answered),
        "gap": round(session.gap.held_ms / 20) + len(session.gap.commits),
        "engine": len(session.told._retelling) + len(session.told._as_text) + len(session.told._of_client),
        "responses": len(session.calling) + len(session.reply_side.shown),
        "updates": len(session.updates),
        "held": len(session.client._held),
    }


LIMITS = {
    "history": 400,
    "ledger": 80,
    "replies": 192,
    "calls": 260,
    "gap": 400,
    "engine": 1_300,
    "responses": 2,
    "updates": 2,
    "held": 0,
}


def bounded(room: Room) -> None:
    grown = {name: size for name, size in sizes(room).items() if size > LIMITS[name]}
    assert not grown
    comes_to_rest(room)
    assert [code for code in room.errors if code != "item_truncate_invalid_item_id"] == []


def test_an_hour_of_talk_keeps_its_books_small() -> None:
    bounded(talk(3_600))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_day_of_talk_keeps_its_books_small() -> None:
    bounded(talk(24 * 3_600))
