"""The scripted engine as a process: says `port N`, serves Realtime sessions there, answers `report` with its log."""

from __future__ import annotations

import asyncio
import json

from tests.benchmarks.bridge.control import commands, run, say
from tests.benchmarks.bridge.conversation import Conversation
from tests.benchmarks.bridge.voiceover import DELTAS, RATES, delta
from tests.benchmarks.bridge.wire import WireSocket


class EngineSocket(WireSocket):
    """One client of the engine."""

    def __init__(self, conversations: list[Conversation]) -> None:
        super().__init__()
        self._conversations = conversations
        self._conversation: Conversation | None = None

    def handle_open(self) -> None:
        self._conversation = Conversation(len(self._conversations), self.send)
        self._conversations.append(self._conversation)
        asyncio.get_running_loop().call_soon(self._conversation.open)

    def receive_text(self, data: bytes) -> None:
        if self._conversation is not None:
            self._conversation.receive(data)

    def handle_gone(self) -> None:
        if self._conversation is not None:
            self._conversation.close()


def render_all() -> None:
    """Make every delta before the first is due."""
    for kind in RATES:
        for number in range(5):
            for index in range(DELTAS):
                delta(kind, number, index)


async def main() -> None:
    render_all()
    conversations: list[Conversation] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: EngineSocket(conversations), "127.0.0.1", 0, backlog=1024)
    say(f"port {server.sockets[0].getsockname()[1]}")
    async for line in commands():
        if line == "report":
            say(json.dumps([conversation.report() for conversation in conversations]))
    server.close()


if __name__ == "__main__":
    run(main())
