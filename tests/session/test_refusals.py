"""Every error of a server has an answer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.session.stage import Stage, noted, of, sent, shown
from voice.protocol.client_events import SessionUpdate
from voice.protocol.settings import Session as Settings
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.refusals import ACTIONS, Action, action_for
from voice.session.states import Link


def error(code: str | None, **more: Any) -> dict[str, Any]:
    return {"type": "invalid_request_error", "code": code, "message": "The server says no.", **more}


@pytest.mark.parametrize("code", [*ACTIONS, "never_seen_before", None])
def test_an_error_does_what_its_row_says(code: str | None) -> None:
    stage = Stage()
    effects = stage.hear("error", error=error(code))
    action = action_for(code)
    assert noted(effects, "error")[0]["action"] == action.value
    assert bool(of(effects, ef.CloseLink)) is (action in (Action.RECONNECT, Action.END))
    assert stage.session.ended is (action is Action.END)


def test_what_nobody_knows_is_written_down_and_ends_nothing() -> None:
    assert action_for("never_seen_before") is Action.NOTE
    assert action_for(None) is Action.NOTE
    assert action_for("") is Action.NOTE


def test_no_connection_helps_against_a_refused_key() -> None:
    stage = Stage()
    (hang_up,) = of(stage.hear("error", error=error("invalid_api_key")), ef.HangUp)
    assert (hang_up.code, hang_up.reason) == (1011, "The server says no.")


def test_a_session_that_expired_goes_on_with_another_connection() -> None:
    stage = Stage()
    assert of(stage.hear("error", error=error("session_expired")), ef.CloseLink)
    stage.lose()
    stage.connect()
    assert stage.session.states.link is Link.READY


def test_a_client_sees_errors_of_its_own_and_none_of_ours() -> None:
    stage = Stage(client_face=True, tools=("clock",))
    (update,) = [e.event for _, _, effects in stage.said for e in of(effects, ef.SendToEngine)]
    assert shown(stage.hear("error", error=error("invalid_value", event_id=update.event_id))) == ["session.created"]
    effects = stage.hear("error", error=error("invalid_value", event_id="theirs"))
    (seen,) = [e.event for e in of(effects, ef.SendToClient)]
    assert seen.error.event_id == "theirs"  # type: ignore[union-attr]


def test_a_client_that_gave_its_event_no_name_is_told_none() -> None:
    stage = Stage(client_face=True)
    effects = stage.say(ev.ClientSaid(SessionUpdate(session=Settings(instructions="x"))))
    (update,) = sent(effects, SessionUpdate)
    assert update.event_id, "we know whose answer it is"
    effects = stage.hear("error", error=error("invalid_value", event_id=update.event_id))
    (told,) = [e.event for e in of(effects, ef.SendToClient)]
    assert told.error.event_id is None  # type: ignore[union-attr]


def test_a_client_sees_errors_that_name_no_event() -> None:
    assert shown(Stage(client_face=True).hear("error", error=error("server_error"))) == ["error"]
