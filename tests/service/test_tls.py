"""HTTPS and WSS without a proxy in front."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI

from tests.service.certificate import certificate
from tests.service.client import Client
from tests.service.house import House
from tests.service.openai_client import Talk
from tests.service.served import served
from voice.config import ServerSettings, Settings
from voice.errors import ConfigError


def behind_tls(folder: Path) -> tuple[Settings, ssl.SSLContext]:
    chain, key, trust = certificate(folder)
    return Settings(server=ServerSettings(tls_cert=str(chain), tls_key=str(key))), trust


def test_pages_and_conversations_over_tls(tmp_path: Path) -> None:
    async def scene() -> None:
        settings, trust = behind_tls(tmp_path)
        async with House(settings=settings) as house:
            assert house.url.startswith("wss://127.0.0.1:")
            async with httpx.AsyncClient(verify=trust, trust_env=False) as http:
                assert (await http.get(f"https://127.0.0.1:{house.port}/healthz")).json() == {"status": "alive"}
                front = await http.get(f"https://localhost:{house.port}/")
                assert front.headers["content-type"].startswith("text/html")
            client = Client(house.url)
            client.options["ssl"] = trust
            async with client:
                await client.ask("hello")
                long = "very " * 20_000
                assert (await client.ask(long))["status"] == "completed"
            await house.empty()

    asyncio.run(scene())


def test_a_stock_client_over_tls(tmp_path: Path) -> None:
    async def scene() -> None:
        settings, trust = behind_tls(tmp_path)
        options: Any = {"ssl": trust}
        async with (
            House(settings=settings) as house,
            AsyncOpenAI(base_url=house.http, api_key="x") as client,
            client.realtime.connect(model="voice", websocket_connection_options=options) as connection,
        ):
            talk = Talk(connection)
            await talk.until("session.created")
            await talk.ask("hello")
            assert (await talk.answer()).content[0].transcript == "You said hello."

    asyncio.run(scene())


def test_who_does_not_speak_tls_is_no_harm(tmp_path: Path) -> None:
    async def scene() -> None:
        settings, trust = behind_tls(tmp_path)
        async with House(settings=settings) as house:
            reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert not (await reader.read()).startswith(b"HTTP")
            writer.close()
            client = Client(house.url)
            client.options["ssl"] = trust
            async with client:
                await client.ask("hello")

    asyncio.run(scene())


def test_from_the_command_line(tmp_path: Path) -> None:
    chain, key, trust = certificate(tmp_path)
    nobody = ("--engine", "ws://127.0.0.1:9/v1/realtime")
    with served("--tls-cert", str(chain), "--tls-key", str(key), *nobody) as address:
        assert address.startswith("https://127.0.0.1:")
        assert httpx.get(f"{address}/info", verify=trust, trust_env=False).json()["auth"] == "none"


def test_files_that_are_no_certificate_are_refused_before_anything_opens(tmp_path: Path) -> None:
    chain, key, _ = certificate(tmp_path)
    broken = tmp_path / "broken.pem"
    broken.write_text("hello")
    (tmp_path / "other").mkdir()
    _, other, _ = certificate(tmp_path / "other")
    for cert, private, why in [
        (broken, key, "cannot be used: they are not what they should be"),
        (chain, broken, "cannot be used: they are not what they should be"),
        (chain, other, "cannot be used: the key is that of another certificate"),
        (tmp_path / "none.pem", key, r"none\.pem cannot be read: no such file"),
        (chain, tmp_path / "gone.pem", r"gone\.pem cannot be read: no such file"),
    ]:
        settings = Settings(server=ServerSettings(tls_cert=str(cert), tls_key=str(private)))

        async def scene(settings: Settings = settings) -> None:
            async with House(settings=settings):
                pass

        with pytest.raises(ConfigError, match=why):
            asyncio.run(scene())
    words = [sys.executable, "-m", "voice", "serve", "--port", "0", "--tls-cert", str(chain)]
    alone = subprocess.run(words, capture_output=True, text=True, timeout=20)
    assert alone.returncode == 2
    assert "server.tls_key beside it. --tls-cert and --tls-key go together." in alone.stderr
