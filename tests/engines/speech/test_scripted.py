"""The twins: always the same, and shaped like the real ones."""

from __future__ import annotations

import asyncio
import math
import struct

import pytest

from voice.engines.speech.scripted import EnergyProbability, ScriptedRecogniser, ToneSpeaker
from voice.engines.stages import Recogniser, Speaker, SpeechProbability, Transcript
from voice.errors import EngineFailed

SECOND = bytes(32_000)


def test_a_scripted_recogniser_hears_its_lines_one_after_the_other() -> None:
    async def scene() -> None:
        recogniser = ScriptedRecogniser(["what time is it", EngineFailed("broken")])
        seam: Recogniser = recogniser
        await seam.open()
        first = seam.start(phrases=["what time is it"])
        assert first.partial() == ""
        first.feed(SECOND[:16_000])
        assert first.partial() == "what time"
        first.feed(SECOND)
        assert await first.finish() == Transcript("what time is it", 1.0)
        with pytest.raises(EngineFailed):
            await seam.start().finish()
        assert (await seam.start().finish()).text == ""
        assert recogniser.utterances[0].phrases == ("what time is it",)
        await seam.close()

    asyncio.run(scene())


def test_a_tone_speaker_says_the_same_word_the_same_way() -> None:
    async def said(text: str, speed: float = 1.0) -> bytes:
        speaker: Speaker = ToneSpeaker()
        return b"".join([piece async for piece in speaker.speak(text, speed=speed)])

    once, twice, other, fast = (
        asyncio.run(said("hello")),
        asyncio.run(said("Hello! hello")),
        asyncio.run(said("help")),
        asyncio.run(said("hello", 2.0)),
    )
    assert twice == once + once
    assert other != once
    assert len(fast) == pytest.approx(len(once) / 2, abs=4)


def test_loud_is_speech_and_quiet_is_not() -> None:
    detector: SpeechProbability = EnergyProbability()

    def window(peak: int) -> bytes:
        return struct.pack("<512h", *(round(peak * math.sin(index / 5)) for index in range(512)))

    assert detector.feed(bytes(1024)) < 0.01
    assert detector.feed(window(100)) < 0.1
    assert detector.feed(window(8000)) > 0.99
