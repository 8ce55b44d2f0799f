"""A stretch drawn as numbers, and a model of them that has to say how good it is."""

from __future__ import annotations

import json
from importlib import resources

import numpy as np
import pytest
from numpy.typing import NDArray

from voice.engines.interruption import FEATURES, KINDS, InterruptionModel, features

Sound = NDArray[np.int16]
FLOOR_DB = -60.0


def sound(*stretches: NDArray[np.float64]) -> Sound:
    return np.concatenate(stretches).astype("<i2")


def hiss(ms: int, level: float = 2_000.0) -> NDArray[np.float64]:
    return np.random.default_rng(2).normal(size=ms * 16) * level


def hum(ms: int, hz: float = 120.0, level: float = 6_000.0) -> NDArray[np.float64]:
    """A voice-like row of harmonics."""
    at = np.arange(ms * 16) / 16_000
    harmonics = (np.sin(2 * np.pi * hz * number * at) / number for number in range(1, 12))
    voice: NDArray[np.float64] = np.sum(list(harmonics), axis=0) * level
    return voice


def quiet(ms: int) -> NDArray[np.float64]:
    return np.random.default_rng(4).normal(size=ms * 16) * 10


def drawn(stretch: Sound, echo: float = 0.0) -> dict[str, float]:
    return dict(zip(FEATURES, features(stretch, FLOOR_DB, echo).tolist(), strict=True))


def test_a_voice_has_a_pitch_and_a_hiss_has_none() -> None:
    voiced, unvoiced = drawn(sound(hum(400))), drawn(sound(hiss(400)))
    assert voiced["voiced"] > 0.9
    assert unvoiced["voiced"] < 0.1
    assert voiced["periodicity"] > unvoiced["periodicity"] + 0.4
    assert voiced["pitch_octaves"] == pytest.approx(np.log2(1.2), abs=0.05)
    assert voiced["tilt_db"] > unvoiced["tilt_db"] + 10
    assert unvoiced["centroid_khz"] > 1.5 > voiced["centroid_khz"]


def test_how_long_and_whether_it_is_over() -> None:
    short = drawn(sound(hum(200), quiet(300)))
    assert short["duration_s"] == pytest.approx(0.2, abs=0.04)
    assert short["ended"] == 1.0
    assert drawn(sound(hum(500)))["ended"] == 0.0


def test_how_loud_over_the_floor_and_whether_it_swells() -> None:
    swelling = hum(500) * np.linspace(0.1, 1, 8_000)
    assert drawn(sound(swelling))["slope_db_per_s"] > 20
    assert drawn(sound(swelling[::-1]))["slope_db_per_s"] < -20
    steady = drawn(sound(hum(500)))
    assert steady["over_floor_db"] == pytest.approx(steady["level_db"] - FLOOR_DB)
    assert steady["depth_db"] < 2


def test_a_pitch_that_falls_is_seen_to_fall() -> None:
    falling = drawn(sound(hum(200, hz=200), hum(200, hz=100)))
    assert falling["glide_octaves"] == pytest.approx(-1.0, abs=0.1)


def test_syllables_are_counted() -> None:
    spoken = drawn(sound(*[hum(100), quiet(50)] * 4))
    assert spoken["syllables_per_s"] == pytest.approx(6.7, abs=1.5)


def test_only_the_first_600_ms_count_and_little_is_enough() -> None:
    long = sound(hum(2_000))
    assert features(long, FLOOR_DB, 0.3).tolist() == features(long[:9_600], FLOOR_DB, 0.3).tolist()
    for samples in (0, 1, 500, 1_100):
        assert np.isfinite(features(long[:samples], FLOOR_DB, 0.0)).all()
    assert np.isfinite(features(np.zeros(9_600, dtype="<i2"), FLOOR_DB, 0.0)).all()
    assert drawn(long, echo=0.7)["echo"] == 0.7


def test_probabilities_are_probabilities() -> None:
    judged = InterruptionModel.load().judge(features(sound(hum(500)), FLOOR_DB, 0.0))
    assert tuple(judged) == KINDS
    assert sum(judged.values()) == pytest.approx(1.0)


def test_the_file_says_what_it_was_learned_from_and_how_good_it_is() -> None:
    facts = InterruptionModel.load().facts
    assert "cough, synthetic" in facts["speakers_and_examples"]
    assert set(facts["on_unseen_speakers"]) == {"model", "duration_and_loudness"}


def test_weights_for_other_features_are_refused() -> None:
    data = json.loads(resources.files("voice.engines").joinpath("data/interruption.json").read_text())
    data["features"] = data["features"][1:]
    with pytest.raises(ValueError, match="other features"):
        InterruptionModel.of(data)
