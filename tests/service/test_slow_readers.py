"""Much to send to somebody: one large answer is waited for, and whoever reads nothing is let go."""

from __future__ import annotations

import asyncio
import base64
import json
from time import monotonic

import psutil

from tests.service.client import Client, hum, words
from tests.service.doors import Answering, call
from tests.service.house import House
from tests.service.raw_socket import TEXT, RawSocket, frame

A_MINUTE_AND_A_HALF = 90_000


def recording(ms: int) -> dict[str, object]:
    """An item with that much sound."""
    audio = base64.b64encode(hum(ms)).decode()
    content = [{"type": "input_audio", "audio": audio}]
    return {"id": "recording", "type": "message", "role": "user", "content": content}


def test_a_recording_that_is_larger_than_what_may_wait_can_be_had_back() -> None:
    async def scene() -> None:
        async with House() as house, Client(house.url) as client:
            await client.create(recording(A_MINUTE_AND_A_HALF))
            await client.send("conversation.item.retrieve", item_id="recording")
            answer = asyncio.create_task(client.ask("still there", output_modalities=["text"]))
            kept = (await client.until("conversation.item.retrieved"))["item"]["content"][0]
            assert len(base64.b64decode(kept["audio"])) == 48 * A_MINUTE_AND_A_HALF
            assert words(await answer) == "You said still there."

    asyncio.run(scene())


def test_somebody_who_asks_for_much_and_reads_nothing_costs_little_and_is_let_go() -> None:
    async def scene() -> None:
        retrieve = json.dumps({"type": "conversation.item.retrieve", "item_id": "recording"}).encode()
        async with House() as house, Client(house.url) as other, RawSocket(house.port) as deaf:
            created = deaf.expect("conversation.item.done")
            await deaf.send({"type": "conversation.item.create", "item": recording(A_MINUTE_AND_A_HALF)})
            await deaf.see(created, "the item")
            deaf.stop_reading()
            before = psutil.Process().memory_info().rss
            began = monotonic()
            await deaf.write(frame(TEXT, retrieve) * 1_000)
            assert words(await other.ask("hello", output_modalities=["text"])) == "You said hello."
            assert monotonic() - began < 3, "others are answered meanwhile"
            async with asyncio.timeout(10):
                while house.hub.active > 1:  # noqa: ASYNC110 - the service tells nobody
                    await asyncio.sleep(0.01)
            assert psutil.Process().memory_info().rss - before < 150 * 2**20

    asyncio.run(scene())


def test_a_backend_that_attends_a_call_and_reads_nothing_is_let_go_and_the_call_goes_on() -> None:
    async def scene() -> None:
        retrieve = json.dumps({"type": "conversation.item.retrieve", "item_id": "recording"}).encode()
        answering = Answering()
        async with House(answer=answering) as house:
            call_id = await call(house)
            (transport,) = answering.transports
            async with Client(house.url, call_id=call_id) as other, RawSocket(house.port, f"call_id={call_id}") as deaf:
                created = deaf.expect("conversation.item.done")
                await deaf.send({"type": "conversation.item.create", "item": recording(A_MINUTE_AND_A_HALF)})
                await deaf.see(created, "the item")
                deaf.stop_reading()
                shared = house.calls._calls[call_id].transport
                assert shared.attendants == 2
                await deaf.write(frame(TEXT, retrieve) * 20)
                async with asyncio.timeout(20):
                    while shared.attendants > 1:  # noqa: ASYNC110 - the service tells nobody
                        await asyncio.sleep(0.01)
                assert words(await other.ask("hello", output_modalities=["text"])) == "You said hello."
            assert transport.closed is None

    asyncio.run(scene())
