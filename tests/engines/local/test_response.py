"""One response as a machine, without a conversation around it."""

from __future__ import annotations

from voice.audio.frames import PCM_24K
from voice.engines.local.conversation import Conversation
from voice.engines.local.plan import plan_response
from voice.engines.local.response import ResponseMachine, Said, Sound
from voice.engines.local.settings import Settings
from voice.protocol.ids import Ids
from voice.protocol.settings import ResponseParams


def machine(conversation: Conversation | None = None, **params: object) -> ResponseMachine:
    plan = plan_response(Settings("m", "sess_1"), ResponseParams.model_validate(params))
    return ResponseMachine("resp_1", plan, Ids("t"), conversation, None)


def kinds(said: list[Said]) -> list[str]:
    return ["sound" if isinstance(one, Sound) else one.type.removeprefix("response.") for one in said]


def test_nothing_follows_the_end() -> None:
    response = machine()
    response.begin()
    response.say("One.")
    response.call("c1", "clock")
    assert kinds(response.finish("cancelled", reason="client_cancelled"))[-1] == "done"
    late = [
        *response.say("Two."),
        *response.write("Two."),
        *response.sound(bytes(960)),
        *response.call("c2", "clock"),
        *response.call_arguments("c1", "{}"),
        *response.call_done("c1"),
        *response.finish("completed"),
    ]
    assert late == []
    assert response.status == "cancelled"


def test_a_call_closes_the_words_before_it() -> None:
    response = machine()
    response.say("One moment.")
    assert kinds(response.call("c1", "clock")) == [
        "output_audio.done",
        "output_audio_transcript.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
    ]


def test_calls_may_overlap() -> None:
    response = machine()
    response.call("c1", "clock")
    response.call("c2", "clock")
    for call_id in ("c2", "c1"):
        response.call_arguments(call_id, "{}")
        assert kinds(response.call_done(call_id)) == ["function_call_arguments.done", "output_item.done"]
    assert response.call_done("c1") == []


def test_words_after_a_call_are_an_item_of_their_own() -> None:
    response = machine()
    response.say("One moment.")
    response.call("c1", "clock")
    response.call_done("c1")
    response.say("It is nine.")
    [sound] = response.sound(bytes(960))
    assert isinstance(sound, Sound)
    assert (sound.output_index, sound.content_index) == (2, 0)


def test_sound_is_cut_at_the_limit_and_none_comes_after_it() -> None:
    response = machine(max_output_tokens=3)
    response.say("One.")
    [sound] = response.sound(PCM_24K.silence(500))
    assert isinstance(sound, Sound)
    assert sound.frame.duration_ms == 100
    assert response.is_full
    assert response.sound(PCM_24K.silence(100)) == []
    assert response.sound_ms == 100


def test_a_deleted_item_is_not_done_in_the_conversation() -> None:
    conversation = Conversation()
    response = machine(conversation)
    response.say("One.")
    conversation.delete(conversation.ids[0])
    assert "conversation.item.done" not in kinds(response.finish("completed"))
    assert len(conversation) == 0
