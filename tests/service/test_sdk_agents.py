"""A stock `openai-agents` realtime agent talks through the service: over scripted stages, then with everything real."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.service.agents_client import conversation
from tests.service.client import hum
from tests.service.house import House
from tests.service.served import served
from tests.service.sound import fixture, independent_words

TURN = hum(400) + hum(1500, loud=False)


def test_a_turn_a_tool_and_an_interruption_over_scripted_stages() -> None:
    async def scene() -> None:
        lines = ["good morning", 'use get_weather {"city": "paris"}', "talk on", "stop"]
        async with House(lines) as house, conversation(house.url) as talk:
            await talk.say(TURN)
            await talk.until(lambda: "You said good morning." in talk.answers)

            await talk.say(TURN)
            await talk.until(lambda: "The answer is It is raining in paris.." in talk.answers)
            (ended,) = talk.all("tool_end")
            assert (ended.tool.name, ended.output) == ("get_weather", "It is raining in paris.")

            await talk.say(TURN)
            await talk.until(
                lambda: talk.said_by_server("response.output_audio.delta")[-1:] and len(talk.sound()) > 1e5
            )
            await talk.say(TURN)
            await talk.until(lambda: "You said stop." in talk.answers)
            assert talk.all("audio_interrupted")

    asyncio.run(scene())


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served() as address:
        yield address.replace("http://", "ws://") + "/realtime"


@pytest.mark.sdk
@pytest.mark.speech
def test_a_spoken_question_is_answered_in_words_that_others_understand(url: str) -> None:
    async def scene() -> None:
        async with conversation(url) as talk:
            await talk.speak(fixture("lines/what_is_twelve_times_seven_rms.wav", tail_ms=1500))
            await talk.until(lambda: "12 times 7 is 84." in talk.answers)
            await talk.until(lambda: talk.all("audio_end"))
            assert "eighty four" in independent_words(talk.sound())

    asyncio.run(scene())


@pytest.mark.sdk
@pytest.mark.speech
def test_the_agents_function_is_called_and_its_result_is_spoken(url: str) -> None:
    async def scene() -> None:
        async with conversation(url) as talk:
            await talk.session.send_message("what is the weather in paris")
            await talk.until(lambda: "It is raining in paris." in talk.answers)
            (ended,) = talk.all("tool_end")
            assert ended.output == "It is raining in paris."
            await talk.until(lambda: talk.all("audio_end"))
            assert "it is raining" in independent_words(talk.sound())

    asyncio.run(scene())


@pytest.mark.sdk
@pytest.mark.speech
def test_the_agent_interrupts_truncates_and_is_believed(url: str) -> None:
    async def scene() -> None:
        async with conversation(url) as talk:
            await talk.speak(fixture("lines/what_can_you_do_rms.wav", tail_ms=1500))
            await talk.until(lambda: talk.answers)
            await asyncio.sleep(1.5)
            await talk.speak(fixture("lines/please_repeat_that_awb.wav", tail_ms=1500))
            (cut,) = await talk.until(lambda: talk.said_by_server("conversation.item.truncated"))
            assert 1000 < cut["audio_end_ms"] < 6000
            await talk.until(lambda: len(talk.answers) > 1)
            retrieved = [event["item"] for event in talk.said_by_server("conversation.item.retrieved")]
            kept = [item["content"][0]["transcript"] for item in retrieved if item["id"] == cut["item_id"]]
            whole, believed = talk.answers[0], kept[-1]
            assert believed
            assert whole.startswith(believed)
            assert len(believed) < len(whole) / 2
            assert talk.answers[1].rstrip(".") == believed, "asked to repeat, it repeats what was heard"
            assert talk.all("audio_interrupted")

    asyncio.run(scene())
