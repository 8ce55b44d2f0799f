"""Plays the scenes and keeps what was said in each, as the official package's types read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, get_args

from openai.types.realtime import ConversationItem, RealtimeClientEvent, RealtimeServerEvent
from pydantic import Field, TypeAdapter, ValidationError

from tests.conformance.scenes import SCENES
from tests.conformance.visits import VISITS
from tests.service.client import Client
from tests.service.house import House
from tests.transports.webrtc.browser import LOOPBACK
from voice.config import Settings


def names(union: Any) -> list[str]:
    """The types of a union of official events, in the package's order."""
    members = get_args(get_args(union)[0]) or get_args(union)
    return [get_args(member.model_fields["type"].annotation)[0] for member in members]


def kind_of(item: Mapping[str, Any]) -> str:
    """What the page calls an item."""
    return f"message of the {item['role']}" if item["type"] == "message" else str(item["type"])


def items() -> list[str]:
    """The kinds of items of the official package, in its order."""
    members = get_args(get_args(ConversationItem)[0])
    literals = [
        {
            name: get_args(member.model_fields[name].annotation)[0]
            for name in ("type", "role")
            if name in member.model_fields
        }
        for member in members
    ]
    return [kind_of(literal) for literal in literals]


ITEMS = items()
CLIENT_EVENTS = names(RealtimeClientEvent)
SERVER_EVENTS = names(RealtimeServerEvent)
_READ_CLIENT: TypeAdapter[Any] = TypeAdapter(Annotated[RealtimeClientEvent, Field(discriminator="type")])
_READ_SERVER: TypeAdapter[Any] = TypeAdapter(Annotated[RealtimeServerEvent, Field(discriminator="type")])


@dataclass
class Seen:
    """By event type, and by kind of item, the titles of the scenes in which it was sent or heard, in the order of the
    scenes."""

    sent: dict[str, list[str]] = field(default_factory=dict)
    heard: dict[str, list[str]] = field(default_factory=dict)
    items_sent: dict[str, list[str]] = field(default_factory=dict)
    items_heard: dict[str, list[str]] = field(default_factory=dict)
    misshapen: list[str] = field(default_factory=list)
    """What the official types would not read."""

    def take(self, title: str, client: Client) -> None:
        for event in client.sent:
            _note(self.sent, event["type"], title)
            if "item" in event:
                _note(self.items_sent, kind_of(event["item"]), title)
            self._check(_READ_CLIENT.validate_python, event, event["type"])
        for event, raw in zip(client.events, client.raw, strict=True):
            _note(self.heard, event["type"], title)
            if "item" in event:
                _note(self.items_heard, kind_of(event["item"]), title)
            self._check(lambda text: _READ_SERVER.validate_json(text, strict=True), raw, event["type"])

    def _check(self, read: Any, said: Any, kind: str) -> None:
        try:
            read(said)
        except ValidationError as error:
            self.misshapen.append(f"{kind}: {error}")


async def play() -> Seen:
    """Every scene at one running service, each with a connection of its own."""
    seen = Seen()
    async with House(settings=Settings(webrtc=LOOPBACK)) as house:
        for title, scene in SCENES.items():
            async with Client(house.url) as client:
                await scene(house, client)
                seen.take(title, client)
        for title, visit in VISITS.items():
            async for client in visit(house):
                seen.take(title, client)
    return seen


def _note(places: dict[str, list[str]], kind: str, title: str) -> None:
    titles = places.setdefault(kind, [])
    if title not in titles:
        titles.append(title)
