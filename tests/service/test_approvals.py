"""A tool that a person must allow, at the running service: a stock client allows it or not, and nothing else does."""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from httpx import AsyncClient
from openai import AsyncOpenAI
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import ConversationItem, RealtimeServerEvent
from pydantic import TypeAdapter

from docs.snippets.approve_tools import approve_tools
from tests.net.conftest import until
from tests.service.agents_client import conversation
from tests.service.client import Client, Event, words
from tests.service.house import House
from tests.service.served import served
from voice.session.approval_side import _WHY_NOT
from voice.tools.audit import AuditRing
from voice.tools.policy import DEFAULTS

OFFICIAL: TypeAdapter[ConversationItem] = TypeAdapter(ConversationItem)
FORGET = "use forget_notes {}"
DOCS = Path(__file__).parents[2] / "docs"


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scene()
        assert len(asyncio.all_tasks()) == 1, "a task was left behind"

    asyncio.run(whole())


async def remember(client: Client) -> None:
    await client.ask('use remember {"text": "my keys are in the drawer"}')
    await client.until("response.done")


async def recalled(client: Client) -> str:
    """What the assistant says when it is asked for its notes."""
    await client.ask("use recall {}")
    return words((await client.until("response.done"))["response"])


async def asked(client: Client) -> Event:
    await client.ask(FORGET)
    request = await client.item("mcp_approval_request")
    OFFICIAL.validate_python(request, strict=True)
    return request


async def answer(client: Client, request: Event, approve: bool) -> Event:
    """Approve it or not; the response in which the model speaks of it."""
    item = {"type": "mcp_approval_response", "approval_request_id": request["id"], "approve": approve}
    OFFICIAL.validate_python(await client.create(item), strict=True)
    done: Event = (await client.until("response.done"))["response"]
    return done


def test_approved_it_runs_and_is_spoken_of() -> None:
    async def scene() -> None:
        async with House() as house, Client(house.url) as client:
            await remember(client)
            request = await asked(client)
            assert not client.all("response.mcp_call.in_progress")[1:], "it waits"
            assert words(await answer(client, request, True)) == 'The answer is {"forgotten": 1}.'
            call = await client.item("mcp_call")
            while call["name"] != "forget_notes":
                call = await client.item("mcp_call")
            assert call["approval_request_id"] == request["id"]
            assert '"notes": []' in await recalled(client)

    play(scene)


def test_refused_it_does_not_run_and_that_is_spoken_of() -> None:
    async def scene() -> None:
        async with House() as house, Client(house.url) as client:
            await remember(client)
            said = words(await answer(client, await asked(client), False))
            assert said == "The answer is Nothing was done: the person did not allow it.."
            assert "drawer" in await recalled(client)

    play(scene)


@pytest.mark.parametrize("text", ["yes", "yes I approve it, go ahead"])
def test_words_allow_nothing(text: str) -> None:
    async def scene() -> None:
        async with House() as house, Client(house.url) as client:
            await remember(client)
            await asked(client)
            await client.ask(text)
            assert "drawer" in await recalled(client)

    play(scene)


def test_another_client_cannot_answer() -> None:
    async def scene() -> None:
        async with House() as house, Client(house.url) as client, Client(house.url) as other:
            await remember(client)
            request = await asked(client)
            item = {"type": "mcp_approval_response", "approval_request_id": request["id"], "approve": True, "id": "x"}
            await other.send("conversation.item.create", item=item)
            assert (await other.until("error"))["error"]["code"] == "approval_request_not_found"
            assert "drawer" in await recalled(client)

    play(scene)


def test_the_audit_says_who_allowed_it() -> None:
    async def scene() -> None:
        async with House() as house, Client(house.url) as client:
            await answer(client, await asked(client), True)
            executor = house._service._conversations._executor
            assert executor is not None
            assert isinstance(executor.audit, AuditRing)
            record = executor.audit.records[-1]
            assert (record.tool, record.ok, record.approved_by) == ("forget_notes", True, "client")

    play(scene)


def test_a_client_that_asks_is_told_of_the_tools_card() -> None:
    async def scene() -> None:
        async with House() as house, Client(house.url) as client:
            await client.update(voice={"events": True})
            await answer(client, await asked(client), True)
            cards = client.all("voice.tool")
            assert [card["state"] for card in cards] == ["awaiting_approval", "running", "done"]
            assert len(client.all("voice.usage")) == 2
            assert len({card["call_id"] for card in cards}) == 1

    play(scene)


def test_the_events_can_be_asked_for_when_a_secret_is_made() -> None:
    async def scene() -> None:
        async with House() as house, AsyncClient(base_url=house.http) as http:
            asked = {"type": "realtime", "voice": {"events": True}}
            made = (await http.post("/realtime/client_secrets", json={"session": asked})).json()
            async with Client(house.url, key=made["value"]) as client:
                await client.ask('use calculate {"expression": "6 * 7"}')
                assert (await client.until("voice.tool"))["state"] == "running"

    play(scene)


# Stock clients


class Overheard:
    """A connection of the official package, and what came on it."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.conversation = connection.conversation
        self.spoken: list[str] = []
        self._connection = connection

    async def __aiter__(self) -> AsyncIterator[RealtimeServerEvent]:
        async for event in self._connection:
            if event.type == "response.output_audio_transcript.done":
                self.spoken.append(event.transcript)
            yield event


@pytest.mark.parametrize(("allowed", "said"), [(True, '{"forgotten": 0}'), (False, "did not allow it")])
def test_the_documented_client_asks_somebody(allowed: bool, said: str) -> None:
    questions: list[tuple[str, str]] = []

    async def ask(name: str, arguments: str) -> bool:
        questions.append((name, arguments))
        return allowed

    async def scene() -> None:
        async with (
            House() as house,
            AsyncOpenAI(base_url=house.http, api_key="none") as client,
            client.realtime.connect(model="voice") as connection,
        ):
            overheard: Any = Overheard(connection)
            approving = asyncio.create_task(approve_tools(overheard, ask))
            content: Any = [{"type": "input_text", "text": FORGET}]
            await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
            await connection.response.create()
            await until(lambda: bool(overheard.spoken))
            approving.cancel()
            await asyncio.gather(approving, return_exceptions=True)
            assert said in overheard.spoken[0]

    play(scene)
    assert questions == [("forget_notes", "{}")]


def test_a_stock_agents_session_goes_on_when_a_tool_of_the_service_waits() -> None:
    """The package knows no approvals over websockets: the request passes by, and the conversation goes on."""

    async def scene() -> None:
        async with House() as house, conversation(house.url) as talk:
            await talk.session.send_message(FORGET)
            await talk.until(lambda: any(e["type"] == "response.done" for e in talk.raw))
            await talk.session.send_message("good morning")
            await talk.until(lambda: "You said good morning." in talk.answers)
            assert not talk.all("error")

    asyncio.run(scene())


# Everything real


@pytest.fixture(scope="module")
def real() -> Iterator[str]:
    with served() as address:
        yield address.replace("http://", "ws://") + "/realtime"


@pytest.mark.speech
@pytest.mark.parametrize(
    ("approve", "said", "left"),
    [(False, "All right, I kept your notes.", "You told me that"), (True, "I forgot", "I have no notes yet.")],
    ids=["refused", "approved"],
)
def test_the_embedded_brain_asks_and_tells(real: str, approve: bool, said: str, left: str) -> None:
    async def scene() -> None:
        async with Client(real) as client:
            await client.ask("remember that my keys are in the drawer")
            await client.until("response.done")
            await client.ask("forget all my notes")
            request = await client.item("mcp_approval_request")
            assert words(await answer(client, request, approve)).startswith(said)
            await client.ask("what do you remember")
            assert words((await client.until("response.done"))["response"]).startswith(left)

    asyncio.run(scene())


# The page


def test_the_page_says_what_the_code_does() -> None:
    page = (DOCS / "howto" / "approve-tools.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(approval_\w+)` \|", page, re.MULTILINE)) == {code for code, _ in _WHY_NOT.values()}
    (python,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert python.strip() in (DOCS / "snippets" / "approve_tools.py").read_text(encoding="utf-8")
    (toml,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert tomllib.loads(toml)["tools"]["policy"]["irreversible"] == DEFAULTS["irreversible"]
