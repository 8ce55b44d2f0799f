"""Clients at the running service: several at once, some that vanish, engines that break, and an end that is polite."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.service.client import Client, words
from tests.service.house import House
from voice.engines.base import Engine
from voice.engines.scripted import ScriptedEngine
from voice.errors import EngineRefused, EngineUnreachable

CALCULATE = 'use calculate {"expression": "12 * 7"}'


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scene()
        assert len(asyncio.all_tasks()) == 1, "a task was left behind"

    asyncio.run(whole())


def test_a_spoken_turn_is_answered_with_sound() -> None:
    async def scene() -> None:
        async with House(["good morning"]) as house, Client(house.url) as client:
            await client.update(audio={"input": {"transcription": {"model": "any"}}})
            await client.speak()
            heard = await client.until("conversation.item.input_audio_transcription.completed")
            assert heard["transcript"] == "good morning"
            done = await client.until("response.done")
            assert words(done["response"]) == "You said good morning."
            assert len(client.sound()) == len("You said good morning.") * 480

    play(scene)


def test_two_clients_talk_at_once_and_hear_only_their_own() -> None:
    async def scene() -> None:
        async with House() as house, Client(house.url) as one, Client(house.url) as other:
            assert house.hub.active == 2
            answers = await asyncio.gather(one.ask("apples"), other.ask("pears"))
            assert [words(answer) for answer in answers] == ["You said apples.", "You said pears."]
            assert not {event["event_id"] for event in one.events} & {event["event_id"] for event in other.events}

    play(scene)


def test_a_client_that_vanishes_in_mid_reply_leaves_nothing_behind() -> None:
    async def scene() -> None:
        async with House() as house:
            before = len(asyncio.all_tasks())
            async with Client(house.url) as client:
                await client.write("talk on")
                await client.send("response.create")
                await client.until("response.output_audio.delta")
                assert house.brain.thinking == 1
                client.hang_up()
                await house.empty()
            assert house.brain.thinking == 0
            await asyncio.sleep(0.01)
            assert len(asyncio.all_tasks()) == before

    play(scene)


def test_a_stop_lets_an_open_session_finish_and_then_says_goodbye() -> None:
    async def scene() -> None:
        async with House(grace_s=0.3) as house, Client(house.url) as client:
            await client.ask("hello")
            house.stop()
            assert words(await client.ask("still there")) == "You said still there.", "in the grace it goes on"
            with pytest.raises(Exception, match="503"):
                await Client(house.url).__aenter__()
            assert await client.until_closed() == (1001, "the service is stopping")
            await house.stopped()

    play(scene)


def test_a_stop_in_mid_reply_is_a_goodbye_too() -> None:
    async def scene() -> None:
        async with House() as house, Client(house.url) as client:
            await client.write("talk on")
            await client.send("response.create")
            await client.until("response.output_audio.delta")
            house.stop()
            assert await client.until_closed() == (1001, "the service is stopping")
            await house.stopped()
            assert house.brain.thinking == 0

    play(scene)


# A tool of ours, a tool of theirs


def test_a_tool_of_the_service_runs_here_and_is_shown_as_a_call_of_the_server() -> None:
    async def scene() -> None:
        async with House() as house, Client(house.url) as client:
            called = await client.ask(CALCULATE)
            (call,) = called["output"]
            assert (call["type"], call["server_label"], call["name"]) == ("mcp_call", "voice", "calculate")
            answer = (await client.until("response.done"))["response"]
            assert "84" in words(answer)
            kept = await client.retrieve(call["id"])
            assert kept["type"] == "mcp_call"
            assert "84" in kept["output"]
            kinds = {event["type"] for event in client.events}
            assert not any("function_call" in kind for kind in kinds)

    play(scene)


def test_a_tool_of_the_client_is_called_there() -> None:
    async def scene() -> None:
        async with House() as house, Client(house.url) as client:
            tool = {"type": "function", "name": "open_door", "parameters": {"type": "object", "properties": {}}}
            settings = await client.update(tools=[tool])
            assert [one["name"] for one in settings["tools"]] == ["open_door"], "ours are not shown"
            called = await client.ask('use open_door {"which": "front"}')
            (call,) = called["output"]
            assert (call["type"], call["arguments"]) == ("function_call", '{"which": "front"}')
            output = {"type": "function_call_output", "call_id": call["call_id"], "output": "the door is open"}
            await client.create(output)
            await client.send("response.create")
            answer = (await client.until("response.done"))["response"]
            assert words(answer) == "The answer is the door is open."

    play(scene)


# An interruption


def test_a_client_that_interrupts_cuts_what_the_assistant_believes_it_said() -> None:
    async def scene() -> None:
        async with House() as house, Client(house.url) as client:
            said = await client.ask("a sentence of a good length to be cut in the middle")
            item_id = said["output"][0]["id"]
            await client.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=150)
            cut = await client.until("conversation.item.truncated")
            assert (cut["item_id"], cut["audio_end_ms"]) == (item_id, 150)
            heard = (await client.retrieve(item_id))["content"][0]["transcript"]
            assert heard
            assert words(said).startswith(heard)
            assert len(heard) < 20
            assert words(await client.ask("say that again")) == heard, "its context was really cut"

    play(scene)


def test_speech_stops_the_reply_that_is_being_made() -> None:
    async def scene() -> None:
        async with House() as house, Client(house.url) as client:
            await client.write("talk on")
            await client.send("response.create")
            await client.until("response.output_audio.delta")
            await client.speak()
            await client.until("input_audio_buffer.speech_started")
            first = (await client.until("response.done"))["response"]
            assert (first["status"], first["status_details"]["reason"]) == ("cancelled", "turn_detected")
            second = (await client.until("response.done"))["response"]
            assert (second["status"], words(second)) == ("completed", "You said hello there.")
            at = next(i for i, event in enumerate(client.events) if event["type"] == "response.done")
            late = [event for event in client.events[at:] if event.get("response_id") == first["id"]]
            assert not late, "nothing follows the end of a response"

    play(scene)


# Engines in trouble


def test_an_engine_that_breaks_says_so_and_goes_on() -> None:
    async def scene() -> None:
        async with House() as house, Client(house.url) as client:
            failed = await client.ask("break")
            assert failed["status"] == "failed"
            (error,) = client.errors
            assert (error["type"], error["code"]) == ("server_error", "engine_failed")
            assert words(await client.ask("hello")) == "You said hello."

    play(scene)


def test_a_client_whose_engine_refuses_is_told_before_it_is_let_go() -> None:
    async def scene() -> None:
        async with House(make_engine=refusing(EngineRefused("The engine refused the key."))) as house:
            client = Client(house.url)
            with pytest.raises(AssertionError, match="closed"):
                await client.__aenter__()
            (error,) = client.errors
            assert (error["type"], error["message"]) == ("server_error", "The engine refused the key.")
            assert client.closed == (1011, "The engine refused the key.")

    play(scene)


def test_an_engine_that_comes_late_is_waited_for() -> None:
    async def scene() -> None:
        engines = [refusing(EngineUnreachable("Nobody is at the engine's address.")), None]
        house = House()
        local = house._make_engine

        def make(session_id: str) -> Engine:
            other = engines.pop(0)
            return other(session_id) if other is not None else local(session_id)

        house._make_engine = make
        async with house, Client(house.url) as client:
            assert words(await client.ask("hello")) == "You said hello."
        assert house.engines_made == 2

    play(scene)


def test_an_engine_that_is_lost_in_mid_reply_is_replaced_and_the_reply_has_an_end() -> None:
    async def scene() -> None:
        async with House() as house, Client(house.url) as client:
            await client.write("talk on")
            await client.send("response.create")
            begun = (await client.until("response.created"))["response"]["id"]
            await client.until("response.output_audio.delta")
            await house.engine.close()
            done = (await client.until("response.done"))["response"]
            assert done["id"] == begun
            assert done["status"] in ("failed", "incomplete", "cancelled")
            again = await client.until("response.created")
            assert house.engines_made == 2
            await client.send("response.cancel")
            ended = [done["response"]["id"] for done in client.all("response.done")]
            assert len(ended) == len(set(ended)), "a response ends once"
            assert len(client.all("session.created")) == len(client.all("conversation.created")) == 1
            assert again["response"]["id"] != begun

    play(scene)


def refusing(error: EngineRefused | EngineUnreachable) -> Callable[[str], Engine]:
    return lambda session_id: ScriptedEngine(refuses=error)


# The first words


def test_the_session_is_the_first_thing_that_a_client_hears_of() -> None:
    async def scene() -> None:
        async with House() as house, Client(house.url) as client:
            await client.ask("hello")
            assert [event["type"] for event in client.events][:2] == ["session.created", "conversation.created"]

    play(scene)


def test_a_client_that_says_thousands_of_things_in_one_breath_is_answered() -> None:
    async def scene() -> None:
        async with House() as house, Client(house.url) as client:
            breath = [client.send("conversation.item.retrieve", item_id=f"nothing {n}") for n in range(5_000)]
            await asyncio.gather(*breath)
            answer = await client.ask("still there", output_modalities=["text"])
            assert words(answer) == "You said still there."
            assert len(client.errors) == 5_000
            assert house.engines_made == 1

    play(scene)
