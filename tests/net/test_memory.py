"""The twin keeps the promises of the seam."""

from __future__ import annotations

import asyncio

import pytest

from tests.net.conftest import Remembers
from voice.errors import Misuse
from voice.net.base import PendingSocket, Socket
from voice.net.memory import MemoryPendingSocket


def test_what_one_end_says_the_other_hears_a_turn_later() -> None:
    async def scene() -> None:
        client, server = Remembers(), Remembers()
        request = MemoryPendingSocket(client, "/v1/realtime", query={"model": "m"})
        pending: PendingSocket = request
        far: Socket = pending.accept(server)
        near = request.client_socket
        assert near is not None
        near.send_text(b"hello")
        far.send_binary(b"\x00")
        assert server.messages == []
        await asyncio.sleep(0)
        assert (server.messages, client.binary) == ([b"hello"], [b"\x00"])
        await far.close(1001, "bye")
        await far.close()
        near.send_text(b"late")
        await asyncio.sleep(0)
        assert server.closed == client.closed == [(1001, "bye")]
        assert server.messages == [b"hello"]

    asyncio.run(scene())


def test_a_request_is_answered_once() -> None:
    request = MemoryPendingSocket(Remembers())
    request.reject(401, b"{}")
    assert (request.answer, request.body) == (401, b"{}")
    with pytest.raises(Misuse):
        request.accept(Remembers())
