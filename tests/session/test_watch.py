"""A conversation that would have gone deaf or mute without any error."""

from __future__ import annotations

import pytest

from tests.session.test_floor import RULES
from tests.world.engine import Plan
from tests.world.room import Room
from voice.audio.frames import PCM_24K, AudioFrame
from voice.protocol.client_events import ConversationItemCreate, ResponseCreate, SessionUpdate
from voice.protocol.codec import Unknown
from voice.protocol.settings import Session as Settings
from voice.protocol.traits import EngineTraits
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.rules import LinkRules
from voice.session.watch import Trouble, Watch, WatchRules

# The watches by themselves


def test_an_engine_that_says_nothing_is_asked_for_a_sign_and_left_when_none_comes() -> None:
    watch = Watch(WatchRules(doubt_ms=600, sign_ms=1_500))
    watch.expect(Trouble.NO_REPLY, 10.0)
    assert not watch.doubts(10.5)
    assert watch.doubts(10.6)
    watch.asked(10.6)
    assert watch.found(12.0) is None
    assert watch.found(12.1) is Trouble.NO_SIGN


def test_an_engine_that_lives_gets_the_patience_that_its_work_may_need() -> None:
    watch = Watch(WatchRules(no_reply_ms=6_000, doubt_ms=600))
    watch.expect(Trouble.NO_REPLY, 0.0)
    watch.asked(0.6)
    watch.engine_spoke(0.7)
    assert watch.found(5.9) is None
    assert not watch.doubts(1.8), "every sign makes the next doubt twice as late"
    assert watch.doubts(1.9)
    assert watch.found(6.0) is Trouble.NO_REPLY


def test_nothing_is_doubted_while_nothing_is_waited_for() -> None:
    watch = Watch(WatchRules())
    assert watch.deadline(may_ask=True) is None
    watch.expect(Trouble.SILENT_LINE, 0.0)
    assert not watch.doubts(60.0), "an engine is not to blame for a loudspeaker"


def test_an_engine_that_never_answers_updates_is_not_asked() -> None:
    watch = Watch(WatchRules(no_reply_ms=6_000))
    watch.expect(Trouble.NO_REPLY, 0.0)
    asking, waiting = watch.deadline(may_ask=True), watch.deadline(may_ask=False)
    assert asking is not None
    assert waiting is not None
    assert (asking.at, waiting.at) == (0.6, 6.0)


def test_a_model_that_thinks_long_is_given_twice_its_longest() -> None:
    watch = Watch(WatchRules(stalled_ms=8_000))
    watch.expect(Trouble.STALLED, 0.0)
    watch.came(Trouble.STALLED, 7.5)
    assert watch.patience_s(Trouble.STALLED) == 15.0


def test_each_repair_in_a_row_doubles_the_patience() -> None:
    watch = Watch(WatchRules(no_reply_ms=6_000))
    watch.repaired = 2
    assert watch.patience_s(Trouble.NO_REPLY) == 24.0
    watch.all_well()
    assert watch.patience_s(Trouble.NO_REPLY) == 6.0


def test_who_waits_for_sense_may_wait_longer_for_the_end_of_speech() -> None:
    watch = Watch(WatchRules(no_end_ms=3_500, sense_ms=10_000))
    assert watch.patience_s(Trouble.NO_END) == 3.5
    watch.by_sense = True
    assert watch.patience_s(Trouble.NO_END) == 10.0


# In a room


def links(room: Room) -> int:
    return len(room.effects(ef.OpenLink))


def test_a_reply_that_never_begins_is_asked_of_another_connection() -> None:
    room = Room(plan=lambda n: Plan(first_after_ms=1e9) if n == 0 else Plan(), watch=WatchRules(stalled_ms=3_000))
    room.user_speaks(at=1.0, seconds=0.5)
    room.run(until=12.0)
    assert [note["trouble"] for note in room.notes("watchdog")] == ["reply begun, nothing more came"]
    assert links(room) == 2
    assert room.speaker.heard, "and is heard"


def test_speech_that_the_engine_does_not_hear_is_said_to_another_one() -> None:
    room = Room(floor=RULES, watch=WatchRules(unheard_ms=2_000))
    room.run(until=2.0)
    for step in range(40):
        facts = ev.CallerSpeech("going", 100 + step * 40, 60, -25, -60, 0.0, 0.9)
        room.happens(2.0 + step * 0.04, facts)
    room.run(until=6.0)
    assert links(room) == 2
    assert [note["trouble"] for note in room.notes("watchdog")] == ["speech captured, the engine heard nothing"]


def test_a_far_end_that_reports_nothing_is_noted_and_the_call_goes_on() -> None:
    room = Room(playout="reports", plan=lambda _: Plan(sound_ms=9_000), watch=WatchRules(silent_line_ms=2_000))
    room.reports = False
    room.user_speaks(at=1.0, seconds=0.5)
    room.run(until=12.0)
    assert room.notes("watchdog")
    assert links(room) == 1


def test_an_engine_that_never_answers_is_given_up_after_so_many_repairs() -> None:
    room = Room(plan=lambda _: Plan(first_after_ms=1e9), watch=WatchRules(stalled_ms=1_000, repairs=2))
    room.user_speaks(at=1.0, seconds=0.5)
    room.run(until=30.0)
    (hang_up,) = room.effects(ef.HangUp)
    assert hang_up.code == 1011
    assert len(room.notes("watchdog")) == 3


def test_before_the_cap_it_rolls_over_in_a_quiet_moment() -> None:
    room = Room(traits=EngineTraits("capped", max_session_s=3_600.0), audio=False)
    room.user_speaks(at=1.0, seconds=0.5)
    room.user_speaks(at=3_299.0, seconds=0.5)
    room.run(until=3_400.0)
    assert links(room) == 2
    (rolled,) = [line.at for line in room.log for e in line.effects if isinstance(e, ef.Note) and e.kind == "roll_over"]
    assert rolled > 3_300.0, "not while the person waits for an answer or hears it"
    told = [e for e in room.engine.received if isinstance(e, ConversationItemCreate)]
    assert len(told) == 4, "the new connection knows both turns and both answers"
    assert room.engine.errors == []


def test_a_talk_that_never_pauses_is_rolled_over_before_the_engine_ends_it() -> None:
    room = Room(
        traits=EngineTraits("capped", max_session_s=600.0),
        plan=lambda _: Plan(sound_ms=2_000_000, speed=1.0),
        audio=False,
    )
    room.user_speaks(at=1.0, seconds=0.5)
    room.run(until=600.0)
    (rolled,) = [line.at for line in room.log for e in line.effects if isinstance(e, ef.Note) and e.kind == "roll_over"]
    assert rolled == pytest.approx(580.0, abs=0.2)


def test_when_the_engine_is_gone_for_good_our_own_closing_words_are_heard_before_the_end() -> None:
    words = AudioFrame(PCM_24K, PCM_24K.silence(1_500))
    room = Room(refuse_connections=100, link=LinkRules(attempts=1), closing=words)
    room.run(until=20.0)
    assert room.speaker.heard == {"closing": pytest.approx(1_500)}
    (hang_up,) = room.effects(ef.HangUp)
    assert hang_up.code == 1011
    assert room.session.ended


def test_a_client_that_asked_for_it_is_told_when_the_engine_comes_and_goes() -> None:
    for asked in (True, False):
        room = Room(client_face=True)
        extra = {"voice": {"link_events": True}} if asked else {}
        settings = Settings.model_validate({"type": "realtime", "instructions": "Be kind."} | extra)
        room.client_says(0.5, SessionUpdate(session=settings))
        room.engine_drops(at=2.0)
        room.run(until=5.0)
        told = [e.event.raw["state"] for e in room.effects(ef.SendToClient) if isinstance(e.event, Unknown)]
        assert told == (["reconnecting", "restored"] if asked else [])
        for update in room.sent(SessionUpdate):
            assert "voice" not in (update.session.model_extra or {}), "the engine never sees our extension"


@pytest.mark.slow
def test_a_day_of_talk_keeps_its_history_bounded_and_rolls_over_each_hour() -> None:
    room = Room(traits=EngineTraits("capped", max_session_s=3_600.0), audio=False, keep_log=False)
    for minute in range(24 * 60):
        room.user_speaks(at=60.0 * minute + 5, seconds=0.5)
    room.run(until=24 * 3_600.0)
    assert 24 <= len(room.engines) <= 28
    assert len(room.session.history.order) <= room.session.config.history_items
    assert len(room.engine.items) >= 2
    assert sum(engine.replies for engine in room.engines[-1:]) >= 1_400
    assert all(not engine.errors for engine in room.engines)
    assert len(room.sent(ResponseCreate)) == 0, "nothing is kept of what happened"
