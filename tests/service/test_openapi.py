"""The OpenAPI document names what is there."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.service.house import House
from voice.server.openapi import document

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
