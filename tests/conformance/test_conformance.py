"""The protocol, event by event, at the running endpoint."""

from __future__ import annotations

import asyncio

import pytest

from tests.conformance.pages import CONFORMANCE, HOW
from tests.conformance.reasons import REASONS
from tests.conformance.run import CLIENT_EVENTS, ITEMS, SERVER_EVENTS, Seen, play
from tests.conformance.table import render


@pytest.fixture(scope="module")
def seen() -> Seen:
    return asyncio.run(play())


def test_the_protocol_has_the_events_we_count(seen: Seen) -> None:
    assert (len(CLIENT_EVENTS), len(SERVER_EVENTS)) == (11, 46)
    assert set(seen.heard) <= set(SERVER_EVENTS)


def test_every_client_event_is_exercised(seen: Seen) -> None:
    assert set(seen.sent) == set(CLIENT_EVENTS)


def test_every_server_event_is_heard_or_has_its_reason(seen: Seen) -> None:
    assert set(SERVER_EVENTS) - set(seen.heard) == set(REASONS)


def test_every_kind_of_item_is_exercised(seen: Seen) -> None:
    assert set(seen.items_sent) | set(seen.items_heard) == set(ITEMS)


def test_the_official_types_read_everything_that_was_said(seen: Seen) -> None:
    assert seen.misshapen == []


def test_the_published_table_is_what_was_seen(seen: Seen) -> None:
    assert CONFORMANCE.read_text(encoding="utf-8") == render(seen), f"docs/reference/conformance.md is stale; {HOW}"
