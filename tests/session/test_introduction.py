"""One greeting for a client, however many connections there are."""

from __future__ import annotations

from tests.session.stage import server
from voice.session.introduction import Introduction

GREETING = server("session.created", session={"type": "realtime", "id": "sess_1"})
CONVERSATION = server("conversation.created", conversation={"id": "conv_1"})


def test_the_conversation_waits_behind_a_greeting_that_waits() -> None:
    introduction = Introduction()
    introduction.hold(GREETING)
    assert not introduction.tells_conversation(CONVERSATION)
    assert introduction.make() is CONVERSATION
    assert introduction.made
    assert introduction.held is None


def test_a_client_is_told_of_one_conversation() -> None:
    introduction = Introduction()
    assert introduction.make() is None
    assert introduction.tells_conversation(CONVERSATION)
    assert not introduction.tells_conversation(CONVERSATION)


def test_a_greeting_that_waited_for_a_lost_connection_is_not_made() -> None:
    introduction = Introduction()
    introduction.hold(GREETING)
    introduction.tells_conversation(CONVERSATION)
    introduction.forget()
    assert introduction.held is None
    assert not introduction.made
    assert introduction.tells_conversation(CONVERSATION)
