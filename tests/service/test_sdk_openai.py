"""A stock `openai` client talks to the service: over scripted stages, then with everything real."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.service.client import hum
from tests.service.house import House
from tests.service.openai_client import WEATHER, cut, talk, tool_round
from tests.service.served import served
from tests.service.sound import fixture, independent_words

TURN = hum(400) + hum(700, loud=False)


def test_a_turn_a_tool_and_an_interruption_over_scripted_stages() -> None:
    async def scene() -> None:
        lines = ["good morning", 'use get_weather {"city": "paris"}', 'use calculate {"expression": "12 * 7"}']
        async with House(lines) as house, talk(house.http, tools=[WEATHER]) as client:
            await client.say(TURN)
            heard = await client.until("conversation.item.input_audio_transcription.completed")
            assert heard.transcript == "good morning"
            answer = await client.answer()
            text = answer.content[0].transcript
            assert text == "You said good morning."
            assert len(client.sound(answer.id)) == 480 * len(text)

            believed = await cut(client, answer.id, 100)
            assert believed
            assert text.startswith(believed)
            assert believed != text

            await client.say(TURN)
            assert (await tool_round(client)).content[0].transcript == "The answer is It is raining.."

            await client.say(TURN)
            assert "84" in (await client.answer()).content[0].transcript
            calls = [event.item for event in client.events if event.type == "response.output_item.done"]
            (ours,) = [item for item in calls if item.type == "mcp_call"]
            assert (ours.server_label, ours.name) == ("voice", "calculate")
            assert client.errors == []

    asyncio.run(scene())


# Everything real: Silero hears when somebody speaks, PocketSphinx what, templates think, Flite speaks.


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with served() as address:
        yield address


@pytest.mark.sdk
@pytest.mark.speech
def test_a_spoken_question_is_answered_in_words_that_others_understand(base_url: str) -> None:
    async def scene() -> None:
        async with talk(base_url) as client:
            await client.say(fixture("lines/what_is_twelve_times_seven_rms.wav"))
            heard = await client.until("conversation.item.input_audio_transcription.completed")
            assert heard.transcript == "what is twelve times seven"
            answer = await client.answer()
            assert answer.content[0].transcript == "12 times 7 is 84."
            assert "eighty four" in independent_words(client.sound(answer.id))
            assert client.errors == []

    asyncio.run(scene())


@pytest.mark.sdk
@pytest.mark.speech
def test_the_services_tool_is_shown_and_the_clients_tool_is_called(base_url: str) -> None:
    async def scene() -> None:
        async with talk(base_url, tools=[WEATHER]) as client:
            await client.ask("what is forty minus eighteen")
            await client.until("response.mcp_call.completed")
            call = (await client.until("response.output_item.done")).item
            assert (call.type, call.server_label, call.name) == ("mcp_call", "voice", "calculate")
            assert "22" in call.output
            assert "22" in (await client.answer()).content[0].transcript

            await client.ask("what is the weather in paris")
            answer = await tool_round(client)
            assert answer.content[0].transcript == "It is raining."
            assert "it is raining" in independent_words(client.sound(answer.id))
            assert client.errors == []

    asyncio.run(scene())


@pytest.mark.sdk
@pytest.mark.speech
def test_an_interruption_stops_the_reply_and_cuts_what_was_not_heard(base_url: str) -> None:
    async def scene() -> None:
        async with talk(base_url) as client:
            await client.say(fixture("lines/what_can_you_do_rms.wav"))
            answer = await client.answer()
            said = answer.content[0].transcript
            assert said.startswith("I can tell the time")

            await client.say(fixture("lines/please_repeat_that_awb.wav", tail_ms=0))
            await client.until("input_audio_buffer.speech_started")
            believed = await cut(client, answer.id, 1500)
            assert said.startswith(believed)
            assert "spell words" not in believed

            await client.say(fixture("lines/please_repeat_that_awb.wav", tail_ms=900)[-48_000:])
            repeated = await client.answer()
            assert repeated.content[0].transcript.rstrip(".") == believed.rstrip(".")
            assert client.errors == []

    asyncio.run(scene())
