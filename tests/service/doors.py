"""What the tests of the doors share: a house with keys, requests to it, and calls whose far end is in memory."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.service.house import House
from voice.config import LimitSettings, OverrideSettings, ServerSettings, Settings
from voice.config.records import AssistantSettings, SessionSettings, ToolSettings
from voice.errors import ProtocolError
from voice.server.keys import DEFAULT_SCOPES, KeyFile
from voice.transports.base import Transport
from voice.transports.memory import MemoryTransport

OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
ANSWER = "v=0\r\no=- 2 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
SDP = {"content-type": "application/sdp"}

RECEPTION = AssistantSettings(
    "reception",
    description="Answers the telephone",
    session=SessionSettings(instructions="Be brief and never tell the code 1234."),
    tools=ToolSettings(enabled=("calculate",)),
    overrides=OverrideSettings(instructions="key", system_items="key"),
)


class Answering:
    """Answers offers with transports in memory, and remembers them."""

    def __init__(self, kind: type[MemoryTransport] = MemoryTransport) -> None:
        self._kind = kind
        self.transports: list[MemoryTransport] = []
        self.offers: list[str] = []

    async def __call__(self, offer: str) -> tuple[Transport, str]:
        self.offers.append(offer)
        if "o=bad" in offer:
            raise ProtocolError("This offer cannot be answered.", code="invalid_sdp", param="sdp")
        transport = self._kind(realtime=True)
        self.transports.append(transport)
        return transport, ANSWER


class Keys:
    """A file of keys, and the keys themselves by name."""

    def __init__(self, folder: Path) -> None:
        self.file = KeyFile(folder / "keys.json")
        self.of: dict[str, str] = {}
        self.id_of: dict[str, str] = {}

    def add(self, name: str, *scopes: str) -> str:
        self.of[name], key = self.file.add(name, scopes or DEFAULT_SCOPES)
        self.id_of[name] = key.id
        return self.of[name]


def settings(
    keys: Keys | None = None, *, limits: LimitSettings | None = None, server: ServerSettings | None = None, **more: Any
) -> Settings:
    """Settings of a house with keys and one assistant beside the general one."""
    door = server or ServerSettings()
    if keys is not None:
        door = replace(door, keys_file=str(keys.file.path))
    return Settings(server=door, limits=limits or LimitSettings(), assistants={"reception": RECEPTION}, **more)


async def ask(house: House, method: str, path: str, *, key: str = "", **more: Any) -> httpx.Response:
    """One request below `/v1`, or to an absolute path."""
    headers = {**({"authorization": f"Bearer {key}"} if key else {}), **more.pop("headers", {})}
    base = house.http.removesuffix("/v1")
    async with httpx.AsyncClient(trust_env=False, verify=False) as http:
        return await http.request(method, base + path, headers=headers, **more)


async def secret(house: House, key: str = "", **asked: Any) -> str:
    """A fresh client secret."""
    answer = await ask(house, "POST", "/v1/realtime/client_secrets", key=key, json=asked)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["value"])


async def call(house: House, key: str = "", **more: Any) -> str:
    """Begin a call; returns its id."""
    answer = await ask(house, "POST", "/v1/realtime/calls", key=key, content=OFFER, headers=SDP, **more)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"].rpartition("/")[2]


async def refused(url: str, *, key: str = "", **more: Any) -> tuple[int, dict[str, Any], Any]:
    """How a websocket is refused: status, error object, headers."""
    headers = {**({"Authorization": f"Bearer {key}"} if key else {}), **more.pop("headers", {})}
    try:
        async with connect(url, additional_headers=headers, **more):
            raise AssertionError("it was opened")
    except InvalidStatus as error:
        body = error.response.body
        assert body is not None
        return error.response.status_code, json.loads(body)["error"], error.response.headers


def error_of(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer.status_code, answer.json()["error"]["code"]
