"""What somebody who calls is told when the service's TURN server does not let it in."""

from __future__ import annotations

import asyncio
import importlib
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("aiortc")

from tests.service.doors import SDP, ask, error_of, settings
from tests.service.house import House
from tests.transports.webrtc.browser import LOOPBACK, Browser
from tests.transports.webrtc.turn import PROGRAM, turn_server

for _late in ("voice.transports.webrtc.transport", "voice.transports.webrtc.parts"):
    importlib.import_module(_late)


@pytest.mark.turn
@pytest.mark.skipif(PROGRAM is None, reason="needs turnserver: apt-get install coturn")
def test_a_caller_is_told_that_the_relay_refuses_the_service_and_nothing_is_left(tmp_path: Path) -> None:
    async def scene(rtc: dict[str, object]) -> None:
        webrtc = replace(LOOPBACK, **{**rtc, "ice_credential": "wrong"})  # type: ignore[arg-type]
        async with House(settings=settings(webrtc=webrtc)) as house:
            browser = Browser()
            async with asyncio.timeout(3):
                answer = await ask(house, "POST", "/v1/realtime/calls", content=await browser.offer(), headers=SDP)
            assert error_of(answer) == (502, "relay_unusable")
            said = answer.json()["error"]["message"]
            assert said == "The TURN server does not accept the service's user name and password."
            assert (house.hub.active, len(house.calls)) == (0, 0)
            await browser.close()

    with turn_server(tmp_path) as server:
        asyncio.run(scene(server.settings))
