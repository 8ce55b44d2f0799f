"""A realtime client that knows nothing but JSON and websockets, and remembers everything."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

PATIENCE_S = 10.0
RATE_HZ = 24_000
Event = dict[str, Any]


def hum(ms: float, *, loud: bool = True) -> bytes:
    """PCM16 at 24 kHz that a loudness detector takes for a voice, or silence."""
    period = b"".join(value.to_bytes(2, "little", signed=True) for value in [8000] * 30 + [-8000] * 30)
    size = int(ms * RATE_HZ / 1000) * 2
    return (period * (size // len(period) + 1))[:size] if loud else bytes(size)


class Client:
    """`async with Client(url) as client`. Every `until` moves on: the same event is never found twice."""

    def __init__(self, url: str, *, key: str = "", headers: Mapping[str, str] | None = None, **query: str) -> None:
        self.headers = {**({"Authorization": f"Bearer {key}"} if key else {}), **(headers or {})}
        self.url = url + "?" + "&".join(f"{name}={value}" for name, value in (query or {"model": "voice"}).items())
        self.kind = "realtime"
        self.options: dict[str, Any] = {}
        self.sent: list[Event] = []
        self.events: list[Event] = []
        self.raw: list[str] = []
        self._found: Counter[str] = Counter()
        self._news = asyncio.Event()
        self._socket: ClientConnection
        self._reading: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        self._socket = await connect(
            self.url, max_size=None, compression=None, additional_headers=self.headers, **self.options
        )
        self._reading = asyncio.create_task(self._read())
        await self.until("session.created")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self._socket.close()
        await self._reading

    # Speaking

    async def send(self, kind: str, **fields: Any) -> None:
        event = {"type": kind, **fields}
        self.sent.append(event)
        await self._socket.send(json.dumps(event))

    async def send_raw(self, message: str | bytes) -> None:
        await self._socket.send(message)

    async def update(self, **session: Any) -> Event:
        """Change settings; returns the whole configuration."""
        await self.send("session.update", session={"type": self.kind, **session})
        settings: Event = (await self.until("session.updated"))["session"]
        return settings

    async def append(self, sound: bytes, piece_ms: int = 100) -> None:
        size = RATE_HZ * 2 * piece_ms // 1000
        for at in range(0, len(sound), size):
            audio = base64.b64encode(sound[at : at + size]).decode()
            await self.send("input_audio_buffer.append", audio=audio)

    async def speak(self, ms: float = 400) -> None:
        """A turn that the service notices by itself."""
        await self.append(hum(ms) + hum(700, loud=False))

    async def create(self, item: Event, **where: Any) -> Event:
        """Put an item into the conversation; returns it as the service holds it."""
        item = {"id": f"mine_{len(self.sent)}", **item}
        await self.send("conversation.item.create", item=item, **where)
        while True:
            done: Event = (await self.until("conversation.item.done"))["item"]
            if done["id"] == item["id"]:
                return done

    async def write(self, text: str) -> Event:
        """A typed item."""
        content = [{"type": "input_text", "text": text}]
        return await self.create({"type": "message", "role": "user", "content": content})

    async def ask(self, text: str, **response: Any) -> Event:
        """A typed turn; returns the response when it is done."""
        await self.write(text)
        await self.send("response.create", **({"response": response} if response else {}))
        done: Event = (await self.until("response.done"))["response"]
        return done

    async def retrieve(self, item_id: str) -> Event:
        """The item as the service holds it."""
        await self.send("conversation.item.retrieve", item_id=item_id)
        item: Event = (await self.until("conversation.item.retrieved"))["item"]
        return item

    async def item(self, kind: str, within_s: float = PATIENCE_S) -> Event:
        """The next item of this type that is done; those of other types are passed over."""
        while True:
            item: Event = (await self.until("conversation.item.done", within_s))["item"]
            if item["type"] == kind:
                return item

    # Listening

    async def until(self, kind: str, within_s: float = PATIENCE_S) -> Event:
        """The next event of this type."""
        place = self._found[kind]
        self._found[kind] += 1
        try:
            async with asyncio.timeout(within_s):
                while True:
                    found = self.all(kind)
                    if len(found) > place:
                        return found[place]
                    if self._reading.done():
                        raise AssertionError(f"closed with {self.closed} before any {kind}; {self.summary}")
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"no {kind} in {within_s} s; {self.summary}") from None

    async def until_closed(self, within_s: float = PATIENCE_S) -> tuple[int | None, str | None]:
        """How the service ended it."""
        async with asyncio.timeout(within_s):
            await asyncio.shield(self._reading)
        return self.closed

    def hang_up(self) -> None:
        """Be gone without a word, as a client whose network broke."""
        self._socket.transport.abort()

    @property
    def closed(self) -> tuple[int | None, str | None]:
        return self._socket.close_code, self._socket.close_reason

    def all(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["type"] == kind]

    @property
    def errors(self) -> list[Event]:
        return [event["error"] for event in self.all("error")]

    def sound(self, item_id: str | None = None) -> bytes:
        """The assistant's audio so far."""
        deltas = self.all("response.output_audio.delta")
        return b"".join(base64.b64decode(one["delta"]) for one in deltas if item_id in (None, one["item_id"]))

    @property
    def summary(self) -> str:
        """What was heard, in a line."""
        kinds = [event["type"] for event in self.events]
        return f"heard {kinds[-12:]}, errors {self.errors[-3:]}"

    async def _read(self) -> None:
        try:
            async for message in self._socket:
                assert isinstance(message, str), "events are text"
                self.raw.append(message)
                self.events.append(json.loads(message))
                self._news.set()
        except ConnectionClosed:
            pass
        finally:
            self._news.set()


def words(response: Event) -> str:
    """What the assistant said in a response, spoken or written."""
    parts = [part for item in response["output"] for part in item.get("content", [])]
    return " ".join(part.get("transcript") or part.get("text") or "" for part in parts)
