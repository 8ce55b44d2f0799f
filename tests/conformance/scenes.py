"""What is tried at the endpoint: together the scenes send every client event and hear every server event there is here.

The title of a scene is what the table calls it. A scene that does not get the answer it waits for fails.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable

from tests.service.client import Client, hum
from tests.service.house import House
from voice.errors import EngineFailed

Scene = Callable[[House, Client], Awaitable[None]]
SCENES: dict[str, Scene] = {}
LINES = ("good morning", EngineFailed("The recogniser broke."), "good evening")
"""What the recogniser hears in the scene in which somebody speaks."""

DOOR = {"type": "function", "name": "open_door", "parameters": {"type": "object", "properties": {}}}


def scene(title: str) -> Callable[[Scene], Scene]:
    def keep(function: Scene) -> Scene:
        SCENES[title] = function
        return function

    return keep


@scene("connect and configure")
async def connect_and_configure(house: House, client: Client) -> None:
    settings = await client.update(instructions="Be brief.", audio={"output": {"speed": 1.1}})
    assert (settings["instructions"], settings["audio"]["output"]["speed"]) == ("Be brief.", 1.1)


@scene("spoken turns, found by the server")
async def spoken_turns(house: House, client: Client) -> None:
    house.recogniser.lines.extend(LINES)
    await client.update(audio={"input": {"transcription": {"model": "any"}}})
    for ending in ("completed", "failed", "completed"):
        await client.speak()
        await client.until("response.done")
        await client.until(f"conversation.item.input_audio_transcription.{ending}")


@scene("a turn by the talk button")
async def talk_button(house: House, client: Client) -> None:
    await client.update(audio={"input": {"turn_detection": None}})
    await client.append(hum(200))
    await client.send("input_audio_buffer.clear")
    await client.until("input_audio_buffer.cleared")
    await client.append(hum(400))
    await client.send("input_audio_buffer.commit")
    await client.until("input_audio_buffer.committed")
    await client.send("response.create")
    done = await client.until("response.done")
    assert done["response"]["status"] == "completed"


@scene("a typed turn, answered in writing")
async def typed_turn(house: House, client: Client) -> None:
    answer = await client.ask("hello", output_modalities=["text"])
    assert answer["output"][0]["content"] == [{"type": "output_text", "text": "You said hello."}]


@scene("items: create, retrieve, truncate, delete")
async def items(house: House, client: Client) -> None:
    said = (await client.ask("a sentence that is cut in the middle"))["output"][0]
    await client.send("conversation.item.truncate", item_id=said["id"], content_index=0, audio_end_ms=100)
    await client.until("conversation.item.truncated")
    assert (await client.retrieve(said["id"]))["content"][0]["transcript"] != said["content"][0]["transcript"]
    await client.send("conversation.item.delete", item_id=said["id"])
    await client.until("conversation.item.deleted")
    audio = base64.b64encode(hum(300)).decode()
    content = [{"type": "input_audio", "audio": audio}]
    await client.create({"type": "message", "role": "user", "content": content}, previous_item_id="root")
    content = [{"type": "input_text", "text": "Be kind."}]
    await client.create({"type": "message", "role": "system", "content": content})
    assert client.errors == []


@scene("a reply that is cancelled")
async def cancelled_reply(house: House, client: Client) -> None:
    await client.write("talk on")
    await client.send("response.create")
    created = await client.until("response.created")
    await client.until("response.output_audio.delta")
    await client.send("response.cancel", response_id=created["response"]["id"])
    done = await client.until("response.done")
    assert done["response"]["status_details"]["reason"] == "client_cancelled"


@scene("a reply outside the conversation")
async def out_of_band(house: House, client: Client) -> None:
    content = [{"type": "input_text", "text": "only here"}]
    items = [{"type": "message", "role": "user", "content": content}]
    wanted = {"conversation": "none", "output_modalities": ["text"], "input": items, "metadata": {"topic": "x"}}
    await client.send("response.create", response=wanted)
    done = (await client.until("response.done"))["response"]
    assert (done["conversation_id"], done["metadata"]) == (None, {"topic": "x"})
    assert not client.all("conversation.item.added")


@scene("a function that the client runs")
async def client_tool(house: House, client: Client) -> None:
    await client.update(tools=[DOOR])
    (call,) = (await client.ask('use open_door {"which": "front"}'))["output"]
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "open"}
    await client.create(output)
    await client.send("response.create")
    await client.until("response.done")


@scene("tools that the service runs")
async def server_tools(house: House, client: Client) -> None:
    for expression, ending in (("12 * 7", "completed"), ("twelve by", "failed")):
        await client.ask(f'use calculate {{"expression": "{expression}"}}')
        await client.until(f"response.mcp_call.{ending}")
        await client.until("response.done")


@scene("tools that a person must allow")
async def approvals(house: House, client: Client) -> None:
    for approve, ending in ((True, "completed"), (False, "failed")):
        await client.ask("use forget_notes {}")
        request = await client.item("mcp_approval_request")
        assert (request["name"], request["server_label"]) == ("forget_notes", "voice")
        answer = {"type": "mcp_approval_response", "approval_request_id": request["id"], "approve": approve}
        await client.create(answer)
        await client.until(f"response.mcp_call.{ending}")
        await client.until("response.done")
        await client.send("conversation.item.create", event_id="again", item={"id": "again", **answer})
        error = (await client.until("error"))["error"]
        assert (error["code"], error["event_id"]) == ("approval_request_already_answered", "again")


@scene("a server of tools that the client names")
async def named_mcp_server(house: House, client: Client) -> None:
    server = {"type": "mcp", "server_label": "elsewhere", "server_url": "https://tools.example/mcp"}
    await client.update(tools=[server])
    await client.until("mcp_list_tools.failed")


@scene("a long silence")
async def long_silence(house: House, client: Client) -> None:
    await client.update(audio={"input": {"turn_detection": {"type": "server_vad", "idle_timeout_ms": 5000}}})
    await client.ask("hello")
    house.later_s += 60
    await client.append(hum(20, loud=False))
    await client.until("input_audio_buffer.timeout_triggered")
    await client.until("response.done")


@scene("things that are refused")
async def refusals(house: House, client: Client) -> None:
    for kind, fields, code in (
        ("output_audio_buffer.clear", {}, "invalid_value"),
        ("response.cancel", {}, "response_cancel_not_active"),
        ("input_audio_buffer.commit", {}, "input_audio_buffer_commit_empty"),
        ("conversation.item.retrieve", {"item_id": "nothing"}, "item_not_found"),
    ):
        await client.send(kind, event_id=f"mine {kind}", **fields)
        error = (await client.until("error"))["error"]
        assert (error["code"], error["event_id"]) == (code, f"mine {kind}")
