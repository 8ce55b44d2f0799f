"""A storm of malformed frames from a seed, over many connections, with one session that outlives them all.

After every chunk of it a fresh session and the surviving one must still answer: nobody is deaf.
"""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.service.bad import Bad
from tests.service.client import hum
from tests.service.malformed import HARMLESS, RARE
from tests.service.raw_socket import RawSocket
from tests.service.stages import HEARD
from tests.service.violations import FATAL, grows_too_much

PER_CONNECTION = 100
CONNECTIONS = 9
PER_CHUNK = PER_CONNECTION * (CONNECTIONS + 1)
_WEIGHTS = [weight for weight, _ in HARMLESS]
_MAKERS = [maker for _, maker in HARMLESS]
_SOUND = base64.b64encode(hum(400) + hum(700, loud=False)).decode()
_AS_USUAL: dict[str, Any] = {
    "type": "realtime",
    "instructions": "",
    "output_modalities": ["text"],
    "max_output_tokens": "inf",
    "tools": [],
    "tool_choice": "auto",
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24_000},
            "turn_detection": {
                "type": "server_vad",
                "threshold": 0.5,
                "prefix_padding_ms": 300,
                "silence_duration_ms": 500,
                "create_response": True,
                "interrupt_response": True,
                "idle_timeout_ms": None,
            },
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24_000}, "speed": 1.0},
    },
}


@dataclass
class Tally:
    """What was done and what came of it."""

    sent: Counter[str] = field(default_factory=Counter)
    heard: Counter[str] = field(default_factory=Counter)
    closes: Counter[str] = field(default_factory=Counter)
    turns: int = 0

    @property
    def frames(self) -> int:
        return sum(self.sent.values())


class Storm:
    """One seed's storm on one port."""

    def __init__(self, port: int, seed: int) -> None:
        self.tally = Tally()
        self._port = port
        self._random = Random(seed)
        self._names = 0

    async def chunk(self, survivor: RawSocket, *, rare: bool) -> None:
        """Malformed frames on connections of their own and on the survivor; then both a fresh session and the
        survivor have a turn."""
        storms = [self._on_a_connection(Random(self._random.random())) for _ in range(CONNECTIONS)]
        own = Random(self._random.random())
        await asyncio.gather(*storms, self._rage(survivor, own, self._pick(own, PER_CONNECTION - rare)))
        if rare:
            await self._rage(survivor, own, [self._named(own, RARE)])
        async with RawSocket(self._port) as fresh:
            await self.turn(fresh)
            self._take(fresh)
        await self.turn(survivor)
        self._take(survivor)

    async def oversized(self) -> None:
        """A message that grows beyond the limit piece by piece."""
        async with RawSocket(self._port) as socket:
            bad = self._counted("grows_too_much", grows_too_much(self._random))
            await socket.write(bad.wire)
            await self._must_close(socket, bad)

    async def _on_a_connection(self, random: Random) -> None:
        async with RawSocket(self._port) as socket:
            fatal = random.random() < 0.5
            await self._rage(socket, random, self._pick(random, PER_CONNECTION - fatal))
            if fatal:
                bad = self._named(random, FATAL)
                await socket.write(bad.wire)
                if not bad.closes:
                    socket.shut()
                await self._must_close(socket, bad)
            self._take(socket)

    async def _rage(self, socket: RawSocket, random: Random, bads: list[Bad]) -> None:
        """Send them in pieces of any length; every one that must be answered is, by an error event."""
        before = socket.counts["error"]
        wire = b"".join(bad.wire for bad in bads)
        at = 0
        while at < len(wire):
            size = random.choice([1, 7, 100, 5_000, 300_000]) if len(wire) < 2**20 else 2**20
            await socket.write(wire[at : at + size])
            at += size
        await self._fence(socket)
        answered = socket.counts["error"] - before - 1
        least = sum(bad.errors or 0 for bad in bads)
        most = least + sum(1 for bad in bads if bad.errors is None) * 3
        assert least <= answered <= most, f"{answered} errors answer between {least} and {most} malformed messages"
        assert not socket.surprises, socket.surprises[:3]

    async def _fence(self, socket: RawSocket) -> None:
        """Everything sent so far is answered when this error is."""
        name = self._name("fence")
        answer = socket.expect(name)
        await socket.send({"type": "conversation.item.retrieve", "item_id": name, "event_id": name})
        await socket.see(answer, "answer to the fence")

    async def _must_close(self, socket: RawSocket, bad: Bad) -> None:
        await socket.until_gone()
        assert socket.closed in (bad.closes or {None, 1000, 1005, 1006}), (
            f"closed with {socket.closed}, not {bad.closes}"
        )
        self.tally.closes[str(socket.closed)] += 1
        assert not socket.surprises, socket.surprises[:3]

    async def turn(self, socket: RawSocket) -> None:
        """Settings as usual, and somebody says something, by voice and in writing in turns."""
        for _ in range(2):  # a reply that was owed follows the first one
            await socket.send({"type": "response.cancel"})
        await socket.send({"type": "input_audio_buffer.clear"})
        updated = socket.expect("session.updated")
        await socket.send({"type": "session.update", "session": _AS_USUAL})
        await socket.see(updated, "session.updated")
        await self._fence(socket)
        socket.responses.clear()
        self.tally.turns += 1
        said = await (self._spoken(socket) if self.tally.turns % 4 < 2 else self._typed(socket))
        assert said["status"] == "completed", said

    async def _spoken(self, socket: RawSocket) -> dict[str, Any]:
        await socket.send({"type": "input_audio_buffer.append", "audio": _SOUND})
        return await self._answer(socket, f"You said {HEARD}.", asks=False)

    async def _typed(self, socket: RawSocket) -> dict[str, Any]:
        word = self._name("word")
        content = [{"type": "input_text", "text": word}]
        item = {"type": "message", "role": "user", "content": content}
        await socket.send({"type": "conversation.item.create", "item": item})
        await socket.send({"type": "response.create"})
        return await self._answer(socket, f"You said {word}.", asks=True)

    async def _answer(self, socket: RawSocket, text: str, *, asks: bool) -> dict[str, Any]:
        """The response that says this. Another one, to a tool's late result, may be in the way: then ask again."""
        while True:
            for response in socket.responses:
                for item in response["output"]:
                    if item.get("content") and item["content"][0].get("text") == text:
                        return response
            done = socket.expect("response.done")
            if asks and socket.responses:
                await socket.send({"type": "response.create"})
            await socket.see(done, f"answer {text!r}, but {list(socket.responses)}")

    # Choosing and counting

    def _pick(self, random: Random, count: int) -> list[Bad]:
        makers = random.choices(_MAKERS, _WEIGHTS, k=count)
        return [self._counted(maker.__name__, maker(random)) for maker in makers]

    def _named(self, random: Random, makers: list[Any]) -> Bad:
        maker = random.choice(makers)
        return self._counted(maker.__name__, maker(random))

    def _counted(self, name: str, bad: Bad) -> Bad:
        self.tally.sent[name] += 1
        return bad

    def _take(self, socket: RawSocket) -> None:
        self.tally.heard += socket.counts
        socket.counts.clear()

    def _name(self, kind: str) -> str:
        self._names += 1
        return f"{kind}-{self._names}"
