"""An update changes what it names and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.protocol.instances import instances
from voice.protocol.client_events import SessionUpdate
from voice.protocol.codec import decode_client_event, encode_event
from voice.protocol.settings import (
    AudioInput,
    AudioOutput,
    AudioSettings,
    FunctionTool,
    PcmFormat,
    PcmuFormat,
    SemanticVad,
    ServerVad,
    Session,
    merge,
)

some = settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def update(**session: Any) -> Session:
    """The settings of a `session.update` as a client writes it."""
    event = decode_client_event(json.dumps({"type": "session.update", "session": {"type": "realtime", **session}}))
    assert isinstance(event, SessionUpdate)
    assert isinstance(event.session, Session)
    return event.session


def running() -> Session:
    return Session(
        model="m",
        instructions="Be brief.",
        tools=[FunctionTool(name="f")],
        audio=AudioSettings(
            input=AudioInput(format=PcmFormat(), turn_detection=ServerVad(threshold=0.5, silence_duration_ms=500)),
            output=AudioOutput(voice="marin", speed=1.0),
        ),
    )


def test_an_unset_setting_stays() -> None:
    merged = merge(running(), update(instructions="Be kind."))
    assert merged == running().model_copy(update={"instructions": "Be kind."})


def test_a_nested_setting_changes_alone() -> None:
    audio = merge(
        running(), update(audio={"input": {"turn_detection": {"type": "server_vad", "threshold": 0.9}}})
    ).audio
    assert audio is not None
    assert audio.input is not None
    assert audio.input.turn_detection == ServerVad(threshold=0.9, silence_duration_ms=500)
    assert audio.output == AudioOutput(voice="marin", speed=1.0)


def test_another_kind_of_turn_detection_starts_afresh() -> None:
    audio = merge(running(), update(audio={"input": {"turn_detection": {"type": "semantic_vad"}}})).audio
    assert audio is not None
    assert audio.input is not None
    assert audio.input.turn_detection == SemanticVad()


def test_null_is_not_absent() -> None:
    by_hand = update(audio={"input": {"turn_detection": None}})
    silent = update(audio={"input": {}})
    assert by_hand.audio is not None
    assert by_hand.audio.input is not None
    assert "turn_detection" in by_hand.audio.input.model_fields_set
    merged = merge(running(), by_hand)
    assert (
        json.loads(encode_event(SessionUpdate(session=merged)))["session"]["audio"]["input"]["turn_detection"] is None
    )
    assert merge(running(), silent) == running()


def test_empty_text_and_empty_list_clear() -> None:
    merged = merge(running(), update(instructions="", tools=[]))
    assert merged.instructions == ""
    assert merged.tools == []


def test_a_list_is_replaced() -> None:
    merged = merge(running(), update(tools=[{"type": "function", "name": "g"}]))
    assert merged.tools == [FunctionTool(name="g")]


def test_a_format_of_another_kind_leaves_nothing_behind() -> None:
    merged = merge(running(), update(audio={"input": {"format": {"type": "audio/pcmu"}}}))
    assert merged.audio is not None
    assert merged.audio.input is not None
    assert merged.audio.input.format == PcmuFormat()
    written = json.loads(encode_event(SessionUpdate(session=merged)))
    assert written["session"]["audio"]["input"]["format"] == {"type": "audio/pcmu"}


def test_settings_we_do_not_know_are_merged_too() -> None:
    merged = merge(running(), update(new_thing={"a": 1}))
    assert json.loads(encode_event(SessionUpdate(session=merged)))["session"]["new_thing"] == {"a": 1}


NAMES_OF_OURS = ["__class__", "__dict__", "written", "nulls", "model_copy", "model_fields_set"]


@pytest.mark.parametrize("name", NAMES_OF_OURS)
def test_a_setting_named_like_something_of_ours_is_only_a_setting(name: str) -> None:
    merged = merge(running(), update(**{name: 1, "instructions": "x"}))
    assert type(merged) is Session
    assert merged.instructions == "x"
    assert json.loads(encode_event(SessionUpdate(session=merged)))["session"][name] == 1


@some
@given(instances(Session), instances(Session))
def test_a_merge_changes_neither_and_is_at_rest_when_repeated(old: Session, new: Session) -> None:
    before = encode_event(SessionUpdate(session=old)), encode_event(SessionUpdate(session=new))
    merged = merge(old, new)
    assert merge(merged, new) == merged
    assert (encode_event(SessionUpdate(session=old)), encode_event(SessionUpdate(session=new))) == before


@some
@given(instances(Session))
def test_a_merge_into_nothing_is_the_update(new: Session) -> None:
    assert merge(Session(), new) == new
