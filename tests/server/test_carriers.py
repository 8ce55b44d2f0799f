"""Only the carrier opens the carrier's socket."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from base64 import b64encode
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from tests.service.doors import Keys, refused, settings
from tests.service.house import House
from voice.config import ServerSettings
from voice.errors import RequestRefused
from voice.server.carriers import TwilioSignature

TOKEN = "12345"


def signed(url: str, token: str = TOKEN) -> str:
    """As Twilio's documentation describes it: HMAC-SHA1 of the whole address, in base64."""
    return b64encode(hmac.new(token.encode(), url.encode(), hashlib.sha1).digest()).decode()


@pytest.mark.parametrize("url", ["wss://voice.example.com/twilio", "wss://voice.example.com:443/twilio"])
def test_what_twilio_signed_is_taken_with_the_port_or_without(url: str) -> None:
    TwilioSignature(TOKEN, "https://voice.example.com").check("/twilio", signed(url))


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "é\udcff",
        signed("wss://voice.example.com/"),
        signed("https://voice.example.com/twilio"),
        signed("wss://other.example.com/twilio"),
        signed("wss://voice.example.com/twilio", "other token"),
    ],
)
def test_what_it_did_not_sign_is_refused(signature: str) -> None:
    with pytest.raises(RequestRefused, match="not come from the carrier"):
        TwilioSignature(TOKEN, "https://voice.example.com").check("/twilio", signature)


def test_at_the_door(tmp_path: Path) -> None:
    async def scene() -> None:
        server = ServerSettings(public_origin="https://voice.example.com", twilio_auth_token=TOKEN)
        async with House(settings=settings(Keys(tmp_path), server=server)) as house:
            url = house.url.replace("/v1/realtime", "/twilio")
            status, error, _ = await refused(url)
            assert (status, error["code"]) == (403, "invalid_signature")
            good = {"X-Twilio-Signature": signed("wss://voice.example.com/twilio")}
            async with connect(url, additional_headers=good):
                assert house.hub.active == 1
            await house.empty()

    asyncio.run(scene())
