"""Updates of the settings on their way."""

from __future__ import annotations

from voice.protocol.settings import Session as Settings
from voice.session.updates import Update, Updates


def update(event_id: str, **settings: str) -> Update:
    return Update(event_id, "client", Settings(**settings))


def test_answers_come_in_order() -> None:
    updates = Updates()
    assert not updates.are_answered
    updates.sent(update("e1"))
    updates.sent(update("e2"))
    first, second = updates.answered(), updates.answered()
    assert first is not None
    assert second is not None
    assert (first.event_id, second.event_id) == ("e1", "e2")
    assert updates.answered() is None
    assert updates.are_answered


def test_what_is_wanted_is_what_is_true_with_every_update_over_it() -> None:
    updates = Updates()
    updates.sent(update("e1", instructions="Be kind.", model="small"))
    updates.sent(update("e2", instructions="Be brief."))
    wanted = updates.over(Settings(instructions="Be.", tool_choice="none"))
    assert (wanted.instructions, wanted.model, wanted.tool_choice) == ("Be brief.", "small", "none")


def test_what_is_refused_is_wanted_no_more() -> None:
    updates = Updates()
    updates.sent(update("e1", instructions="Be kind."))
    assert updates.refused("e2") is None
    refused = updates.refused("e1")
    assert refused is not None
    assert refused.event_id == "e1"
    assert updates.over(Settings(instructions="Be.")).instructions == "Be."
    assert len(updates) == 0


def test_a_lost_connection_answers_nothing() -> None:
    updates = Updates()
    updates.sent(update("e1"))
    updates.forget()
    assert updates.answered() is None
