"""The settings in force, and one response's own."""

from __future__ import annotations

from typing import Any

import pytest

from voice.engines.local.plan import plan_response
from voice.engines.local.settings import INSTRUCTIONS, Settings
from voice.errors import ProtocolError
from voice.protocol.settings import ResponseParams, SemanticVad, ServerVad, Session


def session(**settings: Any) -> Session:
    return Session.model_validate({"type": "realtime", **settings})


def changed(**settings: Any) -> Settings:
    mine = Settings("m", "sess_1")
    mine.update(session(**settings))
    return mine


def test_a_detector_that_is_named_gets_its_defaults() -> None:
    detection = changed(audio={"input": {"turn_detection": {"type": "semantic_vad"}}}).detection
    assert isinstance(detection, SemanticVad)
    assert (detection.eagerness, detection.create_response, detection.interrupt_response) == ("auto", True, True)


def test_one_number_changes_one_number() -> None:
    mine = changed(audio={"input": {"turn_detection": {"type": "server_vad", "threshold": 0.8}}})
    mine.update(session(audio={"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 200}}}))
    assert isinstance(mine.detection, ServerVad)
    assert (mine.detection.threshold, mine.detection.silence_duration_ms) == (0.8, 200)


def test_null_turns_off_or_falls_back() -> None:
    mine = changed(audio={"input": {"turn_detection": None}, "output": {"voice": None, "speed": None}}, tools=None)
    assert mine.detection is None
    assert (mine.output.voice, mine.output.speed, mine.session.tools) == ("alloy", 1.0, [])
    assert changed(instructions=None).session.instructions == ""
    assert isinstance(changed(audio=None).detection, ServerVad)


def test_the_callers_own_defaults_come_first() -> None:
    mine = Settings("m", "sess_1", session(model="theirs", id="other", instructions="Be kind."))
    assert (mine.session.id, mine.session.instructions) == ("sess_1", "Be kind.")


def test_the_servers_own_fields_cannot_be_set() -> None:
    assert changed(id="other", expires_at=1).session.id == "sess_1"


def test_unchanged_settings_keep_their_value() -> None:
    mine = changed(tool_choice="none", custom="kept")
    assert mine.session.instructions == INSTRUCTIONS
    assert mine.session.model_extra == {"custom": "kept"}


def test_a_plan_is_the_session_with_the_responses_own_in_front() -> None:
    mine = changed(max_output_tokens=100, audio={"output": {"format": {"type": "audio/pcmu"}}})
    plan = plan_response(mine)
    assert (plan.max_output_tokens, plan.format.encoding, plan.voice, plan.modality) == (100, "pcmu", "alloy", "audio")
    own = {"max_output_tokens": "inf", "audio": {"output": {"voice": {"id": "voice_1"}}}, "conversation": "none"}
    plan = plan_response(mine, ResponseParams.model_validate(own))
    assert (plan.max_output_tokens, plan.format.encoding, plan.voice) == (None, "pcmu", "voice_1")
    assert plan.out_of_band


@pytest.mark.parametrize(
    ("wished", "param"),
    [
        ({"conversation": "other"}, "response.conversation"),
        ({"tool_choice": "required"}, "response.tool_choice"),
        ({"tool_choice": {"type": "function", "name": "none"}}, "response.tool_choice"),
        ({"tool_choice": {"type": "mcp", "server_label": "x"}}, "response.tool_choice"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused(wished: dict[str, Any], param: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        plan_response(changed(), ResponseParams.model_validate(wished))
    assert refused.value.param == param
