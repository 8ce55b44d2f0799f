"""What a realtime client sees of a conversation whose tools run here, and whose engine may come and go."""

from __future__ import annotations

from typing import Any

from tests.session.stage import Stage, call, message, noted, of, response, sent, shown
from tests.world.engine import Plan
from tests.world.room import Line, Room
from voice.protocol.client_events import (
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemTruncate,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
)
from voice.protocol.codec import Unknown
from voice.protocol.items import FunctionCall, FunctionCallOutput, InputText, McpCall, UserMessage
from voice.protocol.server_events import ConversationItemDeleted, ResponseDone, SessionCreated, SessionUpdated
from voice.protocol.settings import AudioInput, AudioSettings, FunctionTool
from voice.protocol.settings import Session as Settings
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.states import Reply, Voice

CLOCK = {"type": "function", "name": "clock", "parameters": {}}
LAMP = FunctionTool(name="lamp", description="", parameters={"type": "object"})
BY_HAND = Settings(audio=AudioSettings(input=AudioInput(turn_detection=None)))


def client(**config: Any) -> Stage:
    """A client and an engine that has told its settings."""
    stage = Stage(client_face=True, tools=("clock",), **config)
    stage.hear("session.updated", session={"type": "realtime", "tools": [CLOCK]})
    return stage


def says(stage: Stage, event: Any) -> list[ef.Effect]:
    return stage.say(ev.ClientSaid(event))


def seen(effects: list[ef.Effect], kind: type) -> list[Any]:
    return [effect.event for effect in of(effects, ef.SendToClient) if isinstance(effect.event, kind)]


def words(text: str, item_id: str | None = None) -> ConversationItemCreate:
    return ConversationItemCreate(item=UserMessage(id=item_id, content=[InputText(text=text)]))


# The beginning


def test_the_first_thing_a_client_sees_is_the_session_as_it_became() -> None:
    stage = Stage(client_face=True, tools=("clock",), ready=False)
    assert shown(stage.connect()) == []
    effects = stage.hear("session.updated", session={"type": "realtime", "tools": [CLOCK]})
    (created,) = seen(effects, SessionCreated)
    assert shown(effects) == ["session.created"]
    assert created.session.tools == []


def test_without_settings_of_ours_the_greeting_goes_through() -> None:
    stage = Stage(client_face=True, ready=False)
    assert shown(stage.connect()) == ["session.created"]


def test_a_client_that_speaks_first_is_answered_in_order() -> None:
    stage = Stage(client_face=True, tools=("clock",), ready=False)
    says(stage, SessionUpdate(event_id="mine", session=Settings(instructions="Be brief.")))
    effects = stage.connect()
    assert [update.event_id for update in sent(effects, SessionUpdate)][1:] == ["mine"]
    assert shown(stage.hear("session.updated", session={"type": "realtime"})) == ["session.created"]
    assert shown(stage.hear("session.updated", session={"type": "realtime"})) == ["session.updated"]


def test_the_greeting_that_was_lost_before_it_was_shown_comes_with_the_next_engine() -> None:
    stage = Stage(client_face=True, tools=("clock",))
    stage.lose()
    stage.connect()
    assert shown(stage.hear("session.updated", session={"type": "realtime"})) == ["session.created"]


# Tools


def test_a_call_of_ours_looks_like_a_tool_that_the_server_runs() -> None:
    stage = client()
    stage.begin()
    item = call("item_c", "call_1")
    seen_so_far = shown(stage.hear("response.output_item.added", response_id="resp_1", output_index=0, item=item))
    seen_so_far += shown(stage.hear("conversation.item.added", item=item, previous_item_id=None))
    ids = {"response_id": "resp_1", "item_id": "item_c", "output_index": 0, "call_id": "call_1"}
    seen_so_far += shown(stage.hear("response.function_call_arguments.delta", **ids, delta="{}"))
    seen_so_far += shown(stage.hear("response.function_call_arguments.done", **ids, name="clock", arguments="{}"))
    seen_so_far += shown(stage.hear("conversation.item.done", item=item))
    done = call("item_c", "call_1", status="completed")
    effects = stage.hear("response.output_item.done", response_id="resp_1", output_index=0, item=done)
    assert of(effects, ef.RunTool)
    seen_so_far += shown(effects)
    effects = stage.done(output=[done])
    (ended,) = seen(effects, ResponseDone)
    assert isinstance(ended.response.output[0], McpCall)
    seen_so_far += shown(effects)
    effects = stage.say(ev.ToolDone("call_1", "noon"))
    seen_so_far += shown(effects)
    assert seen_so_far == [
        "response.output_item.added",
        "conversation.item.added",
        "response.mcp_call_arguments.delta",
        "response.mcp_call_arguments.done",
        "response.mcp_call.in_progress",
        "response.done",
        "response.mcp_call.completed",
        "conversation.item.done",
        "response.output_item.done",
    ]
    items: list[Any] = [e.event.item for e in of(effects, ef.SendToClient) if hasattr(e.event, "item")]
    assert all(isinstance(item, McpCall) and item.output == "noon" for item in items)


def test_a_call_of_ours_that_failed_says_why() -> None:
    stage = client()
    stage.begin()
    stage.call()
    effects = stage.say(ev.ToolDone("call_1", "The clock is broken.", ok=False))
    assert shown(effects)[0] == "response.mcp_call.failed"
    item: Any = next(e.event.item for e in of(effects, ef.SendToClient) if hasattr(e.event, "item"))
    told = item.model_dump(mode="json", exclude_none=True)
    assert told["error"]["message"] == "The clock is broken."
    assert "output" not in told


def test_the_result_of_our_call_is_between_the_engine_and_us() -> None:
    stage = client()
    stage.begin()
    stage.call()
    stage.done()
    effects = stage.say(ev.ToolDone("call_1", "noon"))
    (create,) = sent(effects, ConversationItemCreate)
    item = create.item.model_dump(mode="json", exclude_none=True)
    assert shown(stage.hear("conversation.item.added", item=item, previous_item_id="item_call_1")) == []
    assert shown(stage.hear("conversation.item.done", item=item, previous_item_id="item_call_1")) == []
    effects = stage.hear("conversation.item.added", item=message("item_a2"), previous_item_id=item["id"])
    assert [e.event.previous_item_id for e in of(effects, ef.SendToClient)] == ["item_call_1"]  # type: ignore[union-attr]


def test_a_clients_own_tool_stays_a_function_call() -> None:
    stage = client()
    stage.begin()
    effects = stage.call(name="lamp")
    (done,) = [e.event for e in of(effects, ef.SendToClient)]
    assert isinstance(done.item, FunctionCall)  # type: ignore[union-attr]


def test_our_tools_stand_beside_the_clients_and_are_not_shown() -> None:
    stage = client()
    effects = says(stage, SessionUpdate(session=Settings(tools=[LAMP])))
    (update,) = sent(effects, SessionUpdate)
    assert [tool.name for tool in update.session.tools] == ["lamp", "clock"]  # type: ignore[union-attr]
    both = [tool.model_dump(mode="json") for tool in update.session.tools]  # type: ignore[union-attr]
    effects = stage.hear("session.updated", session={"type": "realtime", "tools": both})
    (updated,) = seen(effects, SessionUpdated)
    assert [tool.name for tool in updated.session.tools] == ["lamp"]


def test_a_response_with_tools_of_its_own_has_ours_too() -> None:
    stage = client()
    create = ResponseCreate.model_validate({"response": {"tools": [LAMP.model_dump(mode="json")]}})
    (asked,) = sent(says(stage, create), ResponseCreate)
    assert [tool.name for tool in asked.response.tools or ()] == ["lamp", "clock"]  # type: ignore[union-attr]


def test_two_creates_while_our_tool_runs_are_one() -> None:
    stage = client()
    stage.begin()
    stage.call()
    stage.done()
    assert sent(says(stage, ResponseCreate(event_id="one")), ResponseCreate) == []
    assert noted(says(stage, ResponseCreate(event_id="two")), "create_merged")
    effects = stage.say(ev.ToolDone("call_1", "noon"))
    assert [create.event_id for create in sent(effects, ResponseCreate)] == ["two"]


def test_a_clients_create_that_is_refused_is_told_to_the_client_and_not_asked_again() -> None:
    stage = client()
    says(stage, ResponseCreate(event_id="mine"))
    assert stage.reply() is Reply.ASKED
    error = {"type": "x", "code": "conversation_already_has_active_response", "message": "m", "event_id": "mine"}
    effects = stage.hear("error", error=error)
    assert shown(effects) == ["error"]
    assert stage.reply() is Reply.NONE
    assert not stage.session.replies.wishes


# Interruptions are the client's


def test_a_client_interrupts_by_itself() -> None:
    stage = client()
    stage.begin()
    stage.sound(2_000)
    effects = stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u")
    assert shown(effects) == ["input_audio_buffer.speech_started"]
    assert of(effects, ef.StopPlayback) == []
    assert sent(effects, ResponseCancel) == []


def test_what_the_client_says_it_played_is_what_was_heard() -> None:
    stage = client()
    stage.begin()
    stage.hear("conversation.item.added", item=message("item_a1"), previous_item_id=None)
    stage.sound(1_000)
    ids = {"response_id": "resp_1", "item_id": "item_a1", "output_index": 0, "content_index": 0}
    stage.hear("response.output_audio_transcript.done", **ids, transcript="one two three four five")
    stage.now += 0.9
    truncate = ConversationItemTruncate(item_id="item_a1", content_index=0, audio_end_ms=400)
    assert sent(says(stage, truncate), ConversationItemTruncate) == [truncate]
    assert stage.session.history.entries["item_a1"].heard_text == "one two"
    assert stage.session.states.voice is Voice.QUIET, "the client plays no more"


def test_what_the_client_says_counts_also_after_the_engine_cancelled() -> None:
    stage = client()
    stage.begin()
    stage.hear("conversation.item.added", item=message("item_a1"), previous_item_id=None)
    stage.sound(1_000)
    ids = {"response_id": "resp_1", "item_id": "item_a1", "output_index": 0, "content_index": 0}
    stage.hear("response.output_audio_transcript.delta", **ids, delta="one two three four five")
    stage.now += 0.1
    stage.done(status="cancelled")
    says(stage, ConversationItemTruncate(item_id="item_a1", content_index=0, audio_end_ms=400))
    assert stage.session.history.entries["item_a1"].heard_text == "one two"


def test_the_operator_can_stop_it_all_the_same() -> None:
    stage = client()
    stage.begin()
    stage.sound(2_000)
    effects = stage.say(ev.StopTalking())
    assert [cancel.response_id for cancel in sent(effects, ResponseCancel)] == ["resp_1"]
    assert sent(effects, ConversationItemTruncate) == [], "what was heard is the client's to say"


# The engine comes and goes


def test_a_client_does_not_see_the_next_engines_greeting_nor_what_it_is_told() -> None:
    stage = client()
    says(stage, words("hello", "item_mine"))
    item = message("item_mine", "user", content=[{"type": "input_text", "text": "hello"}])
    for kind in ("added", "done"):
        assert shown(stage.hear(f"conversation.item.{kind}", item=item)) == [f"conversation.item.{kind}"]
    stage.lose()
    effects = stage.connect()
    assert [wish.item.id for wish in sent(effects, ConversationItemCreate)] == ["item_mine"]
    assert shown(effects) == []
    assert shown(stage.hear("session.updated", session={"type": "realtime"})) == []
    for kind in ("added", "done"):
        assert shown(stage.hear(f"conversation.item.{kind}", item=item)) == []


def test_a_clients_settings_are_asked_of_the_next_engine() -> None:
    stage = client()
    says(stage, SessionUpdate(session=Settings(instructions="Be brief.", tools=[LAMP])))
    stage.hear("session.updated", session={"type": "realtime"})
    stage.lose()
    (update,) = sent(stage.connect(), SessionUpdate)
    assert update.session.instructions == "Be brief."  # type: ignore[union-attr]
    assert [tool.name for tool in update.session.tools] == ["lamp", "clock"]  # type: ignore[union-attr]


def test_settings_that_the_engine_refused_are_not_asked_again() -> None:
    stage = client()
    says(stage, SessionUpdate(event_id="bad", session=Settings(instructions="x" * 9)))
    stage.hear("error", error={"type": "x", "code": "invalid_value", "message": "m", "event_id": "bad"})
    stage.lose()
    (update,) = sent(stage.connect(), SessionUpdate)
    assert update.session.instructions is None  # type: ignore[union-attr]


def test_settings_on_their_way_when_the_engine_goes_are_asked_of_the_next() -> None:
    stage = client()
    says(stage, SessionUpdate(session=Settings(instructions="Be brief.")))
    stage.lose()
    (update,) = sent(stage.connect(), SessionUpdate)
    assert update.session.instructions == "Be brief."  # type: ignore[union-attr]


def test_an_item_on_its_way_when_the_engine_goes_is_said_to_the_next() -> None:
    stage = client()
    says(stage, words("hello"))
    says(stage, ResponseCreate(event_id="mine"))
    stage.lose()
    effects = stage.connect()
    kinds = [type(e.event) for e in of(effects, ef.SendToEngine)]
    assert kinds.index(ConversationItemCreate) < kinds.index(ResponseCreate)
    (create,) = sent(effects, ConversationItemCreate)
    item = create.item.model_dump(mode="json", exclude_none=True)
    effects = stage.hear("conversation.item.added", item=item)
    assert shown(effects) == ["conversation.item.added"], "the client waits for it"


def test_an_item_that_the_engine_refused_is_not_said_to_the_next() -> None:
    stage = client()
    create = words("hello").model_copy(update={"event_id": "mine"})
    says(stage, create)
    stage.hear("error", error={"type": "x", "code": "invalid_value", "message": "m", "event_id": "mine"})
    stage.lose()
    assert sent(stage.connect(), ConversationItemCreate) == []


def test_an_item_that_the_client_deleted_is_not_told() -> None:
    stage = client()
    item = message("item_mine", "user", content=[{"type": "input_text", "text": "hello"}])
    stage.hear("conversation.item.added", item=item)
    says(stage, ConversationItemDelete(item_id="item_mine"))
    stage.lose()
    assert sent(stage.connect(), ConversationItemCreate) == []


def test_a_response_that_the_client_saw_begin_is_seen_to_end() -> None:
    stage = client()
    says(stage, ResponseCreate(event_id="mine"))
    stage.begin()
    effects = stage.lose()
    (done,) = seen(effects, ResponseDone)
    assert (done.response.id, done.response.status) == ("resp_1", "failed")
    effects = stage.connect()
    assert [create.event_id for create in sent(effects, ResponseCreate)] == ["mine"], "and it is asked for again"


def test_what_the_client_asked_for_meanwhile_is_asked_in_its_place() -> None:
    """Sound, commit, sound, clear, sound, commit: the next engine gets them in this order."""
    stage = client()
    says(stage, SessionUpdate(session=BY_HAND))
    stage.hear("session.updated", session={"type": "realtime"})
    stage.lose()
    for event in (InputAudioBufferCommit(), InputAudioBufferClear(), InputAudioBufferCommit()):
        stage.frames(0.04)
        says(stage, event)
    says(stage, ResponseCreate())
    said = [e.event if isinstance(e, ef.SendToEngine) else e for e in stage.connect() if not isinstance(e, ef.Note)]
    sound = [ef.SendAudio, ef.SendAudio]
    assert [type(each) for each in said] == [
        SessionUpdate,
        *sound,
        InputAudioBufferCommit,
        *sound,
        InputAudioBufferClear,
        *sound,
        InputAudioBufferCommit,
        ResponseCreate,
    ]


def test_too_much_asked_while_the_engine_is_away_ends_the_call_and_drops_nothing_in_silence() -> None:
    stage = client()
    stage.lose()
    effects: list[ef.Effect] = []
    for _ in range(300):
        effects += says(stage, InputAudioBufferCommit())
    assert len(of(effects, ef.HangUp)) == 1


def test_what_the_next_engine_knows_as_text_is_cut_in_its_words_and_keeps_its_name() -> None:
    """Truncating sound that this engine never made would be refused."""
    stage = client()
    stage.begin()
    stage.hear("conversation.item.added", item=message("item_a1"), previous_item_id=None)
    stage.sound(1_000)
    ids = {"response_id": "resp_1", "item_id": "item_a1", "output_index": 0, "content_index": 0}
    stage.hear("response.output_audio_transcript.done", **ids, transcript="one two three four five")
    stage.finish()
    stage.done()
    stage.lose()
    stage.connect()
    stage.hear("session.updated", session={"type": "realtime"})
    effects = says(stage, ConversationItemTruncate(item_id="item_a1", content_index=0, audio_end_ms=400))
    assert sent(effects, ConversationItemTruncate) == []
    assert [gone.item_id for gone in sent(effects, ConversationItemDelete)] == ["item_a1"]
    (again,) = sent(effects, ConversationItemCreate)
    assert again.item.id == "item_a1"
    assert again.item.model_dump(mode="json", exclude_none=True)["content"][0]["text"] == "one two"
    assert shown(effects) == ["conversation.item.truncated"]
    assert shown(stage.hear("conversation.item.deleted", item_id="item_a1")) == []
    retold = message("item_a1", content=[{"type": "output_text", "text": "one two"}])
    assert shown(stage.hear("conversation.item.added", item=retold)) == []
    assert stage.session.history.order == ["item_a1"]


# Turns that the client commits by hand


def by_hand() -> Stage:
    stage = client()
    says(stage, SessionUpdate(session=BY_HAND))
    stage.hear("session.updated", session={"type": "realtime"})
    return stage


def test_sound_that_was_not_committed_yet_is_sent_to_the_next_engine_from_its_beginning() -> None:
    stage = by_hand()
    stage.frames(5.0)
    stage.lose()
    effects = stage.connect()
    assert sum(audio.frame.duration_ms for audio in of(effects, ef.SendAudio)) >= 5_000 - 1


def test_a_commit_that_was_not_answered_is_made_again_and_its_item_is_replaced() -> None:
    stage = by_hand()
    stage.frames(2.0)
    says(stage, InputAudioBufferCommit())
    stage.commit("item_u1")
    stage.frames(0.5)
    stage.lose()
    effects = stage.connect()
    kinds = [type(e.event) for e in of(effects, ef.SendToEngine)]
    assert kinds.count(InputAudioBufferCommit) == 1
    assert [deleted.item_id for deleted in seen(effects, ConversationItemDeleted)] == ["item_u1"]


def test_an_item_that_was_replaced_is_taken_from_the_client_once() -> None:
    stage = by_hand()
    stage.frames(2.0)
    says(stage, InputAudioBufferCommit())
    stage.commit("item_u1")
    stage.lose()
    assert len(seen(stage.connect(), ConversationItemDeleted)) == 1
    stage.commit("item_u2")
    stage.lose()
    assert [deleted.item_id for deleted in seen(stage.connect(), ConversationItemDeleted)] == ["item_u2"]


def test_a_reply_to_a_committed_turn_is_owed_after_the_commit() -> None:
    stage = by_hand()
    stage.frames(2.0)
    says(stage, InputAudioBufferCommit())
    stage.commit("item_u1")
    says(stage, ResponseCreate(event_id="mine"))
    stage.begin()
    stage.lose()
    kinds = [type(e.event) for e in of(stage.connect(), ef.SendToEngine)]
    assert kinds.index(InputAudioBufferCommit) < kinds.index(ResponseCreate)


def test_a_turn_that_was_answered_is_not_sent_again() -> None:
    stage = by_hand()
    stage.frames(2.0)
    says(stage, InputAudioBufferCommit())
    stage.commit("item_u1")
    says(stage, ResponseCreate())
    stage.begin()
    stage.done()
    stage.frames(0.5)
    stage.lose()
    effects = stage.connect()
    assert sum(audio.frame.duration_ms for audio in of(effects, ef.SendAudio)) <= 520
    assert sent(effects, InputAudioBufferCommit) == []


def test_a_commit_of_nothing_is_the_clients_error_and_no_turn() -> None:
    stage = by_hand()
    says(stage, InputAudioBufferCommit(event_id="mine"))
    error = {"type": "x", "code": "input_audio_buffer_commit_empty", "message": "m", "event_id": "mine"}
    assert shown(stage.hear("error", error=error)) == ["error"]
    assert not stage.session.gap.unsettled


# Beside it all


def test_events_nobody_knows_pass_through() -> None:
    stage = client()
    unknown = Unknown("voice.new_thing", {"type": "voice.new_thing", "x": 1}, "unknown type")
    effects = stage.say(ev.EngineSaid(unknown))
    assert [e.event for e in of(effects, ef.SendToClient)] == [unknown]
    assert noted(effects, "unknown_event")


def test_a_response_out_of_band_is_seen_to_end_when_the_engine_goes() -> None:
    stage = client()
    says(stage, ResponseCreate.model_validate({"response": {"conversation": "none"}}))
    stage.hear("response.created", response=response("r_aside", conversation_id=None))
    (done,) = seen(stage.lose(), ResponseDone)
    assert done.response.id == "r_aside"


# In the room


def test_a_stock_client_talks_interrupts_and_outlives_two_engines() -> None:
    room = Room(
        client_face=True,
        tools=("clock",),
        line=Line(delay_ms=40, jitter_ms=20),
        plan=lambda n: Plan(calls=(("c", "clock", "{}"),), items=0) if n % 3 == 1 else Plan(sound_ms=4_000, speed=3),
    )
    for at in range(2, 60, 6):
        room.user_speaks(at=float(at), seconds=0.8)
    room.user_speaks(at=11.0, seconds=0.5)
    room.engine_drops(at=21.3)
    room.engine_drops(at=39.7)
    room.run(until=75.0)
    assert room.client.complaints == []
    assert room.client.open_responses == set()
    assert len(room.engines) == 3
    assert [code for code in room.errors if code != "item_truncate_invalid_item_id"] == []
    assert len(room.client.of(SessionCreated)) == 1
    assert len(room.answered) >= 2


def test_a_client_that_answers_its_own_call_goes_on() -> None:
    room = Room(client_face=True, plan=lambda n: Plan(calls=(("c", "lamp", "{}"),), items=0) if n == 0 else Plan())
    room.client.own_tools.add("lamp")
    room.user_speaks(at=1.0, seconds=0.5)
    room.run(until=3.0)
    (opened,) = room.session.calls.open
    room.client_says(3.0, ConversationItemCreate(item=FunctionCallOutput(call_id=opened, output="on")))
    room.client_says(3.01, ResponseCreate())
    room.run(until=8.0)
    assert room.client.complaints == []
    assert room.speaker.heard
    assert room.errors == []
