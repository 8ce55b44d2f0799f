"""The scripted server, scene by scene: what the protocol says, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from tests.testkit.scene import Client
from voice.protocol.codec import Unknown, decode_server_event
from voice.testkit.mind import Asked, FunctionWish, Reply, answers

BY_HAND = {"type": "session.update", "session": {"type": "realtime", "audio": {"input": {"turn_detection": None}}}}
TALK = answers({"hello": "good day to you", "book it": FunctionWish("book", '{"what":"it"}')})


def assistant_item(client: Client) -> str:
    items = [event["item"] for event in client.of("response.output_item.added")]
    return str(items[-1]["id"])


def settings(**audio_input: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "realtime", "audio": {"input": audio_input}}}


def text_item(text: str, **more: Any) -> dict[str, Any]:
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}], **more}
    return {"type": "conversation.item.create", "item": item}


def test_it_greets_first() -> None:
    assert Client().types == ["session.created", "conversation.created"]


def test_a_spoken_turn_is_found_answered_and_believed() -> None:
    client = Client(TALK)
    client.speak("hello")
    client.wait(3)
    assert client.types[2:8] == [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.done",
        "conversation.item.input_audio_transcription.completed",
    ]
    assert client.types[-1] == "response.done"
    assert client.heard() == "good day to you"
    assert [item.meaning for item in client.server.belief()] == [
        ("user", "", "hello"),
        ("assistant", "", "good day to you"),
    ]


def test_every_event_it_says_is_one_that_the_official_types_know() -> None:
    client = Client(TALK)
    client.speak("hello")
    client.wait(3)
    client.speak("book it")
    client.wait(1)
    call_id = client.of("response.function_call_arguments.done")[0]["call_id"]
    output = {"type": "function_call_output", "call_id": call_id, "output": "done"}
    client.say({"type": "conversation.item.create", "item": output})
    client.say({"type": "response.create"})
    client.wait(0.3)
    client.say({"type": "response.cancel"})
    client.say({"type": "response.cancel"})
    client.say(
        {"type": "conversation.item.truncate", "item_id": assistant_item(client), "content_index": 0, "audio_end_ms": 1}
    )
    client.say({"type": "conversation.item.retrieve", "item_id": assistant_item(client)})
    client.say({"type": "conversation.item.delete", "item_id": assistant_item(client)})
    client.say({"type": "input_audio_buffer.clear"})
    client.say(BY_HAND)
    official: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
    for data in client.raw:
        assert not isinstance(decode_server_event(data), Unknown), data
        official.validate_json(data)
    assert len(set(client.types)) >= 22


def test_speech_interrupts_unless_that_is_the_clients_to_do() -> None:
    client = Client(TALK)
    client.speak("hello")
    client.wait(0.15)
    client.speak("hello", silence_ms=20)
    assert client.of("response.done")[0]["response"]["status_details"] == {
        "type": "cancelled",
        "reason": "turn_detected",
    }
    client = Client(TALK)
    client.say(settings(turn_detection={"type": "server_vad", "create_response": False, "interrupt_response": False}))
    client.speak("hello")
    client.wait(1)
    assert "response.created" not in client.types


def test_a_turn_by_hand_is_committed_by_the_client() -> None:
    client = Client(TALK)
    client.say(BY_HAND)
    client.speak("hello")
    client.say({"type": "input_audio_buffer.commit"})
    assert "response.created" not in client.types
    client.say({"type": "response.create"})
    client.wait(3)
    assert client.heard() == "good day to you"
    client.say({"type": "input_audio_buffer.commit"})
    assert client.errors == ["input_audio_buffer_commit_empty"]


def test_a_turn_can_be_had_without_sound() -> None:
    client = Client(TALK)
    client._take(client.connection.person_says("hello", client.now))
    client.wait(3)
    assert client.heard() == "good day to you"


def test_a_function_is_called_and_its_output_spoken() -> None:
    client = Client(TALK)
    client.speak("book it")
    client.wait(1)
    (done,) = client.of("response.function_call_arguments.done")
    assert (done["name"], done["arguments"]) == ("book", '{"what":"it"}')
    output = {"type": "function_call_output", "call_id": done["call_id"], "output": "it is booked"}
    client.say({"type": "conversation.item.create", "item": output})
    client.say({"type": "response.create"})
    client.wait(3)
    assert client.heard() == "it is booked"
    client.say({"type": "conversation.item.create", "item": output})
    assert client.server.conversation.answered_twice == [done["call_id"]]
    assert client.server.complaints == ["call_answered_twice"]


def test_it_says_what_it_is_told_to_say() -> None:
    client = Client(TALK)
    client.say({"type": "response.create", "response": {"metadata": {"voice.say": "time is up"}}})
    client.wait(2)
    assert client.heard() == "time is up"


def test_text_beside_the_conversation_leaves_no_trace_in_it() -> None:
    client = Client(lambda asked: Reply(("a summary",)))
    client.say({"type": "response.create", "response": {"conversation": "none", "output_modalities": ["text"]}})
    client.say({"type": "response.create"})
    client.wait(2)
    assert client.errors == []
    assert "".join(event["delta"] for event in client.of("response.output_text.delta")) == "a summary"
    assert [item.text for item in client.server.belief()] == ["a summary"]


def test_what_was_not_heard_is_not_believed() -> None:
    client = Client(TALK)
    client.speak("hello")
    client.wait(3)
    item_id = assistant_item(client)
    client.say({"type": "conversation.item.truncate", "item_id": item_id, "content_index": 0, "audio_end_ms": 390})
    assert client.server.belief()[-1].text == "good day"
    assert client.of("conversation.item.truncated")[0]["audio_end_ms"] == 390


@pytest.mark.parametrize("audio_end_ms", [801, 5_000])
def test_truncating_beyond_what_was_generated_is_refused(audio_end_ms: int) -> None:
    client = Client(TALK)
    client.speak("hello")
    client.wait(3)
    cut = {"type": "conversation.item.truncate", "item_id": assistant_item(client), "content_index": 0}
    client.say({**cut, "audio_end_ms": audio_end_ms, "event_id": "mine"})
    assert client.of("error")[0]["error"]["event_id"] == "mine"
    assert client.server.complaints == ["invalid_value:audio_end_ms"]


def test_truncating_twice_a_text_or_nothing_is_refused() -> None:
    client = Client(TALK)
    client.speak("hello")
    client.wait(3)
    cut = {"type": "conversation.item.truncate", "content_index": 0, "audio_end_ms": 10}
    client.say({**cut, "item_id": assistant_item(client)})
    client.say({**cut, "item_id": assistant_item(client)})
    client.say({**cut, "item_id": "nothing"})
    client.say(text_item("words", id="text"))
    client.say({**cut, "item_id": "text"})
    assert client.errors == ["invalid_value", "item_truncate_invalid_item_id", "unsupported_content_type"]


def test_items_stand_where_they_are_put_and_ids_are_taken_once() -> None:
    client = Client()
    client.say(text_item("second", id="b"))
    client.say({**text_item("first", id="a"), "previous_item_id": "root"})
    client.say({**text_item("third", id="c"), "previous_item_id": "b"})
    client.say(text_item("again", id="b"))
    client.say({**text_item("nowhere"), "previous_item_id": "nobody"})
    client.say({"type": "conversation.item.delete", "item_id": "b"})
    client.say({"type": "conversation.item.delete", "item_id": "b"})
    assert [item.text for item in client.server.belief()] == ["first", "third"]
    assert client.server.complaints == [
        "invalid_value:item.id",
        "invalid_value:previous_item_id",
        "item_delete_invalid_item_id:item_id",
    ]


def test_an_output_for_a_call_that_nobody_made_is_refused() -> None:
    client = Client()
    item = {"type": "function_call_output", "call_id": "call_x", "output": "?"}
    client.say({"type": "conversation.item.create", "item": item})
    assert client.errors == ["invalid_tool_call_id"]


def test_one_response_at_a_time_and_none_to_cancel_afterwards() -> None:
    client = Client(TALK)
    client.say({"type": "response.create"})
    client.say({"type": "response.create"})
    client.say({"type": "response.cancel", "response_id": "resp_other"})
    client.say({"type": "response.cancel"})
    client.say({"type": "response.cancel"})
    assert client.errors == [
        "conversation_already_has_active_response",
        "response_cancel_not_active",
        "response_cancel_not_active",
    ]
    assert client.of("response.done")[0]["response"]["status"] == "cancelled"


def test_what_is_no_event_is_refused_and_the_session_lives() -> None:
    client = Client(TALK)
    client.say({"type": "session.explode", "event_id": "boom"})
    client._take(client.connection.receive(b"rubbish", client.now))
    assert client.errors == ["invalid_value", "invalid_json"]
    client.speak("hello")
    client.wait(3)
    assert client.heard() == "good day to you"


def test_the_mind_sees_the_conversation_and_what_this_response_was_asked_for_with() -> None:
    seen: list[Asked] = []

    def think(asked: Asked) -> Reply:
        seen.append(asked)
        return Reply(("yes",))

    client = Client(think)
    client.say(text_item("well"))
    client.say({"type": "response.create", "response": {"instructions": "be brief", "metadata": {"a": "b"}}})
    assert (seen[0].last_words, seen[0].instructions, seen[0].metadata) == ("well", "be brief", {"a": "b"})


def test_a_telephone_line_is_understood_too() -> None:
    client = Client(TALK)
    pcmu = {"type": "audio/pcmu"}
    audio = {"input": {"format": pcmu}, "output": {"format": pcmu}}
    client.say({"type": "session.update", "session": {"type": "realtime", "audio": audio}})
    client.speak("hello")
    client.wait(3)
    assert client.server.belief()[0].text == "hello"
    assert client.heard() == "good day to you"
