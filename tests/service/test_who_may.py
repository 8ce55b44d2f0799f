"""Who may do what: keys, scopes, origins, hosts, rates and quotas, at the real doors."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.net.conftest import until
from tests.service.client import Client
from tests.service.doors import OFFER, SDP, Answering, Keys, ask, call, error_of, refused, settings
from tests.service.house import House
from voice.config import LimitSettings, PriceSettings, ServerSettings
from voice.errors import ConfigError, PeerGone
from voice.transports.base import TransportListener
from voice.transports.memory import MemoryTransport

CALLS = "/v1/realtime/calls"
SECRETS = "/v1/realtime/client_secrets"


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    keys = Keys(tmp_path)
    for scope in ("realtime", "calls", "secrets", "metrics", "admin"):
        keys.add(scope, scope)
    return keys


def test_without_keys_on_loopback_everything_is_open_and_any_key_will_do() -> None:
    async def scene() -> None:
        async with House(answer=Answering()) as house:
            for key in ("", "sk-of-some-sdk"):
                assert (await ask(house, "GET", "/metrics", key=key)).status_code == 200
                assert (await ask(house, "POST", SECRETS, key=key)).status_code == 200
                await call(house, key)
                async with Client(house.url, key=key) as client:
                    await client.ask("hello")

    asyncio.run(scene())


def test_with_keys_nobody_gets_in_without_one(keys: Keys) -> None:
    async def scene() -> None:
        async with House(answer=Answering(), settings=settings(keys)) as house:
            for key, code in [("", "missing_api_key"), ("vk_wrong", "invalid_api_key"), ("sk-x", "invalid_api_key")]:
                for method, path in [("GET", "/metrics"), ("POST", SECRETS), ("POST", CALLS)]:
                    answer = await ask(house, method, path, key=key)
                    assert error_of(answer) == (401, code)
                    assert answer.headers["www-authenticate"] == "Bearer"
                assert (await refused(house.url, key=key))[1]["code"] == code
                twilio = house.url.replace("/v1/realtime", "/twilio")
                assert (await refused(twilio, key=key))[0] == 401
            for path in ("/healthz", "/readyz", "/", "/v1/info", "/v1/openapi.json"):
                assert (await ask(house, "GET", path)).status_code == 200
            assert house.hub.active == 0

    asyncio.run(scene())


def test_each_scope_opens_its_door_and_no_other(keys: Keys) -> None:
    doors = {"realtime": CALLS, "secrets": SECRETS, "metrics": "/metrics"}

    async def scene() -> None:
        async with House(answer=Answering(), settings=settings(keys)) as house:
            for scope in keys.of:
                for owner, path in doors.items():
                    body = {"content": OFFER, "headers": SDP} if path == CALLS else {}
                    method = "GET" if path == "/metrics" else "POST"
                    answer = await ask(house, method, path, key=keys.of[scope], **body)
                    if scope in (owner, "admin"):
                        assert answer.status_code in (200, 201)
                    else:
                        assert error_of(answer) == (403, "insufficient_scope")

    asyncio.run(scene())


@pytest.mark.parametrize("query", ["api_key=vk_1", "token=x", "model=vk_1", "assistant=ek_1", "model=sk-1", "KEY=1"])
def test_a_key_in_the_address_is_refused_even_where_none_is_needed(query: str) -> None:
    async def scene() -> None:
        async with House() as house:
            status, error, _ = await refused(f"{house.url}?{query}")
            assert (status, error["code"]) == (400, "key_in_url")
            assert error_of(await ask(house, "POST", f"{SECRETS}?{query}")) == (400, "key_in_url")

    asyncio.run(scene())


def test_a_foreign_page_can_neither_write_nor_read(keys: Keys) -> None:
    async def scene() -> None:
        server = ServerSettings(allowed_origins=("https://app.example.org",))
        async with House(answer=Answering(), settings=settings(server=server)) as house:
            evil, ours = {"origin": "https://evil.net"}, {"origin": "https://app.example.org"}
            form = {"content-type": "multipart/form-data; boundary=b"}  # sent by a browser without asking first
            for path in (CALLS, SECRETS):
                answer = await ask(house, "POST", path, headers={**form, **evil}, content=OFFER)
                assert error_of(answer) == (403, "origin_not_allowed")
                assert "access-control-allow-origin" not in answer.headers
                asked = await ask(house, "OPTIONS", path, headers={**evil, "access-control-request-method": "POST"})
                assert asked.status_code == 403
            assert "access-control-allow-origin" not in (await ask(house, "GET", "/v1/info", headers=evil)).headers

            wanted = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
            asked = await ask(house, "OPTIONS", CALLS, headers={**ours, **wanted})
            assert asked.status_code == 204
            assert asked.headers["access-control-allow-origin"] == "https://app.example.org"
            assert asked.headers["access-control-allow-headers"] == "authorization"
            begun = await ask(house, "POST", CALLS, headers={**SDP, **ours}, content=OFFER)
            assert begun.headers["access-control-allow-origin"] == "https://app.example.org"
            assert "location" in begun.headers["access-control-expose-headers"]
            foreign = await ask(house, "GET", "/v1/info", headers={"host": "evil.net"})
            assert error_of(foreign) == (421, "misdirected_request")

    asyncio.run(scene())


def test_the_public_address_is_one_of_our_names() -> None:
    async def scene() -> None:
        server = ServerSettings(public_origin="https://voice.example.com", open_to_all=True)
        async with House(settings=settings(server=server)) as house:
            headers = {"host": "voice.example.com", "origin": "https://voice.example.com"}
            assert (await ask(house, "POST", SECRETS, headers=headers)).status_code == 200

    asyncio.run(scene())


def test_a_public_address_needs_keys(tmp_path: Path) -> None:
    async def scene() -> None:
        public = ServerSettings(host="0.0.0.0")
        with pytest.raises(ConfigError) as refused:
            async with House(settings=settings(server=public)):
                pass
        assert "voice keys add" in refused.value.fix
        empty = Keys(tmp_path)  # named in the settings, and nobody has a key: shut, not open
        async with House(settings=settings(empty, server=public)) as house:
            house.url = house.url.replace("0.0.0.0", "127.0.0.1")
            assert (await ask(house, "POST", SECRETS)).status_code == 401

    asyncio.run(scene())


def test_a_public_name_needs_keys_too_unless_somebody_says_otherwise(tmp_path: Path) -> None:
    async def scene() -> None:
        public = ServerSettings(public_origin="https://voice.example.com")
        with pytest.raises(ConfigError) as refused:
            async with House(settings=settings(server=public)):
                pass
        assert "open_to_all" in refused.value.fix
        async with House(settings=settings(Keys(tmp_path), server=public)) as house:
            assert (await ask(house, "POST", SECRETS)).status_code == 401
        limits = LimitSettings(requests_per_minute=2)
        said = ServerSettings(host="0.0.0.0", open_to_all=True)
        async with House(settings=settings(server=said, limits=limits)) as house:
            house.url = house.url.replace("0.0.0.0", "127.0.0.1")
            statuses = [(await ask(house, "POST", SECRETS)).status_code for _ in range(3)]
            assert statuses == [200, 200, 429], "whoever can reach it is counted by address"

    asyncio.run(scene())


# Rates and quotas


def test_too_many_requests_of_one_key_wait_and_others_do_not(tmp_path: Path) -> None:
    async def scene() -> None:
        keys = Keys(tmp_path)
        one, other = await asyncio.to_thread(keys.add, "one"), await asyncio.to_thread(keys.add, "other")
        limits = LimitSettings(requests_per_minute=6)
        server = ServerSettings(trusted_proxies=("127.0.0.1",))
        async with House(settings=settings(keys, limits=limits, server=server)) as house:
            for host in range(6):
                near = {"x-forwarded-for": f"9.9.9.9, 10.0.0.{host}"}
                assert (await ask(house, "POST", SECRETS, key=one, headers=near)).status_code == 200
            answer = await ask(house, "POST", SECRETS, key=one, headers={"x-forwarded-for": "10.0.1.1"})
            assert error_of(answer) == (429, "rate_limit_exceeded")
            assert 1 <= int(answer.headers["retry-after"]) <= 10
            far = {"x-forwarded-for": "10.0.1.2"}
            assert (await ask(house, "POST", SECRETS, key=other, headers=far)).status_code == 200

    asyncio.run(scene())


def test_too_many_wrong_keys_from_one_address_wait(keys: Keys) -> None:
    async def scene() -> None:
        limits = LimitSettings(failures_per_minute=3)
        async with House(settings=settings(keys, limits=limits)) as house:
            statuses = [(await ask(house, "POST", SECRETS, key=f"vk_{n}")).status_code for n in range(5)]
            assert statuses == [401, 401, 401, 429, 429]
            right = await ask(house, "POST", SECRETS, key=keys.of["secrets"])
            assert right.status_code == 200, "who has a key is not shut out by who guesses"

    asyncio.run(scene())


def test_sessions_of_one_key_and_of_all(tmp_path: Path) -> None:
    async def scene() -> None:
        keys = Keys(tmp_path)
        one, other = await asyncio.to_thread(keys.add, "one"), await asyncio.to_thread(keys.add, "other")
        limits, server = LimitSettings(sessions_per_key=1), ServerSettings(max_sessions=2)
        async with House(answer=Answering(), settings=settings(keys, limits=limits, server=server)) as house:
            async with Client(house.url, key=one):
                status, error, headers = await refused(house.url, key=one)
                assert (status, error["code"], headers["retry-after"]) == (429, "too_many_sessions", "5")
                async with Client(house.url, key=other):
                    third = await asyncio.to_thread(keys.add, "third")
                    house.look_at_keys(await asyncio.to_thread(keys.file.read))
                    status, _, headers = await refused(house.url, key=third)
                    assert (status, headers["retry-after"]) == (503, "5")
                    answer = await ask(house, "POST", CALLS, key=third, content=OFFER, headers=SDP)
                    assert error_of(answer) == (503, "busy")
            await house.empty()
            async with Client(house.url, key=one):
                pass

    asyncio.run(scene())


def test_money_that_is_spent_ends_the_conversation_and_begins_no_other(tmp_path: Path) -> None:
    async def scene() -> None:
        keys = Keys(tmp_path)
        one, other = await asyncio.to_thread(keys.add, "one"), await asyncio.to_thread(keys.add, "other")
        limits, prices = LimitSettings(usd_per_key=0.01), PriceSettings(text_out=5_000.0)
        async with House(settings=settings(keys, limits=limits, prices=prices)) as house:
            async with Client(house.url, key=one) as client:
                await client.ask("hello")
                for _ in range(14):
                    await client.append(bytes(4_800))
                    await asyncio.sleep(0.1)
                    if client._reading.done():
                        break
                assert await client.until_closed() == (1001, "the limit of minutes or spending is reached")
            status, error, headers = await refused(house.url, key=one)
            assert (status, error["code"]) == (429, "insufficient_quota")
            assert 80_000 < int(headers["retry-after"]) <= 86_400
            async with Client(house.url, key=other):
                pass

    asyncio.run(scene())


def test_half_open_calls_are_few_at_a_time_and_end_by_themselves() -> None:
    """Five hundred offers of somebody who never connects: all but a few are refused, and none is left."""

    class Never(MemoryTransport):
        async def open(self, listener: TransportListener) -> None:
            await super().open(listener)
            await asyncio.sleep(0.6)
            raise PeerGone("The client's connection did not come to stand.")

    async def scene() -> None:
        answer = Answering(Never)
        async with House(answer=answer, settings=settings(limits=LimitSettings(pending_calls=10))) as house:
            before = len(asyncio.all_tasks())
            gate = asyncio.Semaphore(50)

            async def offer() -> int:
                async with gate:
                    return (await ask(house, "POST", CALLS, content=OFFER, headers=SDP)).status_code

            statuses = await asyncio.gather(*(offer() for _ in range(500)))
            assert set(statuses) == {201, 503}
            assert statuses.count(201) == len(answer.transports) < 250
            await house.empty()
            await until(lambda: len(asyncio.all_tasks()) <= before)
            assert len(house.calls) == 0
            assert all(transport.closed is not None for transport in answer.transports)

    asyncio.run(scene())


# What the page asks first


def test_info_says_what_is_here_and_names_nobody_to_strangers(keys: Keys) -> None:
    async def scene() -> None:
        async with House() as house:
            facts = (await ask(house, "GET", "/v1/info")).json()
            assert (facts["engine"], facts["auth"], facts["default_assistant"]) == ("local", "none", "default")
            (default,) = facts["assistants"]
            assert "calculate" in default["tools"]
        async with House(settings=settings(keys)) as house:
            assert (await ask(house, "GET", "/v1/info")).json()["assistants"] == []
            facts = (await ask(house, "GET", "/v1/info", key=keys.of["realtime"])).json()
            assert facts["auth"] == "key"
            assert {one["name"]: one["tools"] for one in facts["assistants"]}["reception"] == ["calculate"]
            assert "1234" not in str(facts)
            assert (await ask(house, "GET", "/v1/info", key="vk_wrong")).status_code == 401

    asyncio.run(scene())


def test_an_assistant_is_chosen_by_its_name_and_any_other_model_means_the_default() -> None:
    async def scene() -> None:
        async with House(settings=settings()) as house:
            choices: list[tuple[dict[str, Any], bool]] = [
                ({"assistant": "reception"}, True),
                ({"model": "reception"}, True),
                ({"model": "gpt-realtime-2.1"}, False),
            ]
            for query, knows in choices:
                async with Client(house.url, **query) as client:
                    shown = client.all("session.created")[0]["session"]["instructions"]
                    assert ("1234" in shown) is knows
            status, error, _ = await refused(f"{house.url}?assistant=nobody")
            assert (status, error["code"]) == (404, "assistant_not_found")
            assert (await refused(f"{house.url}?intent=singing"))[1]["code"] == "invalid_intent"

    asyncio.run(scene())


def test_an_assistant_has_its_own_tools_and_no_others() -> None:
    async def scene() -> None:
        async with House(settings=settings()) as house, Client(house.url, assistant="reception") as client:
            called = await client.ask('use calculate {"expression": "12 * 7"}')
            assert [item["type"] for item in called["output"]] == ["mcp_call"]
            await client.until("response.done")
            called = await client.ask("use flip_coin {}")
            assert all(item["type"] != "mcp_call" for item in called["output"])

    asyncio.run(scene())
