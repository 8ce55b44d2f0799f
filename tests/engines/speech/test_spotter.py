"""Short words told apart by their sound: recorded people of the half that nothing was tuned on."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from tests.benchmarks.interaction.clips import Clip, of_half, onset_s, sound
from voice.engines.speech.spotter import WordSpotter
from voice.runtime.phrases import phrase_lists

pytestmark = pytest.mark.speech
pytest.importorskip("pocketsphinx")

PHRASES = phrase_lists("en")
EARLY_S = 0.32


def stretch(clip: Clip, length_s: float | None) -> bytes:
    samples = sound(clip.name)
    begin = max(0, int((onset_s(clip) - 0.15) * 16_000))
    end = int(clip.spans_s[-1][1] * 16_000) if length_s is None else int((onset_s(clip) + length_s) * 16_000)
    piece = samples[begin:end] / max(float(np.abs(samples).max()), 1e-6) * 0.25
    return bytes(np.rint(piece * 32767).astype("<i2").tobytes())


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, bool], list[str]]:
    """What was spotted, by kind of clip and whether the whole word was heard."""

    async def ask() -> dict[tuple[str, bool], list[str]]:
        spotter = WordSpotter(PHRASES.distinct, PHRASES.wanting)
        await spotter.open()
        answers: dict[tuple[str, bool], list[str]] = {}
        for kind in ("backchannel", "interruption_word"):
            for whole in (False, True):
                for clip in of_half("report", kind):
                    if clip.speaker.startswith("ami"):
                        continue
                    spotted = await spotter.spot(stretch(clip, None if whole else EARLY_S))
                    answers.setdefault((kind, whole), []).append(spotted.text if spotted else "no answer")
        await spotter.close()
        return answers

    return asyncio.run(ask())


@pytest.mark.parametrize("whole", [False, True])
def test_acknowledgements_are_taken_for_acknowledgements(found: dict[tuple[str, bool], list[str]], whole: bool) -> None:
    answers = found["backchannel", whole]
    assert sum(text in PHRASES.distinct for text in answers) >= 0.8 * len(answers), answers


@pytest.mark.parametrize("whole", [False, True])
def test_words_that_want_the_floor_are_not(found: dict[tuple[str, bool], list[str]], whole: bool) -> None:
    answers = found["interruption_word", whole]
    assert sum(text in PHRASES.distinct for text in answers) <= 0.25 * len(answers), answers


def test_without_a_process_nothing_is_answered() -> None:
    spotter = WordSpotter((), ())

    async def ask() -> None:
        spotter._settings = {"acknowledgements": ["not a list that it could use"]}
        assert await spotter.spot(bytes(3_200)) is None
        await spotter.close()

    asyncio.run(ask())
