"""What the ears of a service share, and that nobody waits for it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

from voice.app.hearing import Hearing
from voice.audio.frames import PCM_16K, AudioFrame
from voice.config import Settings
from voice.protocol.settings import Session
from voice.protocol.traits import EngineTraits
from voice.session.rules import FloorRules, SessionConfig
from voice.transports.base import Transport

LINE = cast(Transport, SimpleNamespace(traits=SimpleNamespace(input_format=PCM_16K)))


def asked(floor: FloorRules | None) -> SessionConfig:
    return SessionConfig("sess", Session(), EngineTraits("scripted"), floor=floor)


def test_a_conversation_that_judges_nothing_has_no_ear() -> None:
    async def scene() -> None:
        hearing = Hearing(Settings())
        assert hearing.ear(asked(None), LINE) is None
        await hearing.close()

    asyncio.run(scene())


def test_an_ear_is_there_at_once_and_the_weights_are_fetched_off_the_loop() -> None:
    async def scene() -> None:
        hearing = Hearing(Settings())
        config = asked(FloorRules())
        ear = hearing.ear(config, LINE)
        assert ear is not None
        assert ear.hear(AudioFrame(PCM_16K, bytes(640)), sounding=True) is None
        await hearing.close()

    asyncio.run(scene())
