"""The snippets of the how-tos, as they stand in the docs."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI

from docs.snippets.backend import attend, secret_for_a_page
from tests.net.conftest import until
from tests.service.doors import Answering, Keys, call, settings
from tests.service.house import House
from tests.service.test_calls import browser_asks, heard
from voice.config import load
from voice.server.keys import SCOPES
from voice.server.openapi import document
from voice.server.overrides import OF_SESSION

DOCS = Path(__file__).parents[2] / "docs"


def test_the_backend_makes_a_secret_and_attends_the_call(tmp_path: Path) -> None:
    async def scene() -> None:
        keys, answer = Keys(tmp_path), Answering()
        key = await asyncio.to_thread(keys.add, "backend")
        async with (
            House(answer=answer, settings=settings(keys)) as house,
            AsyncOpenAI(base_url=house.http, api_key=key) as backend,
        ):
            call_id = await call(house, await secret_for_a_page(backend))
            attending = asyncio.create_task(attend(backend, call_id))
            (transport,) = answer.transports
            await until(lambda: house.calls._calls[call_id].transport.attendants == 1)
            await browser_asks(transport, "use open_door {}")
            await until(lambda: len(heard(transport, "response.done")) == 2)
            last = heard(transport, "response.done")[-1].response.output[0]
            assert last.content[0].transcript == "The answer is It is open.."
            transport.hang_up()
            await asyncio.wait_for(attending, 5)

    asyncio.run(scene())


def test_the_file_of_assistants_is_one() -> None:
    loaded = load(DOCS / "snippets" / "assistants.toml", {})
    assert loaded.server.default_assistant == "reception"
    assert set(loaded.assistants) == {"reception", "tutor"}
    page = (DOCS / "howto" / "assistants.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert shown.strip() in (DOCS / "snippets" / "assistants.toml").read_text(encoding="utf-8")


def test_the_table_of_overrides_is_the_codes() -> None:
    page = (DOCS / "howto" / "assistants.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.MULTILINE))
    assert list(rows) == list(OF_SESSION)
    for row, paths in OF_SESSION.items():
        assert tuple(re.findall(r"`([\w.]+)`", rows[row]))[: len(paths)] == paths or not paths


def test_the_table_of_scopes_is_the_codes() -> None:
    page = (DOCS / "howto" / "keys-and-secrets.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(SCOPES)


def test_the_page_about_http_names_every_route_and_every_code() -> None:
    page = (DOCS / "reference" / "http.md").read_text(encoding="utf-8")
    for path in document()["paths"]:
        shown = path.replace("{call_id}", "{id}").removeprefix("/v1/realtime/calls/{id}/")
        assert shown in page, path
    code = re.compile(r'RequestRefused\(\s*\d{3}, "(\w+)"|_refused?\(\s*"(\w+)"|_refusal\(\s*\d{3}, "(\w+)"')
    server = DOCS.parent / "voice" / "server"
    used: set[str] = set()
    for file in server.rglob("*.py"):
        used.update(name for found in code.findall(file.read_text(encoding="utf-8")) for name in found if name)
    known: Any = set(re.findall(r"`(\w+)`", page))
    assert used, "the pattern finds none"
    assert used - known == set()
