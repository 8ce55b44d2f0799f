"""The OpenAPI document tells what the service does, and what it tells is so."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.service.doors import Answering, Keys
from tests.service.doors import settings as house_settings
from tests.service.house import House
from voice.config import LimitSettings
from voice.server.openapi import document

CHECKS: Any = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
NOT_PART_OF_IT = {"/assets/{path:path}", "/favicon.svg", "/licences.txt", "/twilio"}


def routes_of(house: House) -> set[tuple[str, str]]:
    routes = house._service.door.routes
    return {(route.path, method) for route in routes for method in (route.methods or ()) if method != "HEAD"}


def test_every_route_is_in_the_document_and_nothing_else() -> None:
    described = {(path, method.upper()) for path, verbs in document()["paths"].items() for method in verbs}
    served: set[tuple[str, str]] = set()

    async def scene() -> None:
        async with House() as house:
            served.update(routes_of(house))

    asyncio.run(scene())
    assert {route for route in served if route[0] not in NOT_PART_OF_IT} == described


def test_every_reference_in_the_document_leads_somewhere() -> None:
    whole = document()

    def look(part: Any) -> None:
        if isinstance(part, dict):
            if "$ref" in part:
                found = whole
                for name in part["$ref"].removeprefix("#/").split("/"):
                    found = found[name]
            for inner in part.values():
                look(inner)
        elif isinstance(part, list):
            for inner in part:
                look(inner)

    look(whole)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A service with keys on a thread of its own: its address, and a key that opens everything."""
    keys = Keys(tmp_path)
    key = keys.add("admin", "admin")
    limits = LimitSettings(requests_per_minute=0, pending_calls=10_000)
    address: list[str] = []
    ready, over = threading.Event(), threading.Event()

    async def scene() -> None:
        async with House(answer=Answering(), settings=house_settings(keys, limits=limits), signals=False) as house:
            address.append(house.http.removesuffix("/v1"))
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(scene()))
    thread.start()
    assert ready.wait(20)
    yield address[0], key
    over.set()
    thread.join(20)
    assert not thread.is_alive()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_what_the_document_allows_and_what_it_forbids_is_answered_as_it_says(
    served: tuple[str, str], mode: GenerationMode
) -> None:
    address, key = served
    schema: Any = schemathesis.openapi.from_dict(document())
    schema.config.update(base_url=address)
    statuses: Counter[str] = Counter()

    @settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def answers(case: Any) -> None:
        headers = {"authorization": f"Bearer {key}"}
        answer = case.call(headers=headers, timeout=10)
        statuses[f"{case.method} {case.path} {answer.status_code}"] += 1
        case.validate_response(answer, checks=CHECKS)

    for result in schema.get_all_operations():
        operation = result.ok()
        if mode is GenerationMode.POSITIVE or operation.path == "/v1/realtime/client_secrets":
            given(case=operation.as_strategy(generation_mode=mode))(answers)()
    made = "POST /v1/realtime/client_secrets "
    assert statuses[made + ("200" if mode is GenerationMode.POSITIVE else "400")] >= 5, statuses
