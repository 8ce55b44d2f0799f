"""Sessions that only write down what they hear."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI

from tests.net.conftest import until
from tests.service.client import Client, hum
from tests.service.doors import OFFER, Answering, Keys, refused, secret, settings
from tests.service.house import House
from tests.service.openai_client import Talk
from voice.audio.frames import PCM_24K, AudioFrame

TURN = hum(400) + hum(700, loud=False)


def transcriber(url: str, **query: Any) -> Client:
    client = Client(url, **query)
    client.kind = "transcription"
    return client


def test_what_is_said_is_written_down_and_nobody_answers() -> None:
    async def scene() -> None:
        async with (
            House(["good morning", "good night"]) as house,
            transcriber(house.url, intent="transcription") as client,
        ):
            house.brain.reply = None  # type: ignore[method-assign, assignment] # whoever asks it breaks
            shown = client.all("session.created")[0]["session"]
            assert (shown["type"], shown["object"]) == ("transcription", "realtime.transcription_session")
            assert set(shown) <= {"type", "object", "id", "expires_at", "audio", "include"}
            assert set(shown["audio"]) == {"input"}
            assert "create_response" not in shown["audio"]["input"]["turn_detection"]
            for said in ("good morning", "good night"):
                await client.speak()
                heard = await client.until("conversation.item.input_audio_transcription.completed")
                assert heard["transcript"] == said
            kinds = {event["type"] for event in client.events}
            assert not any(kind.startswith("response.") for kind in kinds)
            assert client.errors == []

    asyncio.run(scene())


def test_its_settings_are_its_own_kind(tmp_path: Path) -> None:
    async def scene() -> None:
        async with House(["by hand"]) as house, transcriber(house.url, intent="transcription") as client:
            kept = await client.update(
                audio={"input": {"turn_detection": None, "transcription": {"model": "x", "language": "en"}}}
            )
            assert kept["audio"]["input"]["turn_detection"] is None
            assert kept["audio"]["input"]["transcription"]["language"] == "en"
            await client.append(hum(400))
            await client.send("input_audio_buffer.commit")
            heard = await client.until("conversation.item.input_audio_transcription.completed")
            assert heard["transcript"] == "by hand"

            kept = await client.update(audio={"input": {"turn_detection": {"type": "semantic_vad"}}})
            assert kept["audio"]["input"]["turn_detection"]["type"] == "semantic_vad"
            client.kind = "realtime"
            await client.send("session.update", session={"type": "realtime", "instructions": "Sing."}, event_id="e1")
            error = (await client.until("error"))["error"]
            assert (error["param"], error["event_id"]) == ("session.type", "e1")
            for kind in ("response.create", "response.cancel", "output_audio_buffer.clear"):
                await client.send(kind)
                assert (await client.until("error"))["error"]["param"] == "type"

    asyncio.run(scene())


def test_a_secret_for_transcription_opens_nothing_else(tmp_path: Path) -> None:
    async def scene() -> None:
        keys = Keys(tmp_path)
        key = await asyncio.to_thread(keys.add, "backend")
        async with House(["good morning"], settings=settings(keys)) as house:
            asked = {"type": "transcription", "audio": {"input": {"transcription": {"model": "x", "language": "de"}}}}
            value = await secret(house, key, session=asked)
            async with (
                AsyncOpenAI(base_url=house.http, api_key=value) as browser,
                browser.realtime.connect(model="whatever") as connection,
            ):
                talk = Talk(connection)
                session = (await talk.until("session.created")).session
                assert session.type == "transcription"
                assert session.audio.input.transcription.language == "de"
                await talk.say(TURN)
                heard = await talk.until("conversation.item.input_audio_transcription.completed")
                assert heard.transcript == "good morning"
                await connection.response.create()
                assert (await talk.until("error")).error.type == "invalid_request_error"

    asyncio.run(scene())


def test_a_call_may_be_one_too() -> None:
    async def scene() -> None:
        answer = Answering()
        async with (
            House(["good morning"], answer=answer) as house,
            AsyncOpenAI(base_url=house.http, api_key=await secret(house, session={"type": "transcription"})) as client,
        ):
            await client.realtime.calls.create(sdp=OFFER)
            (transport,) = answer.transports
            await until(lambda: bool(transport.events))
            assert [event.session.type for event in transport.events[:1]] == ["transcription"]  # type: ignore[union-attr]
            assert transport._listener is not None
            for at in range(0, len(TURN), 4_800):
                transport._listener.receive_frame(AudioFrame(PCM_24K, TURN[at : at + 4_800]))
            heard = "conversation.item.input_audio_transcription.completed"
            await until(lambda: heard in [event.type for event in transport.events])
            assert not any(event.type.startswith("response.") for event in transport.events)

    asyncio.run(scene())


def test_a_secret_for_conversations_transcribes_nothing() -> None:
    async def scene() -> None:
        async with House() as house:
            value = await secret(house)
            status, error, _ = await refused(f"{house.url}?intent=transcription", key=value)
            assert (status, error["code"]) == (403, "session_type_not_allowed")

    asyncio.run(scene())


@pytest.mark.parametrize("intent", ["", "conversation", "Transcription"])
def test_other_intents_are_refused(intent: str) -> None:
    async def scene() -> None:
        async with House() as house:
            status, error, _ = await refused(f"{house.url}?intent={intent}")
            assert (status, error["code"], error["param"]) == (400, "invalid_intent", "intent")

    asyncio.run(scene())
