"""Many at once, most of them rude: nobody is let in who may not, and when they have gone nothing is left of them."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.net.conftest import until
from tests.service.doors import OFFER, SDP, Answering, Keys, ask, secret, settings
from tests.service.house import House
from voice.config import LimitSettings

CALLS = "/v1/realtime/calls"


class Crowd:
    """What its members do, and what came of it."""

    def __init__(self, house: House, key: str, answer: Answering, seed: int) -> None:
        self._house = house
        self._key = key
        self._answer = answer
        self._random = random.Random(seed)
        self.seen: Counter[str] = Counter()

    async def one(self) -> None:
        act = self._random.choice([self.talks, self.calls, self.attends, self.guesses, self.leaves_early])
        try:
            await act()
        except (InvalidStatus, ConnectionClosed, OSError, EOFError) as error:
            self.seen[type(error).__name__] += 1

    async def talks(self) -> None:
        value = await secret(self._house, self._key, voice={"uses": 1})
        socket = await connect(self._house.url, additional_headers={"Authorization": f"Bearer {value}"})
        for _ in range(self._random.randrange(4)):
            await socket.recv()
            await socket.send(self._random.choice(['{"type":"response.create"}', "{", '{"type":"x"}', "[]"]))
        self.seen["talked"] += 1
        if self._random.random() < 0.5:
            socket.transport.abort()
        else:
            await socket.close()

    async def calls(self) -> None:
        answer = await ask(self._house, "POST", CALLS, key=self._key, content=OFFER, headers=SDP)
        self.seen[f"call {answer.status_code}"] += 1
        if answer.status_code != 201:
            return
        await asyncio.sleep(self._random.random() * 0.1)
        if self._random.random() < 0.5:
            await ask(self._house, "POST", answer.headers["location"] + "/hangup", key=self._key)
        else:
            connected = [transport for transport in self._answer.transports if transport._listener is not None]
            self._random.choice(connected).hang_up()

    async def attends(self) -> None:
        going = [call.id for call in self._house.calls._calls.values()]
        call_id = self._random.choice([*going, "rtc_none"])
        url = f"{self._house.url}?call_id={call_id}"
        async with connect(url, additional_headers={"Authorization": f"Bearer {self._key}"}) as socket:
            self.seen["attended"] += 1
            await socket.send('{"type":"response.create"}')
            socket.transport.abort()

    async def guesses(self) -> None:
        answer = await ask(self._house, "POST", CALLS, key=f"vk_{self._random.random()}", content=OFFER, headers=SDP)
        assert answer.status_code == 401
        self.seen["guessed"] += 1

    async def leaves_early(self) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", self._house.port)
        request = f"POST {CALLS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {self._key}\r\n"
        request += "Content-Type: application/sdp\r\nContent-Length: 1000\r\n\r\nv=0"
        writer.write(request[: self._random.randrange(len(request))].encode())
        await writer.drain()
        writer.transport.abort()
        self.seen["left early"] += 1


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_storm_leaves_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        keys, answer = Keys(tmp_path), Answering()
        key = await asyncio.to_thread(keys.add, "backend")
        limits = LimitSettings(requests_per_minute=0, failures_per_minute=0, pending_calls=1_000)
        async with House(answer=answer, settings=settings(keys, limits=limits)) as house:
            tasks, files = len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))  # noqa: PTH208
            crowd = Crowd(house, key, answer, seed=7)
            gate = asyncio.Semaphore(25)

            async def through_the_gate() -> None:
                async with gate:
                    await crowd.one()

            await asyncio.gather(*(through_the_gate() for _ in range(400)))
            assert min(crowd.seen[kind] for kind in ("talked", "call 201", "attended", "guessed", "left early")) > 10
            for transport in answer.transports:
                transport.hang_up()
            await house.empty(within_s=20)
            await until(lambda: len(asyncio.all_tasks()) <= tasks)
            assert len(house.calls) == 0
            assert len(os.listdir("/proc/self/fd")) <= files + 2  # noqa: PTH208
            assert (await ask(house, "GET", "/readyz")).status_code == 200

    asyncio.run(scene())
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []
