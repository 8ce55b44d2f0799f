"""What the OpenAPI document allows and forbids is so: generated requests at the running service, by everybody."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.service.doors import OFFER, SDP, Answering, Keys
from tests.service.doors import settings as house_settings
from tests.service.house import House
from voice.config import LimitSettings
from voice.server.openapi import document

CHECKS: Any = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CALLS = "/v1/realtime/calls"
SECRETS = "/v1/realtime/client_secrets"
ROOT = str(Path(__file__).parents[2])
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "QUERY")
LOGGED = ("voice", "uvicorn", "asyncio")
NOTHING_TO_FORBID = {"/", "/healthz", "/readyz", "/metrics", "/v1/info", "/v1/openapi.json"}
"""Operations without a parameter and without a body."""


@schemathesis.serializer("application/sdp")
def sdp(context: Any, value: Any) -> bytes:
    """An offer as it is sent."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@dataclass
class Callers:
    """A running service, everybody who asks it something, and what it answered."""

    address: str
    credentials: dict[str, str]
    """By who it is: `nobody`, `wrong`, `other` (a key for other things), `owner` (one for everything), `browser`.
    `basic` does not know how keys are shown here."""
    folder: str
    """Where its keys are: nothing that it says may name that place."""
    http: httpx.Client
    statuses: Counter[str] = field(default_factory=Counter)

    def headers(self, who: str) -> dict[str, str]:
        credential = self.credentials[who]
        scheme = "Basic" if who == "basic" else "Bearer"
        return {"authorization": f"{scheme} {credential}"} if credential else {}

    def ask(self, who: str, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {**self.headers(who), **more.pop("headers", {})}
        return self.http.request(method, self.address + path, headers=headers, **more)

    def call(self) -> str:
        """The id of a call that goes on."""
        begun = self.ask("owner", "POST", CALLS, content=OFFER, headers=SDP)
        assert begun.status_code == 201, begun.text
        return begun.headers["location"].rpartition("/")[2]

    def try_as(self, who: str, case: Any) -> int:
        """Send it, hold the answer against the document, and return its status."""
        answer = case.call(headers=self.headers(who), timeout=10)
        case.validate_response(answer, checks=CHECKS)
        self.statuses[f"{who} {case.method} {case.operation.path} {answer.status_code}"] += 1
        assert answer.status_code < 500, answer.text
        self.must_say_nothing_of_the_inside(answer.text, answer.headers)
        return int(answer.status_code)

    def must_say_nothing_of_the_inside(self, text: str, headers: Any = ()) -> None:
        whole = text + " ".join(f"{name}: {headers[name]}" for name in headers)
        for inside in ("Traceback", 'File "', ROOT, self.folder, *filter(None, self.credentials.values())):
            assert inside not in whole


@pytest.fixture
def callers(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Callers]:
    """A service with keys, on a thread of its own. In the end nothing of the inside may be in its log either."""
    for room in LOGGED:
        caplog.set_level(logging.DEBUG, logger=room)
    keys = Keys(tmp_path)
    credentials = {
        "nobody": "",
        "wrong": "vk_" + "w" * 43,
        "basic": "QWxhZGRpbjpvcGVu",
        "owner": keys.add("a", "admin"),
    }
    credentials["other"] = keys.add("calendar", "metrics")
    limits = LimitSettings(requests_per_minute=0, failures_per_minute=0, pending_calls=10_000, client_secrets=1_000_000)
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
    with httpx.Client(trust_env=False, verify=False) as http:
        them = Callers(address[0], credentials, str(tmp_path), http)
        credentials["browser"] = them.ask("owner", "POST", SECRETS).json()["value"]
        yield them
    over.set()
    thread.join(20)
    assert not thread.is_alive()
    logged = [record for record in caplog.records if record.name.startswith(LOGGED)]
    assert not [record for record in logged if record.levelno >= logging.WARNING]
    for record in logged:
        them.must_say_nothing_of_the_inside(f"{record.getMessage()} {vars(record)}".replace(record.pathname, ""))


def operations(callers: Callers) -> Iterator[Any]:
    described = document()
    described.pop("security")  # who asks is chosen here, and not made up
    schema: Any = schemathesis.openapi.from_dict(described)
    schema.config.update(base_url=callers.address)
    for result in schema.get_all_operations():
        yield result.ok()


def try_everybody(callers: Callers, operation: Any, mode: GenerationMode) -> None:
    """Generated requests for one operation, each sent by everybody. Raises Unsatisfiable when there are none."""
    path = operation.path
    # `info` is open and looks at a key all the same; a socket says to a request that is none what it is, to everybody
    takes_anybody = path == "/v1/realtime" or (operation.definition.raw.get("security") == [] and path != "/v1/info")

    @settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    def answers(case: Any) -> None:
        if (case.path_parameters or {}).get("call_id", "").endswith(tuple("02468ace")):
            case.path_parameters["call_id"] = callers.call()
        if case.body is not None and len(str(case.body)) % 2:
            case.query.pop("assistant", None)  # most names are of nobody, and the body would never be looked at
        for who in callers.credentials:
            status = callers.try_as(who, case)
            if who == "owner" or takes_anybody:
                assert status not in (401, 403)
            elif who in ("wrong", "basic") or (who == "nobody" and path != "/v1/info"):
                assert status in (400, 401), "who they are comes before everything but a key in the address"

    given(case=operation.as_strategy(generation_mode=mode))(answers)()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_whoever_asks_for_whatever_is_answered_as_the_document_says(callers: Callers, mode: GenerationMode) -> None:
    nothing_to_forbid = set()
    for operation in operations(callers):
        try:
            try_everybody(callers, operation, mode)
        except Unsatisfiable:
            nothing_to_forbid.add(operation.path)
    found = callers.statuses
    if mode is GenerationMode.POSITIVE:
        assert not nothing_to_forbid
        assert found[f"owner POST {SECRETS} 200"] >= 5, found
        assert found[f"owner POST {CALLS} 201"] >= 5, found
        assert found[f"browser POST {CALLS} 201"] >= 3, found
        assert found[f"owner POST {CALLS}/{{call_id}}/hangup 200"] >= 3, found
        assert found["other GET /metrics 200"] >= 1, found
    else:
        assert nothing_to_forbid == NOTHING_TO_FORBID
        assert found[f"owner POST {SECRETS} 400"] >= 5, found
        assert found[f"owner POST {CALLS} 400"] + found[f"owner POST {CALLS} 415"] >= 5, found
    for path in (SECRETS, CALLS, f"{CALLS}/{{call_id}}/hangup"):
        assert found[f"nobody POST {path} 401"] >= 5, found
        assert found[f"other POST {path} 403"] >= 3, found


@pytest.mark.slow
def test_a_method_that_the_document_does_not_name_is_not_taken(callers: Callers) -> None:
    for path, verbs in document()["paths"].items():
        known = {verb.upper() for verb in verbs}
        for method in METHODS:
            if method in known:
                continue
            answer = callers.ask("owner", method, path.replace("{call_id}", "rtc_1"))
            assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")
            assert {verb for verb in answer.headers["allow"].split(", ") if verb != "HEAD"} == known
            callers.must_say_nothing_of_the_inside(answer.text)


@pytest.mark.slow
def test_what_the_gate_refuses_is_in_the_document_of_every_operation(callers: Callers) -> None:
    for path, verbs in document()["paths"].items():
        for verb, operation in verbs.items():
            place = path.replace("{call_id}", "rtc_1")
            strange = [{"host": "evil.example"}, {"host": ""}]
            strange += [{"origin": "https://evil.example"}] if verb == "post" else []
            for headers in strange:
                answer = callers.ask("owner", verb.upper(), place, headers=headers)
                assert answer.status_code in (400, 403, 421), (path, headers)
                assert str(answer.status_code) in operation["responses"]
                assert set(answer.json()["error"]) == {"type", "code", "message", "param"}


@pytest.mark.slow
def test_at_a_limit_every_door_says_when_to_come_back(tmp_path: Path) -> None:
    """Keys that are tried, and requests that are too many: 429 with `Retry-After` wherever the document has it."""
    keys = Keys(tmp_path)
    key = keys.add("admin", "admin")

    async def scene() -> None:
        limits = LimitSettings(requests_per_minute=1)
        async with (
            House(answer=Answering(), settings=house_settings(keys, limits=limits)) as house,
            httpx.AsyncClient(base_url=house.http.removesuffix("/v1"), trust_env=False) as http,
        ):
            await http.post(SECRETS, headers={"authorization": f"Bearer {key}"})
            for path, verbs in document()["paths"].items():
                for verb, operation in verbs.items():
                    if (operation.get("security") == [] and path != "/v1/info") or path == "/v1/realtime":
                        continue
                    place = path.replace("{call_id}", "rtc_1")
                    answer = await http.request(verb, place, headers={"authorization": f"Bearer {key}"})
                    assert answer.status_code == 429, (path, answer.text)
                    assert "429" in operation["responses"]
                    assert 1 <= int(answer.headers["retry-after"]) <= 60
                    assert answer.json()["error"]["type"] == "rate_limit_error"

    asyncio.run(scene())
