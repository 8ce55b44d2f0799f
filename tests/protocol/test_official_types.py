"""The official package's types are the judge: what we write they read, what they write we read."""

from __future__ import annotations

from typing import Annotated, Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from openai.types.realtime.response_create_event_with_references_param import ResponseCreateEventWithReferencesParam
from pydantic import BaseModel, Field, TypeAdapter

from tests.protocol.instances import instances
from voice.protocol.client_events import CLIENT_EVENTS, ResponseCreate
from voice.protocol.codec import decode_client_event, decode_server_event, encode_event
from voice.protocol.items import ItemReference
from voice.protocol.server_events import SERVER_EVENTS
from voice.protocol.settings import ResponseParams


def official_kinds(union: Any) -> dict[str, type[BaseModel]]:
    members = get_args(get_args(union)[0]) or get_args(union)
    return {get_args(member.model_fields["type"].annotation)[0]: member for member in members}


OFFICIAL_CLIENT = official_kinds(RealtimeClientEvent)
OFFICIAL_SERVER = official_kinds(RealtimeServerEvent)

few = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@pytest.fixture(scope="module")
def server_reader() -> TypeAdapter[Any]:
    return TypeAdapter(Annotated[RealtimeServerEvent, Field(discriminator="type")])


@pytest.fixture(scope="module")
def client_reader() -> TypeAdapter[Any]:
    return TypeAdapter(Annotated[RealtimeClientEvent, Field(discriminator="type")])


def test_both_know_the_same_events() -> None:
    assert set(CLIENT_EVENTS) == set(OFFICIAL_CLIENT)
    assert set(SERVER_EVENTS) == set(OFFICIAL_SERVER)


@pytest.mark.parametrize("name", sorted(SERVER_EVENTS))
def test_a_server_event_we_write_is_read_officially_and_comes_back(name: str, server_reader: TypeAdapter[Any]) -> None:
    @few
    @given(instances(SERVER_EVENTS[name]))
    def holds(event: Any) -> None:
        written = encode_event(event)
        official = server_reader.validate_json(written)
        assert type(official) is OFFICIAL_SERVER[name]
        assert decode_server_event(official.model_dump_json(exclude_unset=True)) == event

    holds()


@pytest.mark.parametrize("name", sorted(CLIENT_EVENTS))
def test_a_client_event_we_write_is_read_officially_and_comes_back(name: str, client_reader: TypeAdapter[Any]) -> None:
    @few
    @given(instances(CLIENT_EVENTS[name]))
    def holds(event: Any) -> None:
        written = encode_event(event)
        official = client_reader.validate_json(written)
        assert type(official) is OFFICIAL_CLIENT[name]
        assert decode_client_event(official.model_dump_json(exclude_unset=True)) == event

    holds()


def test_a_reference_to_an_item_is_read_officially() -> None:
    """The official models lack it; the types of what their client sends have it."""
    event = ResponseCreate(response=ResponseParams(input=[ItemReference(id="item_1")]))
    reader: TypeAdapter[Any] = TypeAdapter(ResponseCreateEventWithReferencesParam)
    official = reader.validate_json(encode_event(event))
    assert list(official["response"]["input"]) == [{"type": "item_reference", "id": "item_1"}]


@pytest.mark.parametrize("name", sorted(OFFICIAL_CLIENT))
def test_a_client_event_built_officially_is_read_by_us(name: str) -> None:
    @few
    @given(instances(OFFICIAL_CLIENT[name]))
    def holds(event: BaseModel) -> None:
        ours = decode_client_event(event.model_dump_json(exclude_unset=True))
        assert type(ours) is CLIENT_EVENTS[name]

    holds()


@pytest.mark.parametrize("name", sorted(OFFICIAL_SERVER))
def test_a_server_event_built_officially_is_read_by_us(name: str) -> None:
    @few
    @given(instances(OFFICIAL_SERVER[name]))
    def holds(event: BaseModel) -> None:
        ours = decode_server_event(event.model_dump_json(exclude_unset=True))
        assert type(ours) is SERVER_EVENTS[name], ours

    holds()


@few
@given(st.sampled_from(sorted(SERVER_EVENTS)).flatmap(lambda name: instances(SERVER_EVENTS[name])))
def test_a_server_event_comes_back_with_the_same_bytes(event: Any) -> None:
    written = encode_event(event)
    back = decode_server_event(written)
    assert back == event
    assert encode_event(back) == written
