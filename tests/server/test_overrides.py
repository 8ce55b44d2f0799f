"""The table of overrides, row by row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from voice.config import OverrideSettings
from voice.errors import ProtocolError
from voice.protocol import codec
from voice.protocol.server_events import SessionCreated
from voice.protocol.settings import Session
from voice.server.overrides import OF_SESSION, Overrides

WISHES: dict[str, Any] = {
    "instructions": {"instructions": "x"},
    "voice": {"audio": {"output": {"voice": "cedar"}}},
    "tools": {"tools": [{"type": "function", "name": "f"}], "tool_choice": "none"},
    "turns": {"audio": {"input": {"turn_detection": None}}},
    "transcription": {"audio": {"input": {"transcription": {"model": "m"}}}},
    "output": {"output_modalities": ["text"], "max_output_tokens": 5},
    "model": {"model": "other"},
}
PCMU = {"format": {"type": "audio/pcmu"}}
FREE: dict[str, Any] = {"audio": {"input": PCMU, "output": PCMU}}


def table(**rows: Any) -> OverrideSettings:
    return OverrideSettings(**rows)


def update(session: dict[str, Any]) -> Any:
    said = {"type": "session.update", "event_id": "e1", "session": {"type": "realtime", **session}}
    return codec.decode_client_event(json.dumps(said))


def told(event: Any) -> Any:
    return json.loads(codec.encode_event(event))["session"]


def test_every_row_has_a_wish() -> None:
    assert set(WISHES) == set(OF_SESSION) - {"system_items"}


@pytest.mark.parametrize("row", WISHES)
def test_a_row_that_is_closed_takes_its_wish_out_and_leaves_the_rest(row: str) -> None:
    closed = Overrides(table(**{row: "key"}), trusted=False)
    assert not closed.is_free
    event = update(WISHES[row])
    admitted, remarks = closed.admit(event)
    assert told(admitted) in ({"type": "realtime"}, {"type": "realtime", "audio": {}}) or all(
        not part for part in told(admitted)["audio"].values()
    )
    assert (remarks[0].code, remarks[0].event_id) == ("override_not_allowed", "e1")
    assert remarks[0].param is not None
    assert remarks[0].param.removeprefix("session.") in OF_SESSION[row]
    assert told(event)["type"] == "realtime", "what the client said is not changed"
    for other, wish in WISHES.items():
        if other != row:
            assert closed.admit(update(wish)) == (update(wish), [])
    assert closed.admit(update(FREE)) == (update(FREE), [])

    trusted = Overrides(table(**{row: "key"}), trusted=True)
    assert trusted.is_free
    assert trusted.admit(event) == (event, [])
    assert not Overrides(table(**{row: "nobody"}), trusted=True).is_free


def test_a_reply_has_the_same_rows() -> None:
    closed = Overrides(OverrideSettings(instructions="nobody", voice="nobody"), trusted=True)
    wish = {"instructions": "x", "audio": {"output": {"voice": "v"}}, "metadata": {"a": "b"}}
    event = codec.decode_client_event(json.dumps({"type": "response.create", "response": wish}))
    admitted, remarks = closed.admit(event)
    assert json.loads(codec.encode_event(admitted))["response"] == {"audio": {"output": {}}, "metadata": {"a": "b"}}
    assert [error.param for error in remarks] == ["response.instructions", "response.audio.output.voice"]


@pytest.mark.parametrize(("role", "refused"), [("system", True), ("user", False)])
def test_a_message_of_the_system_is_a_row_of_its_own(role: str, refused: bool) -> None:
    closed = Overrides(OverrideSettings(system_items="key"), trusted=False)
    item = {"type": "message", "role": role, "content": [{"type": "input_text", "text": "x"}]}
    event = codec.decode_client_event(json.dumps({"type": "conversation.item.create", "item": item}))
    if not refused:
        assert closed.admit(event) == (event, [])
        return
    with pytest.raises(ProtocolError) as error:
        closed.admit(event)
    assert error.value.param == "item.role"
    beside = {"type": "response.create", "response": {"conversation": "none", "input": [item]}}
    with pytest.raises(ProtocolError) as error:
        closed.admit(codec.decode_client_event(json.dumps(beside)))
    assert error.value.param == "response.input"


def test_instructions_are_shown_to_those_who_may_change_them() -> None:
    event = SessionCreated(event_id="e", session=Session(instructions="secret", model="m"))
    closed = OverrideSettings(instructions="key")
    assert Overrides(closed, trusted=True).show(event) == event
    hidden: Any = Overrides(closed, trusted=False).show(event)
    assert (hidden.session.instructions, hidden.session.model) == ("", "m")
    assert isinstance(event.session, Session)
    assert event.session.instructions == "secret"
