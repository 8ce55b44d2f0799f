"""What official clients refuse or silently lose, one scene per trap.

The Python agents package reads with strict pydantic types, which run here. The JavaScript package reads with schemas
of its own; what those need is asserted on the bytes.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from agents.realtime.model import RealtimeModelListener
from agents.realtime.model_events import RealtimeModelEvent
from agents.realtime.openai_realtime import OpenAIRealtimeWebSocketModel, get_server_event_type_adapter
from hypothesis import HealthCheck, given, settings
from pydantic import ValidationError

from tests.protocol.instances import instances
from voice.protocol import server_events as said
from voice.protocol.codec import Unknown, decode_server_event, encode_event
from voice.protocol.items import (
    AssistantMessage,
    ContentPart,
    FunctionCall,
    InputAudio,
    McpListTools,
    McpToolInfo,
    OutputAudio,
    UserMessage,
)
from voice.protocol.server_events import SERVER_EVENTS
from voice.protocol.settings import (
    AudioInput,
    AudioOutput,
    AudioSettings,
    PcmFormat,
    Reasoning,
    Response,
    ResponseAudio,
    Session,
    VoiceId,
)

IN_PART: dict[str, Any] = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}


def on_the_wire(event: Any) -> dict[str, Any]:
    """What a client sees, after the agents package has agreed to read it."""
    written: dict[str, Any] = json.loads(encode_event(event))
    get_server_event_type_adapter().validate_python(written)
    return written


class Heard(RealtimeModelListener):
    def __init__(self) -> None:
        self.events: list[RealtimeModelEvent] = []

    async def on_event(self, event: RealtimeModelEvent) -> None:
        self.events.append(event)

    def kinds(self) -> list[str]:
        return [event.type for event in self.events]


def heard_by_agents(event: Any) -> Heard:
    """What the agents package makes of an event."""
    heard = Heard()
    model = OpenAIRealtimeWebSocketModel()
    model.add_listener(heard)
    asyncio.run(model._handle_ws_event(json.loads(encode_event(event))))
    return heard


@pytest.mark.parametrize("name", sorted(SERVER_EVENTS))
def test_every_event_passes_the_agents_reader_and_says_its_id(name: str) -> None:
    @settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(instances(SERVER_EVENTS[name]))
    def holds(event: Any) -> None:
        written = on_the_wire(event)
        assert "event_id" in written or name == "input_audio_buffer.dtmf_event_received"

    holds()


def test_an_event_that_nobody_numbered_still_says_its_id() -> None:
    assert on_the_wire(said.InputAudioBufferCleared())["event_id"] == ""


def test_the_dtmf_event_says_none() -> None:
    assert "event_id" not in on_the_wire(said.InputAudioBufferDtmfEventReceived(event="5", received_at=1))


@pytest.mark.parametrize("event", [said.SessionCreated, said.SessionUpdated])
def test_a_session_says_its_type(event: Any) -> None:
    assert on_the_wire(event(session=Session(model="m")))["session"]["type"] == "realtime"


@pytest.mark.parametrize("milliseconds", [120.5, "120", -1, True])
def test_milliseconds_are_whole(milliseconds: Any) -> None:
    with pytest.raises(ValidationError):
        said.InputAudioBufferSpeechStarted(audio_start_ms=milliseconds, item_id="item_1")


@pytest.mark.parametrize("kind", ["output_audio", "output_text", "input_audio"])
def test_a_content_part_is_audio_or_text(kind: Any) -> None:
    with pytest.raises(ValidationError):
        ContentPart(type=kind)


@pytest.mark.parametrize("event", [said.ResponseContentPartAdded, said.ResponseContentPartDone])
def test_a_content_part_has_no_null(event: Any) -> None:
    part = ContentPart(type="audio", audio=None, text=None, transcript="hello")
    assert on_the_wire(event(**IN_PART, part=part))["part"] == {"type": "audio", "transcript": "hello"}


def test_a_finished_transcription_says_its_usage() -> None:
    event = said.ConversationItemInputAudioTranscriptionCompleted(item_id="item_1", transcript="hi")
    assert on_the_wire(event)["usage"] == {"type": "duration", "seconds": 0.0}


def test_usage_in_tokens_says_its_details() -> None:
    event = said.ConversationItemInputAudioTranscriptionCompleted(
        item_id="item_1", transcript="hi", usage=said.TokensUsage(input_tokens=3, output_tokens=1, total_tokens=4)
    )
    assert on_the_wire(event)["usage"]["input_token_details"] == {"text_tokens": 0, "audio_tokens": 0}


def test_finished_arguments_say_the_function() -> None:
    event = said.ResponseFunctionCallArgumentsDone(
        response_id="resp_1", item_id="item_1", output_index=0, call_id="call_1", arguments="{}"
    )
    assert "name" in on_the_wire(event)


@pytest.mark.parametrize("missing", ["name", "arguments"])
def test_a_function_call_has_name_and_arguments(missing: str) -> None:
    fields = {"name": "look_up", "arguments": "{}"}
    del fields[missing]
    with pytest.raises(ValidationError):
        FunctionCall.model_validate(fields)


def test_arguments_are_text() -> None:
    with pytest.raises(ValidationError):
        FunctionCall(name="look_up", arguments={})


@pytest.mark.parametrize(("status", "runs"), [("completed", True), ("in_progress", False)])
def test_agents_run_a_function_whose_item_is_completed(status: Any, runs: bool) -> None:
    call = FunctionCall(id="item_1", call_id="call_1", name="look_up", arguments='{"q":1}', status=status)
    heard = heard_by_agents(said.ResponseOutputItemDone(response_id="resp_1", output_index=0, item=call))
    assert ("function_call" in heard.kinds()) is runs
    assert "error" not in heard.kinds()


@pytest.mark.parametrize(
    "event", [said.OutputAudioBufferStarted, said.OutputAudioBufferStopped, said.OutputAudioBufferCleared]
)
def test_the_output_buffer_names_its_response(event: Any) -> None:
    assert on_the_wire(event(response_id="resp_1"))["response_id"] == "resp_1"
    with pytest.raises(ValidationError):
        event()


@pytest.mark.parametrize("format", [{"type": "audio/opus"}, {"type": "audio/pcm", "rate": 16000}, {"type": "pcm16"}])
def test_there_are_three_formats(format: Any) -> None:
    with pytest.raises(ValidationError):
        AudioInput(format=format)


def test_pcm_says_its_rate() -> None:
    session = Session(audio=AudioSettings(input=AudioInput(format=PcmFormat())))
    written = on_the_wire(said.SessionCreated(session=session))
    assert written["session"]["audio"]["input"]["format"] == {"type": "audio/pcm", "rate": 24000}


def test_reasoning_effort_is_never_none() -> None:
    with pytest.raises(ValidationError):
        Reasoning(effort="none")


def test_rate_limits_are_of_requests_or_tokens() -> None:
    on_the_wire(said.RateLimitsUpdated(rate_limits=[said.RateLimit(name="tokens", limit=1, remaining=1)]))
    with pytest.raises(ValidationError):
        said.RateLimit(name="minutes")


def test_a_response_has_one_of_five_states() -> None:
    with pytest.raises(ValidationError):
        Response(id="resp_1", status="canceled")


@pytest.mark.parametrize("kind", ["text", "audio", "input_text", "input_audio"])
def test_the_assistant_speaks_in_output_parts(kind: str) -> None:
    with pytest.raises(ValidationError):
        AssistantMessage.model_validate({"content": [{"type": kind, "text": "hi"}]})


def test_what_a_person_said_has_the_key_of_its_transcript() -> None:
    event = said.ConversationItemAdded(item=UserMessage(id="item_1", status="completed", content=[InputAudio()]))
    written = on_the_wire(event)
    assert written["item"]["content"] == [{"type": "input_audio", "transcript": None}]


def test_what_the_assistant_said_has_no_null() -> None:
    item = AssistantMessage(id="item_1", content=[OutputAudio(audio=None, transcript=None)])
    event = said.ResponseOutputItemAdded(response_id="resp_1", output_index=0, item=item)
    assert on_the_wire(event)["item"]["content"] == [{"type": "output_audio"}]


def test_the_first_item_says_that_nothing_is_before_it() -> None:
    event = said.ConversationItemAdded(item=UserMessage(id="item_1", content=[InputAudio(transcript="hi")]))
    assert on_the_wire(event)["previous_item_id"] is None
    assert "error" not in heard_by_agents(event).kinds()


def test_the_voice_of_a_response_is_text() -> None:
    audio = ResponseAudio(output=AudioOutput(voice=VoiceId(id="voice_1"), format=PcmFormat()))
    written = on_the_wire(said.ResponseCreated(response=Response(id="resp_1", audio=audio)))
    assert written["response"]["audio"]["output"]["voice"] == "voice_1"
    assert audio.output is not None
    assert audio.output.voice == VoiceId(id="voice_1")


def test_a_response_says_what_it_does_not_have_yet() -> None:
    written = on_the_wire(said.ResponseCreated(response=Response(id="resp_1")))["response"]
    assert written["usage"] is None
    assert written["conversation_id"] is None
    assert written["output"] == []
    assert written["status"] == "in_progress"


def test_a_tool_without_description_has_no_null() -> None:
    tool = McpToolInfo(name="t", input_schema={}, description=None)
    event = said.ConversationItemDone(item=McpListTools(id="item_1", server_label="s", tools=[tool]))
    assert on_the_wire(event)["item"]["tools"] == [{"name": "t", "input_schema": {}}]


def test_arguments_for_mcp_come_with_obfuscation() -> None:
    event = said.ResponseMcpCallArgumentsDelta(response_id="resp_1", item_id="item_1", output_index=0, delta="{")
    assert on_the_wire(event)["obfuscation"] == ""


@pytest.mark.parametrize("name", ["response.audio.delta", "response.text.done", "response.cancelled"])
def test_names_of_the_beta_are_not_spoken(name: str) -> None:
    assert name not in SERVER_EVENTS
    heard = decode_server_event(json.dumps({"type": name, "event_id": "event_1", "delta": "x"}))
    assert heard == Unknown(name, {"type": name, "event_id": "event_1", "delta": "x"}, "unknown type")


def test_an_error_says_which_event_it_answers() -> None:
    error = said.ErrorDetail(type="invalid_request_error", message="No.", event_id="agents_py_response_create_1")
    written = on_the_wire(said.ErrorEvent(error=error))["error"]
    assert written["event_id"] == "agents_py_response_create_1"
    assert written["code"] is None
    assert written["param"] is None
