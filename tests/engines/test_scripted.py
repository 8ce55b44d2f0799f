"""The twin keeps the promises of the seam."""

from __future__ import annotations

import asyncio

import pytest

from tests.engines.test_remote import Ear
from voice.audio.frames import PCMU_8K, AudioFrame
from voice.engines.base import Engine
from voice.engines.scripted import ScriptedEngine
from voice.errors import EngineRefused, Misuse
from voice.protocol.client_events import ClientEvent, InputAudioBufferClear
from voice.protocol.server_events import InputAudioBufferCleared


def test_it_remembers_and_says_what_the_test_says() -> None:
    def answer(engine: ScriptedEngine, event: ClientEvent) -> None:
        engine.emit(InputAudioBufferCleared())

    async def scene() -> None:
        engine, ear = ScriptedEngine(greeting=InputAudioBufferCleared(), answer=answer), Ear()
        seam: Engine = engine
        await seam.open(ear)
        assert ear.events == []
        await asyncio.sleep(0)
        frame = AudioFrame(PCMU_8K, b"\xff")
        engine.send(InputAudioBufferClear())
        engine.send_audio(frame)
        engine.emit_audio(frame, response_id="r", item_id="i")
        assert len(ear.events) == 2
        assert ear.audio == [("r", "i", 0, 0, frame)]
        assert engine.heard == [frame]
        assert [event.type for event in engine.sent] == ["input_audio_buffer.clear"]
        engine.break_off(1006)
        engine.emit(InputAudioBufferCleared())
        await engine.close()
        assert ear.closed == [(1006, "")]
        assert len(ear.events) == 2

    asyncio.run(scene())


def test_it_refuses_when_told_to_and_when_it_is_not_open() -> None:
    async def scene() -> None:
        with pytest.raises(EngineRefused):
            await ScriptedEngine(refuses=EngineRefused("No.")).open(Ear())

    asyncio.run(scene())
    with pytest.raises(Misuse):
        ScriptedEngine().send(InputAudioBufferClear())
