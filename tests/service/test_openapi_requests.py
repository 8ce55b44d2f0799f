"""What the OpenAPI document allows and forbids is so: generated requests at the running service."""

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


@schemathesis.serializer("application/sdp")
def sdp(context: Any, value: Any) -> bytes:
    """An offer as it is sent."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


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
