"""The sounds of people who were never met, told by a model of everybody's."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.benchmarks.interaction.clips import active_db, clips, onset_s, sound
from voice.engines.phones import HEARD, PHONES, STEP, shipped

NAMES = [
    "+NSN+",
    "+SPN+",
    "AA",
    "AE",
    "AH",
    "AO",
    "AW",
    "AY",
    "B",
    "CH",
    "D",
    "DH",
    "EH",
    "ER",
    "EY",
    "F",
    "G",
    "HH",
    "IH",
    "IY",
    "JH",
    "K",
    "L",
    "M",
    "N",
    "NG",
    "OW",
    "OY",
    "P",
    "R",
    "S",
    "SH",
    "SIL",
    "T",
    "TH",
    "UH",
    "UW",
    "V",
    "W",
    "Y",
    "Z",
    "ZH",
]
"""The model's own order."""
HISSES = [NAMES.index(name) for name in ("S", "SH", "Z", "CH", "TH")]
VOWELS = [NAMES.index(name) for name in ("AA", "AO", "AE", "EH", "AH", "IH", "AW", "EY", "AY", "UH", "OW")]


def drawn(name: str, level_db: float = -26.0) -> tuple[NDArray[np.int16], float]:
    """A recording at a loudness, until a moment after its last word, and where it begins, in seconds."""
    clip = next(clip for clip in clips() if clip.name == name)
    louder = 10 ** ((level_db - active_db(clip)) / 20)
    samples = sound(name)[: int((clip.spans_s[-1][1] + 0.05) * 16_000)]
    return np.rint(np.clip(samples * louder, -1, 1) * 32767).astype("<i2"), onset_s(clip)


def heard(name: str) -> NDArray[np.float64]:
    """How probable each phone is, every 30 ms of the word."""
    samples, begin_s = drawn(name)
    ends = range(int(begin_s * 16_000) + 3 * STEP, len(samples), 3 * STEP)
    return np.array([shipped().judge(samples[max(0, end - HEARD) : end], -26.0) for end in ends], dtype=np.float64)


def middle(found: NDArray[np.float64], phones: list[int]) -> float:
    """Where in the word these phones are, on the whole; in steps of 30 ms."""
    weight = found[:, phones].sum(axis=1)
    return float((weight * np.arange(len(weight))).sum() / weight.sum())


WORDS = [(clip.name, clip.text) for clip in clips("interruption_word", "backchannel") if clip.text in ("stop", "yes")]


def test_stop_hisses_before_its_vowel_and_yes_after_it_whoever_says_them() -> None:
    wrong = []
    for name, word in WORDS:
        found = heard(name)
        if (middle(found, HISSES) < middle(found, VOWELS)) is not (word == "stop"):
            wrong.append(name)
    assert len(wrong) <= len(WORDS) // 7, wrong


def test_there_are_many_who_say_them() -> None:
    assert len(WORDS) >= 15
    assert len(NAMES) == PHONES


def test_what_is_said_does_not_depend_on_how_loud_this_person_is() -> None:
    name = WORDS[0][0]
    loud, begin_s = drawn(name, -20.0)
    soft, _ = drawn(name, -32.0)
    at = int((begin_s + 0.3) * 16_000)
    by_loud = shipped().judge(loud[at - HEARD : at], -20.0)
    by_soft = shipped().judge(soft[at - HEARD : at], -32.0)
    assert np.abs(by_loud - by_soft).max() < 0.1
    assert by_loud.argmax() == by_soft.argmax()


def test_all_phones_together_are_certain() -> None:
    noise = (np.random.default_rng(2).normal(size=HEARD) * 1_000).astype("<i2")
    for samples in (noise, noise[:200], np.zeros(HEARD, dtype="<i2")):
        found = shipped().judge(samples, -26.0)
        assert found.shape == (PHONES,)
        assert found.sum() == pytest.approx(1.0, abs=1e-4)
        assert (found >= 0).all()


def test_silence_is_silence() -> None:
    hum = (np.random.default_rng(2).normal(size=HEARD) * 2).astype("<i2")
    assert NAMES[int(shipped().judge(hum, -26.0).argmax())] in ("SIL", "+NSN+", "+SPN+")
