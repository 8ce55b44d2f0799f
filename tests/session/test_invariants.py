"""What must hold in every conversation, whatever happens in it and when."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.world.engine import Plan
from tests.world.room import Line, Room
from voice.protocol.client_events import ConversationItemCreate, ConversationItemTruncate, ResponseCreate
from voice.protocol.items import FunctionCallOutput
from voice.protocol.server_events import ResponseCreated, ResponseDone
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.rules import TurnRules

MOMENTS = st.floats(0.2, 12.0).map(lambda at: round(at, 3))
PLANS = st.builds(
    Plan,
    sound_ms=st.sampled_from([0.0, 300.0, 1_500.0, 6_000.0]),
    speed=st.sampled_from([1.0, 3.0, 40.0]),
    items=st.integers(1, 2),
    calls=st.sampled_from([(), (("a", "clock", "{}"),), (("a", "clock", "{}"), ("b", "clock", "{}"))]),
    first_after_ms=st.sampled_from([0.0, 150.0, 900.0]),
)
EVENTS = st.one_of(
    st.just(ev.Say("It is time.")),
    st.just(ev.StopTalking()),
    st.just(ev.Typed("hello")),
    st.sampled_from("12#").map(ev.Dtmf),
)


@st.composite
def rooms(draw: st.DrawFn) -> Room:
    plans = draw(st.lists(PLANS, min_size=3, max_size=6))
    room = Room(
        seed=draw(st.integers(0, 1_000)),
        line=Line(delay_ms=draw(st.sampled_from([0.0, 30.0, 120.0]))),
        playout=draw(st.sampled_from(["reports", "marks", "clock"])),
        tools=("clock",),
        tool_ms=draw(st.sampled_from([10.0, 700.0, 4_000.0])),
        plan=lambda n: plans[n] if n < len(plans) else Plan(),
        turns=TurnRules(floor=draw(st.sampled_from(["ours", "engine"]))),
        refuse_connections=draw(st.sampled_from([0, 0, 2])),
    )
    for at in draw(st.lists(MOMENTS, max_size=8)):
        room.user_speaks(at, draw(st.sampled_from([0.1, 0.6, 2.0])))
    for at, event in draw(st.lists(st.tuples(MOMENTS, EVENTS), max_size=6)):
        room.happens(at, event)
    for at in draw(st.lists(MOMENTS, max_size=3)):
        room.engine_drops_if_up(at)
    return room.run(until=16.0)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(rooms())
def test_every_invariant_of_the_session(room: Room) -> None:
    errors = Counter(code for engine in room.engines for code in engine.errors)
    assert errors["truncated_beyond"] == 0, "never truncate beyond what was received"
    assert errors["truncated_twice"] == 0
    assert errors["call_answered_twice"] == 0
    assert errors["item_exists"] == 0
    if room.config.turns.floor == "ours":
        assert errors["conversation_already_has_active_response"] == 0, "at most one active response"
    assert room.speaker.stale_ms == 0, "nothing of a stopped item is heard after the stop"
    one_done_per_created(room)
    every_call_is_answered_once(room)
    never_deaf(room)
    truncated_where_heard(room)


def one_done_per_created(room: Room) -> None:
    created: Counter[str] = Counter()
    for line in room.log:
        if isinstance(line.event, ev.EngineSaid):
            said = line.event.event
            if isinstance(said, ResponseCreated):
                created[said.response.id] += 1
            elif isinstance(said, ResponseDone):
                assert created[said.response.id] == 1
    asked = [e.event.event_id for e in room.effects(ef.SendToEngine) if isinstance(e.event, ResponseCreate)]
    assert len(asked) == len(set(asked))


def every_call_is_answered_once(room: Room) -> None:
    started = [e.call_id for e in room.effects(ef.RunTool)]
    assert len(started) == len(set(started))
    answered = Counter(
        e.item.call_id
        for engine in room.engines
        for e in engine.received
        if isinstance(e, ConversationItemCreate) and isinstance(e.item, FunctionCallOutput)
    )
    for engine in room.engines:
        mine = [
            e.item.call_id
            for e in engine.received
            if isinstance(e, ConversationItemCreate) and isinstance(e.item, FunctionCallOutput)
        ]
        assert len(mine) == len(set(mine))
    for call_id in room.answered:
        assert answered[call_id] >= 1 or room.session.states.link.value != "ready" or room.session.ended


def never_deaf(room: Room) -> None:
    """All that was captured was sent to an engine or is kept (a drop is counted)."""
    if room.session.ended:
        return
    sent = {id(line) for line in room.log}
    sent_ms = sum(e.frame.duration_ms for e in room.effects(ef.SendAudio))
    session = room.session
    assert sent
    assert sent_ms + session.gap.held_ms + session.gap.dropped_ms >= room.captured_ms - 1


def truncated_where_heard(room: Room) -> None:
    """At most one frame and the line's delay away from what the loudspeaker really played."""
    for e in room.effects(ef.SendToEngine):
        if isinstance(e.event, ConversationItemTruncate):
            heard = room.speaker.heard.get(e.event.item_id, 0.0)
            slack = 21 + 2 * room.line.delay_ms
            if room.config.playout == "marks":
                slack += 400
            assert abs(heard - e.event.audio_end_ms) <= slack, (heard, e.event.audio_end_ms)
