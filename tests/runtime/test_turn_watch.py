"""What a turn is like so far: by its words, and by its melody."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tests.session.stage import server
from voice.audio.frames import PCM_24K, AudioFrame
from voice.engines.base import SpeechFacts
from voice.runtime.turn_watch import SOUND_MS, TurnSenses, TurnWatch
from voice.session.events import TurnSense
from voice.session.rules import Ending

FRAME = AudioFrame(PCM_24K, PCM_24K.silence(20))


class Melody:
    """A model that answers when it is let."""

    def __init__(self, *answers: float | None) -> None:
        self.answers = list(answers)
        self.heard_ms: list[float] = []
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def finished(self, frames: Sequence[AudioFrame]) -> float | None:
        self.heard_ms.append(sum(frame.duration_ms for frame in frames))
        await self.go_on.wait()
        return self.answers.pop(0)


class Watched:
    """A watch, what it told, and the tasks it asked for."""

    def __init__(self, senses: TurnSenses, *, understood: str | None = None) -> None:
        self.told: list[TurnSense] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.understood = understood
        spawn = lambda work: self.tasks.append(asyncio.create_task(work))  # noqa: E731
        self.watch = TurnWatch(senses, lambda: self.understood, self.told.append, spawn)

    def reads(self, delta: str, item_id: str = "u1") -> None:
        kind = "conversation.item.input_audio_transcription.delta"
        self.watch.read(server(kind, item_id=item_id, content_index=0, delta=delta))

    def hears(self, stage: str) -> None:
        self.watch.hear(SpeechFacts(stage, 500, 60, -25, -60, 0.0, 0.9))  # type: ignore[arg-type]


def ending(words: str) -> Ending:
    return "unfinished" if words.endswith(" the") else "open"


def test_words_are_judged_as_they_come() -> None:
    scene = Watched(TurnSenses(words=ending))
    scene.reads("turn on")
    scene.reads(" the")
    scene.reads(" light")
    assert [sense.ending for sense in scene.told] == ["open", "unfinished", "open"]
    assert {sense.by for sense in scene.told} == {"words"}


def test_another_item_begins_anew() -> None:
    seen: list[str] = []

    def note(words: str) -> Ending:
        seen.append(words)
        return "open"

    scene = Watched(TurnSenses(words=note))
    scene.reads("good")
    scene.reads("bye", "u2")
    assert seen == ["good", "bye"]


@pytest.mark.parametrize(("probability", "told"), [(0.95, "finished"), (0.7, "open"), (0.0, "open")])
def test_a_melody_is_judged_in_each_quiet(probability: float, told: str) -> None:
    async def run() -> None:
        melody = Melody(probability)
        scene = Watched(TurnSenses(model=melody))
        for _ in range(100):
            scene.watch.keep(FRAME)
        for stage in ("onset", "going", "offset"):
            scene.hears(stage)
        await asyncio.gather(*scene.tasks)
        assert scene.told == [TurnSense("sound", told)]  # type: ignore[arg-type]
        assert melody.heard_ms == [2_000]

    asyncio.run(run())


def test_what_is_known_too_late_is_not_told() -> None:
    async def run() -> None:
        melody = Melody(0.99)
        melody.go_on.clear()
        scene = Watched(TurnSenses(model=melody))
        scene.watch.keep(FRAME)
        scene.hears("onset")
        scene.hears("offset")
        await asyncio.sleep(0)
        scene.hears("onset")
        melody.go_on.set()
        await asyncio.gather(*scene.tasks)
        assert scene.told == []

    asyncio.run(run())


def test_a_model_that_cannot_tell_is_not_quoted() -> None:
    async def run() -> None:
        scene = Watched(TurnSenses(model=Melody(None)))
        scene.watch.keep(FRAME)
        scene.hears("onset")
        scene.hears("offset")
        await asyncio.gather(*scene.tasks)
        assert scene.told == []

    asyncio.run(run())


def test_only_the_end_of_a_long_turn_is_kept() -> None:
    async def run() -> None:
        melody = Melody(0.5)
        scene = Watched(TurnSenses(model=melody))
        for _ in range(2_000):
            scene.watch.keep(FRAME)
        scene.hears("offset")
        await asyncio.gather(*scene.tasks)
        assert melody.heard_ms == [SOUND_MS]

    asyncio.run(run())


def test_without_a_model_no_sound_is_kept_and_nobody_is_asked() -> None:
    scene = Watched(TurnSenses(words=ending))
    scene.watch.keep(FRAME)
    scene.hears("offset")
    assert scene.tasks == []
    assert scene.told == []


def test_an_engine_that_can_be_asked_is_asked_again_in_the_quiet() -> None:
    scene = Watched(TurnSenses(words=ending), understood="turn on the")
    scene.hears("onset")
    scene.watch.keep(FRAME)
    assert scene.told == [], "while they speak its own time is soon enough"
    scene.hears("offset")
    scene.watch.keep(FRAME)
    scene.watch.keep(FRAME)
    scene.understood = "turn on the light"
    scene.watch.keep(FRAME)
    scene.watch.keep(FRAME)
    assert [sense.ending for sense in scene.told] == ["unfinished", "open"], "each opinion once"
    scene.hears("onset")
    scene.understood = "turn on the light in the"
    scene.watch.keep(FRAME)
    assert len(scene.told) == 2


def test_a_quiet_that_lasts_is_the_end_of_asking() -> None:
    scene = Watched(TurnSenses(words=ending), understood="")
    scene.hears("offset")
    for _ in range(200):
        scene.watch.keep(FRAME)
    scene.understood = "much later"
    scene.watch.keep(FRAME)
    assert scene.told == []


def test_what_is_understood_now_counts_and_not_what_was_told() -> None:
    scene = Watched(TurnSenses(words=ending), understood="turn on the light")
    scene.reads("turned on the")
    assert [sense.ending for sense in scene.told] == ["open"]


def test_what_is_understood_in_full_counts_most() -> None:
    scene = Watched(TurnSenses(words=ending), understood="")
    scene.reads("turned on the")
    scene.watch.understood("turn on the light")
    scene.watch.understood("")
    assert [sense.ending for sense in scene.told] == ["unfinished", "open"]


def test_without_an_opinion_about_words_none_is_told() -> None:
    scene = Watched(TurnSenses())
    scene.reads("turn on the")
    assert scene.told == []
