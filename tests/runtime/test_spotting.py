"""When a spotter is asked about a stretch, and what becomes of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from voice.audio.frames import AudioFrame
from voice.engines.base import SpeechFacts, Spotted
from voice.runtime.spotting import FIRST_LOOK_MS, LONGEST_MS, LookTimes, WordWatch
from voice.session.events import CallerWords


def fact(stage: str, ms: float) -> SpeechFacts:
    return SpeechFacts(stage, ms, 60, -25, -60, 0.0, 0.9)  # type: ignore[arg-type]


class StretchEar:
    """An ear of which only the stretch is asked."""

    def __init__(self) -> None:
        self.sound = b"first"

    def hear(self, frame: AudioFrame, *, sounding: bool) -> SpeechFacts | None:
        return None

    def play(self, frame: AudioFrame) -> None: ...

    def stop(self) -> None: ...

    def stretch(self) -> bytes:
        return self.sound

    def close(self) -> None: ...


class SlowSpotter:
    """Answers when it is let; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.go_on = asyncio.Event()

    async def spot(self, pcm: bytes) -> Spotted | None:
        self.asked.append(pcm)
        await self.go_on.wait()
        return Spotted("right", 0.9)


def watching(
    scene: Callable[[WordWatch, StretchEar, SlowSpotter, list[CallerWords]], Coroutine[Any, Any, None]],
) -> None:
    async def run() -> None:
        ear, spotter, told = StretchEar(), SlowSpotter(), list[CallerWords]()
        tasks: list[asyncio.Task[None]] = []
        watch = WordWatch(spotter, ear, told.append, lambda work: tasks.append(asyncio.create_task(work)))
        await scene(watch, ear, spotter, told)
        await asyncio.gather(*tasks)

    asyncio.run(run())


def test_a_stretch_is_looked_at_once_while_it_goes_on_and_once_at_its_end() -> None:
    times = LookTimes()
    stretch = [fact("onset", 60), *(fact("going", ms) for ms in range(100, 600, 32)), fact("offset", 600)]
    wanted = [facts.speech_ms for facts in stretch if times.wanted(facts)]
    assert len(wanted) == 2
    assert FIRST_LOOK_MS <= wanted[0] < FIRST_LOOK_MS + 32
    assert wanted[1] == 600


def test_long_speech_is_not_looked_at_when_it_ends() -> None:
    assert not LookTimes().wanted(fact("offset", LONGEST_MS + 1))


def test_an_answer_becomes_words_of_the_stretch() -> None:
    async def scene(watch: WordWatch, ear: StretchEar, spotter: SlowSpotter, told: list[CallerWords]) -> None:
        spotter.go_on.set()
        watch.hear(fact("onset", 60))
        watch.hear(fact("going", 300))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert told == [CallerWords("right", 0.9, ended=False)]

    watching(scene)


def test_an_answer_about_a_stretch_that_is_past_is_forgotten() -> None:
    async def scene(watch: WordWatch, ear: StretchEar, spotter: SlowSpotter, told: list[CallerWords]) -> None:
        watch.hear(fact("onset", 60))
        watch.hear(fact("offset", 300))
        await asyncio.sleep(0)
        watch.hear(fact("onset", 60))
        spotter.go_on.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert told == []

    watching(scene)


def test_one_question_at_a_time_and_the_newest_sound_next() -> None:
    async def scene(watch: WordWatch, ear: StretchEar, spotter: SlowSpotter, told: list[CallerWords]) -> None:
        watch.hear(fact("onset", 60))
        watch.hear(fact("going", 300))
        await asyncio.sleep(0)
        ear.sound = b"whole"
        watch.hear(fact("offset", 500))
        await asyncio.sleep(0)
        assert spotter.asked == [b"first"]
        spotter.go_on.set()
        for _ in range(4):
            await asyncio.sleep(0)
        assert spotter.asked == [b"first", b"whole"]
        assert [words.ended for words in told] == [False, True]

    watching(scene)
