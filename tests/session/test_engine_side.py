"""What follows from what the engine says, and from what it should not have said."""

from __future__ import annotations

from typing import Any

import pytest

from tests.session.stage import Stage, call, message, noted, of, response, sent
from voice.protocol.client_events import (
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemTruncate,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
)
from voice.protocol.codec import Unknown
from voice.protocol.items import AssistantMessage, OutputText
from voice.protocol.settings import AudioInput, AudioSettings, FunctionTool, ServerVad
from voice.protocol.settings import Session as Settings
from voice.protocol.traits import EngineTraits
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.states import Floor, Link, Reply, States, Voice

LAMP = FunctionTool(name="lamp", description="", parameters={"type": "object"})


def sounding(ms: float = 2_000, **config: Any) -> Stage:
    """A reply of which half a second was heard."""
    stage = Stage(**config)
    stage.speak()
    stage.begin()
    stage.hear("conversation.item.added", item=message("item_a1"), previous_item_id="item_u1")
    stage.sound(ms)
    stage.now += 0.5
    stage.say(ev.Played(stage.session.ledger.epoch, 500, 1))
    return stage


def speech_starts(stage: Stage) -> list[ef.Effect]:
    return stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_u2")


# The settings


def test_our_tools_are_asked_for_beside_the_settings() -> None:
    stage = Stage(settings=Settings(tools=[LAMP]), tools=("clock",), ready=False)
    (update,) = sent(stage.connect(), SessionUpdate)
    assert [tool.name for tool in update.session.tools] == ["lamp", "clock"]  # type: ignore[union-attr]


def test_a_changed_setting_is_true_when_the_engine_says_so() -> None:
    stage = Stage()
    stage.hear("session.updated", session={"type": "realtime"})
    (update,) = sent(stage.say(ev.Change(Settings(instructions="Be brief."))), SessionUpdate)
    before = stage.session.settings
    stage.hear("session.updated", session={"type": "realtime"})
    assert (before.instructions, stage.session.settings.instructions) == (None, "Be brief.")
    assert update.event_id


def test_a_change_that_was_refused_is_not_true() -> None:
    stage = Stage()
    stage.hear("session.updated", session={"type": "realtime"})
    (update,) = sent(stage.say(ev.Change(Settings(instructions="Be brief."))), SessionUpdate)
    error = {"type": "x", "code": "invalid_value", "message": "m", "event_id": update.event_id}
    stage.hear("error", error=error)
    stage.hear("session.updated", session={"type": "realtime"})
    assert stage.session.settings.instructions is None


def test_a_change_keeps_our_tools_and_the_floor() -> None:
    stage = Stage(tools=("clock",))
    wish = Settings(tools=[LAMP], audio=AudioSettings(input=AudioInput(turn_detection=ServerVad(threshold=0.9))))
    (update,) = sent(stage.say(ev.Change(wish)), SessionUpdate)
    assert [tool.name for tool in update.session.tools] == ["lamp", "clock"]  # type: ignore[union-attr]
    detection = update.session.audio.input.turn_detection  # type: ignore[union-attr]
    assert detection.threshold == 0.9  # type: ignore[union-attr]
    assert (detection.create_response, detection.interrupt_response) == (False, False)  # type: ignore[union-attr]


def test_a_change_while_the_engine_is_away_is_asked_of_the_next() -> None:
    stage = Stage()
    stage.lose()
    assert sent(stage.say(ev.Change(Settings(instructions="Be brief."))), SessionUpdate) == []
    (update,) = sent(stage.connect(), SessionUpdate)
    assert update.session.instructions == "Be brief."  # type: ignore[union-attr]


# An interruption


def test_an_interruption_stops_cancels_and_truncates_in_this_order() -> None:
    stage = sounding()
    effects = [effect for effect in speech_starts(stage) if not isinstance(effect, ef.Note)]
    assert [type(e.event if isinstance(e, ef.SendToEngine) else e) for e in effects] == [
        ef.StopPlayback,
        ResponseCancel,
        ConversationItemTruncate,
    ]
    (cut,) = sent(effects, ConversationItemTruncate)
    assert (cut.item_id, cut.content_index, cut.audio_end_ms) == ("item_a1", 0, 500)
    assert stage.session.states == States(Link.READY, Floor.SPEAKING, reply=Reply.STALE)


def test_a_reply_that_is_complete_and_still_sounds_is_truncated_and_not_cancelled() -> None:
    stage = sounding()
    stage.finish()
    stage.done()
    effects = speech_starts(stage)
    assert sent(effects, ResponseCancel) == []
    assert [cut.audio_end_ms for cut in sent(effects, ConversationItemTruncate)] == [500]


def test_of_two_items_each_is_cut_where_it_was_heard() -> None:
    stage = sounding(700)
    stage.hear("conversation.item.added", item=message("item_a2"), previous_item_id="item_a1")
    stage.finish()
    stage.sound(700, item_id="item_a2", index=1)
    stage.now += 0.5
    stage.say(ev.Played(0, 1_000, 1))
    cuts = sent(speech_starts(stage), ConversationItemTruncate)
    assert [(cut.item_id, cut.audio_end_ms) for cut in cuts] == [("item_a2", 300)]


def test_items_that_were_not_heard_at_all_are_deleted() -> None:
    stage = sounding(700)
    stage.hear("conversation.item.added", item=message("item_a2"), previous_item_id="item_a1")
    stage.sound(700, item_id="item_a2", index=1)
    effects = speech_starts(stage)
    assert [cut.audio_end_ms for cut in sent(effects, ConversationItemTruncate)] == [500]
    assert [gone.item_id for gone in sent(effects, ConversationItemDelete)] == ["item_a2"]
    assert "item_a2" not in stage.session.history.entries


def test_what_is_played_after_an_interruption_belongs_to_the_next_epoch() -> None:
    stage = sounding()
    (stop,) = of(speech_starts(stage), ef.StopPlayback)
    assert stop.epoch == stage.session.ledger.epoch == 1
    assert noted(stage.say(ev.Played(0, 900, 1)), "stale_report")


def test_an_interruption_of_what_is_not_heard_yet_leaves_both_ends_in_one_epoch() -> None:
    stage = Stage()
    stage.speak()
    effects = speech_starts(stage)
    assert stage.reply() is Reply.STALE
    told = [stop.epoch for stop in of(effects, ef.StopPlayback)]
    assert (told or [0])[-1] == stage.session.ledger.epoch


def test_a_reply_that_pauses_in_its_making_is_cut_where_it_paused() -> None:
    """All that came was heard, but the engine may have more on its way."""
    stage = sounding(400)
    stage.say(ev.Played(0, 400, 1))
    assert stage.session.states.voice is Voice.QUIET
    effects = speech_starts(stage)
    assert [cut.audio_end_ms for cut in sent(effects, ConversationItemTruncate)] == [400]
    assert [stop.epoch for stop in of(effects, ef.StopPlayback)] == [stage.session.ledger.epoch]


def test_a_reply_that_was_heard_to_its_end_is_not_cut() -> None:
    stage = sounding(1_000)
    stage.finish()
    stage.done()
    stage.now += 0.6
    stage.say(ev.Played(0, 1_000, 1))
    assert stage.session.states.voice is Voice.QUIET
    effects = speech_starts(stage)
    assert [e for e in effects if not isinstance(e, ef.Note)] == []


def test_an_engine_that_owns_interruptions_is_neither_cancelled_nor_truncated() -> None:
    stage = sounding(traits=EngineTraits("live", interruption="engine", can_truncate=False))
    effects = stage.say(ev.StopTalking())
    assert of(effects, ef.StopPlayback)
    assert of(effects, ef.SendToEngine) == []
    assert of(stage.sound(100), ef.Play) == []
    assert stage.session.history.entries["item_a1"].heard == ""


def test_what_the_next_engine_knows_as_text_is_told_anew_as_it_was_heard() -> None:
    stage = sounding(playout="clock")
    ids = {"response_id": "resp_1", "item_id": "item_a1", "output_index": 0, "content_index": 0}
    stage.hear("response.output_audio_transcript.done", **ids, transcript="one two three four five six")
    stage.finish()
    stage.done()
    stage.lose()
    stage.connect()
    effects = stage.say(ev.StopTalking())
    assert [gone.item_id for gone in sent(effects, ConversationItemDelete)] == ["item_a1"]
    (again,) = sent(effects, ConversationItemCreate)
    assert isinstance(again.item, AssistantMessage)
    (part,) = again.item.content
    assert isinstance(part, OutputText)
    assert "one two three four five six".startswith(part.text)
    assert len(part.text) < 20
    assert again.item.id != "item_a1"
    assert sent(effects, ConversationItemTruncate) == [], "it has no sound there"


# What it says of items


def test_a_transcript_may_come_late_and_finds_its_item() -> None:
    stage = Stage()
    stage.speak()
    stage.begin()
    stage.done()
    stage.hear(
        "conversation.item.input_audio_transcription.completed",
        item_id="item_u1", content_index=0, transcript="hello", usage={"type": "duration", "seconds": 1},
    )  # fmt: skip
    assert stage.session.history.text("item_u1") == "hello"


def test_written_replies_are_remembered() -> None:
    stage = Stage()
    stage.begin()
    stage.hear("response.output_item.added", response_id="resp_1", output_index=0, item=message("item_a1"))
    ids = {"response_id": "resp_1", "item_id": "item_a1", "output_index": 0, "content_index": 0}
    stage.hear("response.output_text.delta", **ids, delta="Hello")
    assert stage.session.history.text("item_a1") == "Hello"
    stage.hear("response.output_text.done", **ids, text="Hello there.")
    assert stage.session.history.text("item_a1") == "Hello there."


def test_a_deleted_item_is_forgotten() -> None:
    stage = Stage()
    stage.hear("conversation.item.added", item=message("item_x", "user"))
    stage.hear("conversation.item.deleted", item_id="item_x")
    assert stage.session.history.order == []


# Surprises


SURPRISES = [
    ("session.created", {"session": {"type": "realtime"}}),
    ("session.updated", {"session": {"type": "realtime"}}),
    ("input_audio_buffer.speech_stopped", {"audio_end_ms": 0, "item_id": "u"}),
    ("input_audio_buffer.committed", {"item_id": "u"}),
    ("input_audio_buffer.cleared", {}),
    ("conversation.item.deleted", {"item_id": "nobody"}),
    ("conversation.item.done", {"item": message("item_q")}),
    ("conversation.item.input_audio_transcription.completed",
     {"item_id": "nobody", "content_index": 0, "transcript": "x", "usage": {"type": "duration", "seconds": 1}}),
    ("response.created", {"response": response("resp_q")}),
    ("response.done", {"response": response("resp_q", "completed")}),
    ("response.output_item.added", {"response_id": "resp_q", "output_index": 0, "item": message("item_q")}),
    ("response.output_item.done", {"response_id": "q", "output_index": 0, "item": call("i", "c", status="completed")}),
    ("response.output_audio.done", {"response_id": "q", "item_id": "i", "output_index": 0, "content_index": 0}),
    ("error", {"error": {"type": "x", "code": "never_seen", "message": "m"}}),
]  # fmt: skip


@pytest.mark.parametrize(("type", "fields"), SURPRISES, ids=[kind for kind, _ in SURPRISES])
@pytest.mark.parametrize("moment", ["quiet", "speaking", "asked", "sounding", "stale"])
def test_nothing_the_engine_says_at_the_wrong_time_ends_the_call(
    moment: str, type: str, fields: dict[str, Any]
) -> None:
    stage = sounding(tools=("clock",)) if moment in ("sounding", "stale") else Stage(tools=("clock",))
    if moment == "speaking":
        speech_starts(stage)
    elif moment == "asked":
        stage.speak()
    elif moment == "stale":
        stage.say(ev.StopTalking())
    stage.hear(type, **fields)
    stage.hear(type, **fields)
    assert not stage.session.ended
    for _ in range(8):
        if stage.session.deadline() is None or stage.session.ended:
            break
        stage.tick()
    assert not stage.session.ended


def test_what_nobody_knows_is_noted() -> None:
    stage = Stage()
    effects = stage.say(ev.EngineSaid(Unknown("a.b", {"type": "a.b"}, "unknown type")))
    assert noted(effects, "unknown_event") == [{"type": "a.b", "problem": "unknown type"}]


def test_a_second_greeting_on_one_connection_is_a_surprise() -> None:
    stage = Stage()
    effects = stage.hear("session.created", session={"type": "realtime"})
    assert noted(effects, "surprise")
    assert of(effects, ef.SendToEngine) == []


# The end


def test_the_end_comes_once_and_nothing_follows_it() -> None:
    stage = sounding()
    effects = stage.say(ev.HungUp("bye"))
    assert [type(e) for e in effects] == [ef.CloseLink, ef.HangUp, ef.Note]
    for event in (ev.HungUp("again"), ev.Close("too late"), ev.Tick(), ev.Typed("hello"), ev.LinkLost(1000, "", 0.5)):
        assert stage.say(event) == []
    assert stage.speak() == []
    assert stage.session.deadline() is None


@pytest.mark.parametrize(
    ("event", "code"), [(ev.HungUp("bye"), 1000), (ev.Close("stopping"), 1001)], ids=["hung up", "closed"]
)
def test_the_far_end_is_told_why(event: ev.Event, code: int) -> None:
    (hang_up,) = of(Stage().say(event), ef.HangUp)
    assert hang_up.code == code
    assert hang_up.reason in ("bye", "stopping")


def test_a_time_before_the_last_one_is_taken_for_the_last_one() -> None:
    stage = Stage()
    stage.now = 5.0
    stage.say(ev.Tick())
    stage.now = 3.0
    stage.say(ev.Tick())
    assert stage.session.now == 5.0


def test_ids_of_ours_are_never_used_twice_and_are_short_enough_for_the_wire() -> None:
    stage = sounding()
    speech_starts(stage)
    stage.say(ev.Typed("hello"))
    events = [e.event for _, _, effects in stage.said for e in of(effects, ef.SendToEngine)]
    ids = [event.event_id for event in events]
    assert len(ids) == len(set(ids))
    assert all(identity and len(identity) <= 32 for identity in ids)


def test_a_create_waits_until_the_interrupted_reply_is_over() -> None:
    stage = sounding()
    speech_starts(stage)
    stage.hear("input_audio_buffer.speech_stopped", audio_end_ms=0, item_id="item_u2")
    assert sent(stage.commit("item_u2"), ResponseCreate) == []
    assert len(sent(stage.done(status="cancelled"), ResponseCreate)) == 1


def test_an_item_that_nobody_made_is_not_told_to_the_next_connection() -> None:
    stage = Stage()
    for item in (
        message("item_x", "user", content=[{"type": "input_text", "text": "hello"}]),
        message("item_y", content=[{"type": "output_text", "text": "good day"}]),
    ):
        for kind in ("added", "done"):
            stage.hear(f"conversation.item.{kind}", item=item)
    assert stage.session.history.order == []


def test_a_reply_whose_message_is_incomplete_is_asked_for_again_when_the_connection_goes() -> None:
    stage = Stage()
    stage.speak()
    stage.begin()
    ids = {"response_id": "resp_1", "output_index": 0}
    stage.hear("response.output_item.added", **ids, item=message("item_a1"))
    stage.sound(100)
    stage.finish()
    stage.hear("response.output_item.done", **ids, item=message("item_a1", status="incomplete"))
    stage.lose()
    stage.connect()
    stage.commit("item_u2")
    assert stage.reply() is Reply.ASKED
