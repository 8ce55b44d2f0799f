"""Real synthesisers behind the seam."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import numpy as np
import psutil
import pytest

from voice.engines.speech.flite import FliteSpeaker
from voice.engines.speech.process_speaker import ProcessSpeaker
from voice.engines.stages import Speaker
from voice.errors import EngineFailed, ExtraMissing, Misuse

pytestmark = pytest.mark.speech

MAKERS: list[Callable[[], Speaker]] = [FliteSpeaker, lambda: ProcessSpeaker("espeak")]


@pytest.fixture(params=MAKERS, ids=["flite", "espeak"])
def speaker(request: pytest.FixtureRequest) -> Speaker:
    made: Speaker = request.param()
    return made


def alike(one: bytes, other: bytes) -> bool:
    """The same words in the same voice: a synthesiser's breath is random, its loudness over time is not."""
    if abs(len(one) - len(other)) > 3200:
        return False
    count = min(len(one), len(other)) // 640 * 320
    loudness = [
        np.abs(np.frombuffer(pcm, dtype="<i2")[:count].astype(float)).reshape(-1, 320).mean(1) for pcm in (one, other)
    ]
    return bool(np.corrcoef(loudness)[0, 1] > 0.9)


def unlikeness(one: bytes, other: bytes) -> float:
    """How far apart two voices are in colour: decibels between their mean spectra."""
    spectra = []
    for pcm in (one, other):
        frames = np.frombuffer(pcm[: len(pcm) // 1024 * 1024], dtype="<i2").astype(float).reshape(-1, 512)
        spectra.append(20 * np.log10(np.abs(np.fft.rfft(frames * np.hanning(512))).mean(0) + 1))
    return float(np.mean(np.abs(spectra[0] - spectra[1])))


async def sound(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


def test_words_become_sound_without_silence_in_front(speaker: Speaker) -> None:
    async def scene() -> None:
        await speaker.open()
        pieces = [piece async for piece in speaker.speak("Twelve times seven is 84. Anything else?")]
        pcm = np.frombuffer(b"".join(pieces), dtype="<i2")
        assert 1.5 < len(pcm) / speaker.rate_hz < 6
        assert np.flatnonzero(np.abs(pcm.astype(int)) >= 200)[0] < 0.02 * speaker.rate_hz
        assert len(pieces) > 5
        assert len(pieces[0]) <= 0.3 * 2 * speaker.rate_hz
        assert await sound(speaker.speak("🎉 ***")) == b""
        await speaker.close()

    asyncio.run(scene())


def test_voices_differ_and_speed_shortens(speaker: Speaker) -> None:
    async def scene() -> None:
        await speaker.open()
        plain = await sound(speaker.speak("hello there my friend"))
        again = await sound(speaker.speak("hello there my friend"))
        other = await sound(speaker.speak("hello there my friend", voice="cedar"))
        assert alike(again, plain)
        assert unlikeness(other, plain) > 2 * unlikeness(again, plain)
        assert len(await sound(speaker.speak("hello there my friend", speed=2.0))) < 0.7 * len(plain)
        assert await sound(speaker.speak("hello there my friend", voice="nobody knows this one"))
        await speaker.close()

    asyncio.run(scene())


def test_closing_the_iterator_stops_the_work_and_the_next_text_is_its_own(speaker: Speaker) -> None:
    async def scene() -> None:
        await speaker.open()
        short = await sound(speaker.speak("stop"))
        long = speaker.speak("this is a sentence that will not be heard to its end, " * 4)
        await anext(long)
        await long.aclose()  # type: ignore[attr-defined]
        assert alike(await sound(speaker.speak("stop")), short)
        await speaker.close()

    asyncio.run(scene())


def test_two_people_are_spoken_to_at_once(speaker: Speaker) -> None:
    async def scene() -> None:
        await speaker.open()
        alone = [await sound(speaker.speak(text)) for text in ("one two three", "good morning")]
        together = await asyncio.gather(*(sound(speaker.speak(text)) for text in ("one two three", "good morning")))
        assert all(map(alike, together, alone))
        await speaker.close()

    asyncio.run(scene())


def test_a_closed_speaker_says_so(speaker: Speaker) -> None:
    async def scene() -> None:
        with pytest.raises(Misuse):
            await sound(speaker.speak("hello"))

    asyncio.run(scene())


def test_a_worker_that_died_fails_its_sentence_and_is_replaced() -> None:
    async def scene() -> None:
        speaker = ProcessSpeaker("espeak")
        await speaker.open()
        whole = await sound(speaker.speak("hello"))
        (child,) = [one for one in psutil.Process().children() if "speaker_worker" in " ".join(one.cmdline())]
        child.suspend()  # so that its sentence is under way, however quick it is
        speaking = asyncio.create_task(sound(speaker.speak("hello")))
        await asyncio.sleep(0.02)
        child.kill()
        with pytest.raises(EngineFailed):
            await speaking
        assert alike(await sound(speaker.speak("hello")), whole)
        await speaker.close()
        assert psutil.Process().children() == []

    asyncio.run(scene())


def test_gpl_code_stays_out_of_this_process() -> None:
    async def scene() -> None:
        speaker = ProcessSpeaker("espeak")
        await speaker.open()
        await sound(speaker.speak("hello"))
        mapped = " ".join(entry.path for entry in psutil.Process().memory_maps())
        assert "espeak" not in mapped
        await speaker.close()

    asyncio.run(scene())


@pytest.mark.parametrize("name", ["piper", "kokoro"])
def test_a_synthesiser_that_is_not_installed_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voice.engines.speech.process_speaker.find_spec", lambda package: None)
    with pytest.raises(ExtraMissing, match=name):
        asyncio.run(ProcessSpeaker(name).open())
