"""The real recogniser with real voices, in its worker processes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psutil
import pytest

from tests.net.conftest import until
from voice.audio.wav import read_wav
from voice.engines.speech.pocketsphinx import PocketsphinxRecogniser, PocketsphinxRecognition
from voice.errors import EngineFailed, Misuse

pytestmark = pytest.mark.speech

EXPECTED = (
    "what (time|day) is it",
    "set a timer for <duration>",
    "(stop|cancel) [the timer]",
    "what is <small> plus <small>",
    "[okay] thank you",
)
FIXTURES = Path(__file__).resolve().parents[3] / "audio_fixtures"


def sound(name: str) -> bytes:
    return read_wav((FIXTURES / name).read_bytes()).pcm


TIME = sound("speech/what_time_is_it.wav")
GO = sound("speech/go_forward_ten_meters.wav")
LIBRARY = sound("speech/librivox_sense_0880.wav")


def heard(recogniser: PocketsphinxRecogniser, pcm: bytes, phrases: tuple[str, ...] = ()) -> PocketsphinxRecognition:
    utterance = recogniser.start(phrases=phrases)
    for at in range(0, len(pcm), 640):
        utterance.feed(pcm[at : at + 640])
    return utterance


def workers() -> list[psutil.Process]:
    children: list[psutil.Process] = psutil.Process().children()
    return children


def test_a_person_is_understood_and_partial_words_come_early() -> None:
    async def scene() -> None:
        recogniser = PocketsphinxRecogniser(workers=1)
        await recogniser.open()
        utterance = heard(recogniser, GO)
        partials = set()
        for _ in range(200):
            partials.add(utterance.partial())
            await asyncio.sleep(0.01)
        assert "go forward" in partials
        assert (await utterance.finish()).text == "go forward ten meters"
        await recogniser.close()
        assert workers() == []

    asyncio.run(scene())


def test_phrases_are_preferred_and_other_speech_is_still_heard() -> None:
    async def scene() -> None:
        recogniser = PocketsphinxRecogniser(workers=1)
        await recogniser.open()
        expected = await heard(recogniser, TIME, EXPECTED).finish()
        assert expected.text == "what time is it"
        assert expected.confidence is not None
        assert expected.confidence > 0.5
        assert (await heard(recogniser, TIME).finish()).text != "what time is it"
        free = await heard(recogniser, LIBRARY, EXPECTED).finish()
        assert "young man" in free.text
        assert (await heard(recogniser, GO, ("no [unbalanced",)).finish()).text == "go forward ten meters"
        await recogniser.close()

    asyncio.run(scene())


def test_more_people_than_workers_are_all_heard_in_the_end() -> None:
    async def scene() -> None:
        recogniser = PocketsphinxRecogniser(workers=2)
        await recogniser.open()
        assert len(workers()) == 1
        utterances = [heard(recogniser, GO, ("go forward ten meters",)) for _ in range(4)]
        utterances[1].abandon()
        utterances[3].abandon()
        texts = await asyncio.gather(utterances[0].finish(), utterances[2].finish())
        assert [said.text for said in texts] == ["go forward ten meters"] * 2
        assert len(workers()) == 2
        with pytest.raises(Misuse):
            await utterances[1].finish()
        await recogniser.close()
        assert workers() == []

    asyncio.run(scene())


def test_an_abandoned_utterance_frees_its_worker_for_the_next() -> None:
    async def scene() -> None:
        recogniser = PocketsphinxRecogniser(workers=1)
        await recogniser.open()
        long = heard(recogniser, LIBRARY * 5)
        await asyncio.sleep(0.05)
        long.abandon()
        assert (await asyncio.wait_for(heard(recogniser, GO).finish(), 10)).text == "go forward ten meters"
        await recogniser.close()

    asyncio.run(scene())


def test_a_worker_that_dies_fails_its_utterance_and_the_pool_heals() -> None:
    async def scene() -> None:
        recogniser = PocketsphinxRecogniser(workers=1)
        await recogniser.open()
        utterance = heard(recogniser, GO[:20_000])
        await asyncio.sleep(0.05)
        workers()[0].kill()
        with pytest.raises(EngineFailed):
            await utterance.finish()
        assert (await heard(recogniser, GO).finish()).text == "go forward ten meters"
        workers()[0].kill()  # while it has nothing to do
        await until(lambda: not workers())
        await asyncio.sleep(0.05)
        assert (await heard(recogniser, GO).finish()).text == "go forward ten meters"
        await recogniser.close()

    asyncio.run(scene())


def test_closing_fails_who_still_waits() -> None:
    async def scene() -> None:
        recogniser = PocketsphinxRecogniser(workers=1)
        with pytest.raises(Misuse):
            recogniser.start()
        await recogniser.open()
        utterances = [heard(recogniser, GO) for _ in range(3)]
        await asyncio.sleep(0)
        await recogniser.close()
        for utterance in utterances:
            with pytest.raises(EngineFailed):
                await utterance.finish()
        assert workers() == []

    asyncio.run(scene())


def test_a_caller_who_gives_up_waiting_abandons() -> None:
    async def scene() -> None:
        recogniser = PocketsphinxRecogniser(workers=1)
        await recogniser.open()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(heard(recogniser, LIBRARY).finish(), 0.01)
        assert (await heard(recogniser, GO).finish()).text == "go forward ten meters"
        await recogniser.close()

    asyncio.run(scene())


def test_sound_beyond_a_minute_of_waiting_is_dropped_and_counted() -> None:
    async def scene() -> None:
        recogniser = PocketsphinxRecogniser(workers=1)
        await recogniser.open()
        utterance = recogniser.start()
        for _ in range(62):
            utterance.feed(bytes(32_000))
        assert utterance.dropped_bytes == 64_000
        utterance.abandon()
        await recogniser.close()
        assert workers() == []  # although its lane never came to run

    asyncio.run(scene())


def test_other_languages_are_refused_in_words() -> None:
    async def scene() -> None:
        recogniser = PocketsphinxRecogniser(workers=1)
        await recogniser.open()
        with pytest.raises(EngineFailed, match="only understands English"):
            await recogniser.start(language="de").finish()
        await recogniser.close()

    asyncio.run(scene())
