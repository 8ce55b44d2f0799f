"""A moment drawn as numbers, and a network that remembers the moments before."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from voice.audio.echo import BANDS as FAR_BANDS
from voice.audio.echo import Explanation
from voice.engines import embedding
from voice.engines.bands import BANDS, newest_rows
from voice.engines.embedding import Embedding
from voice.engines.interruption import (
    HEARD,
    INPUTS,
    KINDS,
    MOMENT,
    ROWS,
    Impression,
    InterruptionModel,
    Moment,
    inputs,
    shipped,
)

NETWORKS, MEMORY, ENTERED = 2, 3, 4
NEAR, FAR = ROWS * BANDS, ROWS * FAR_BANDS


def sound(level: float = 3_000.0) -> NDArray[np.int16]:
    return (np.random.default_rng(2).normal(size=HEARD) * level).astype("<i2")


def moment(usual_db: float | None = -26.0, explanation: Explanation | None = None) -> Moment:
    return Moment(0.9, -24.0, -60.0, usual_db, 0.1, 1_000.0, explanation)


def drawn(samples: NDArray[np.int16], at: Moment) -> NDArray[np.float32]:
    return inputs(newest_rows(samples, ROWS), at, words())


def judged(impression: Impression, samples: NDArray[np.int16]) -> tuple[float, ...]:
    return impression.hear(samples, newest_rows(samples, ROWS), moment())


def words() -> Embedding:
    return Embedding(embedding.shipped())


def arrays() -> dict[str, NDArray[np.float64]]:
    draw = np.random.default_rng(3)
    shapes = {
        "means": (INPUTS,),
        "scales": (INPUTS,),
        "enter": (NETWORKS, INPUTS, ENTERED),
        "enter_offset": (NETWORKS, ENTERED),
        "new": (NETWORKS, ENTERED, 3 * MEMORY),
        "old": (NETWORKS, MEMORY, 3 * MEMORY),
        "new_offset": (NETWORKS, 3 * MEMORY),
        "old_offset": (NETWORKS, 3 * MEMORY),
        "leave": (NETWORKS, MEMORY, len(KINDS)),
        "leave_offset": (NETWORKS, len(KINDS)),
    }
    return {name: 0.1 * draw.normal(size=shape) for name, shape in shapes.items()}


def test_loudness_is_measured_by_the_persons_own() -> None:
    loud, soft = sound(3_000), sound(300)
    by_usual = drawn(loud, moment(-26))[:NEAR], drawn(soft, moment(-46))[:NEAR]
    np.testing.assert_allclose(*by_usual, atol=0.05)
    assert (drawn(soft, moment(-26))[:NEAR] < by_usual[0] - 0.5).all()


def test_what_the_far_end_does_not_explain_is_told_by_band() -> None:
    excess = np.full((5, FAR_BANDS), 15.0, dtype=np.float32)
    explanation = Explanation(0.4, 12.0, excess, np.zeros(FAR_BANDS, dtype=np.float32), 0.4)
    told = drawn(sound(), moment(explanation=explanation))
    assert told.shape == (INPUTS,)
    assert (told[NEAR : NEAR + FAR] == 1.0).all()
    assert (drawn(sound(), moment())[NEAR : NEAR + FAR] == 0.0).all()


def test_a_beginning_is_filled_with_silence() -> None:
    assert drawn(sound()[:300], moment()).shape == (INPUTS,)


def test_probabilities_of_a_moment_add_up_and_depend_on_the_moments_before() -> None:
    impression = Impression(InterruptionModel.of(arrays()))
    first = judged(impression, sound())
    again = judged(impression, sound())
    assert sum(first) == pytest.approx(1.0, abs=1e-5)
    assert first != again
    impression.reset()
    assert judged(impression, sound()) == first


def test_networks_agree_on_the_mean_of_what_each_alone_would_say() -> None:
    def told(weights: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        impression = Impression(InterruptionModel.of(weights))
        judged(impression, sound())
        return np.log(judged(impression, sound()))

    every = arrays()
    alone = [
        told({name: array if array.ndim == 1 else array[number : number + 1] for name, array in every.items()})
        for number in range(NETWORKS)
    ]
    between = told(every) - np.mean(alone, axis=0)
    assert not np.allclose(alone[0], alone[1])
    np.testing.assert_allclose(between, between[0], atol=1e-4)


def test_weights_for_other_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match="other inputs"):
        InterruptionModel.of(arrays() | {"means": np.zeros(INPUTS + 1)})


def test_what_a_moment_is_like_depends_on_the_words_before_it() -> None:
    impression = Impression(InterruptionModel.of(arrays()))
    said = np.concatenate((sound(), sound(300)))
    first = judged(impression, said[MOMENT:-MOMENT][-HEARD:])
    judged(impression, said[-HEARD:])
    assert judged(impression, sound(300)) != first


def test_of_a_moment_only_what_is_new_is_listened_to() -> None:
    one, two = (Impression(InterruptionModel.of(arrays())) for _ in range(2))
    said = sound()
    judged(one, said[:-MOMENT])
    judged(two, said[:-MOMENT])
    by_much, by_little = judged(one, said), judged(two, said[-2 * MOMENT :])
    assert by_much == pytest.approx(by_little, abs=1e-5)


def test_the_weights_that_come_along_are_loaded_once_with_all_they_need() -> None:
    for cached in (shipped, embedding.shipped):
        cached.cache_clear()
    assert shipped() is shipped()
    assert embedding.shipped.cache_info().currsize == 1
