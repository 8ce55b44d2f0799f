"""Responses beside the conversation."""

from __future__ import annotations

from voice.protocol.settings import Response
from voice.session.asides import Asides


def begins(response_id: str, conversation_id: str | None = None) -> Response:
    return Response(id=response_id, conversation_id=conversation_id)


def test_one_that_was_asked_for_is_known_by_belonging_to_no_conversation() -> None:
    asides = Asides()
    asides.ask("e1")
    assert not asides.takes(begins("resp_1", "conv_1"))
    assert asides.takes(begins("resp_2"))
    assert "resp_2" in asides
    assert not asides.awaited


def test_nothing_is_one_that_nobody_asked_for() -> None:
    assert not Asides().takes(begins("resp_1"))


def test_one_ends_once() -> None:
    asides = Asides()
    asides.ask("e1")
    asides.takes(begins("resp_1"))
    assert asides.ends("resp_1")
    assert not asides.ends("resp_1")


def test_one_that_is_refused_is_not_waited_for() -> None:
    asides = Asides()
    asides.ask("e1")
    asides.refused("somebody else's")
    assert asides.awaited
    asides.refused("e1")
    assert not asides.awaited


def test_a_lost_connection_takes_them_with_it() -> None:
    asides = Asides()
    asides.ask("e1")
    asides.ask("e2")
    asides.takes(begins("resp_1"))
    asides.forget()
    assert not asides.awaited
    assert "resp_1" not in asides
