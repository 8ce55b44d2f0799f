"""Words of people who were never met lie near each other, and what is computed in steps is what a whole would give."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.benchmarks.interaction.clips import active_db, clips, onset_s, sound
from voice.engines import embedding
from voice.engines.embedding import LEVEL_DB, ROWS, SHORT_SIZE, SIZE, STEP, WINDOW, Embedding, shipped

CHUNK = ROWS * STEP
WHOLE_ROWS = 76
LEAK, FLOOR = 0.2, -0.4


def drawn(name: str, level_db: float = LEVEL_DB) -> NDArray[np.int16]:
    """A recording from its word on, at a loudness."""
    clip = next(clip for clip in clips() if clip.name == name)
    louder = 10 ** ((level_db - active_db(clip)) / 20)
    samples = sound(name)[int(onset_s(clip) * 16_000) : int((clip.spans_s[-1][1] + 0.1) * 16_000)]
    pcm: NDArray[np.int16] = np.rint(np.clip(samples * louder, -1, 1) * 32767).astype("<i2")
    return pcm


def heard(samples: NDArray[np.int16], usual_db: float = LEVEL_DB, chunk: int = CHUNK) -> Embedding:
    followed = Embedding(shipped())
    for at in range(0, len(samples), chunk):
        followed.feed(samples[at : at + chunk], usual_db)
    return followed


def noise(samples: int = 16_000) -> NDArray[np.int16]:
    return (np.random.default_rng(2).normal(size=samples) * 1_000).astype("<i2")


def whole(bands: Any) -> Any:
    """The layers over a whole window at once, shape (WHOLE_ROWS, bands), as the paper draws them."""
    model = shipped()

    def bent(value: Any) -> Any:
        return np.maximum(np.where(value > 0, value, LEAK * value), FLOOR)

    wide = np.pad(bands, ((0, 0), (1, 1)))
    near = [wide[i : i + WHOLE_ROWS - 2, j : j + bands.shape[1]] for i in range(3) for j in range(3)]
    value = bent(np.stack(near, axis=-1) @ model.weights[0] + model.offsets[0])
    pools = {2: (2, 2), 6: (1, 2), 10: (2, 2), 14: (1, 2), 18: (2, 2)}
    for number in range(1, 19):
        if number % 2:
            wide = np.pad(value, ((0, 0), (1, 1), (0, 0)))
            pieces = [wide[:, band : band + value.shape[1]] for band in range(3)]
        else:
            pieces = [value[step : len(value) - 2 + step] for step in range(3)]
        value = bent(np.concatenate(pieces, axis=-1) @ model.weights[number] + model.offsets[number])
        if number in pools:
            steps, across = pools[number]
            value = value.reshape(len(value) // steps, steps, value.shape[1] // across, across, -1).max(axis=(1, 3))
    return value.reshape(-1) @ model.weights[19] + model.offsets[19]


def test_what_is_computed_in_steps_is_what_the_whole_would_give() -> None:
    rows, model = np.random.default_rng(3).normal(8, 2, (120, embedding.BANDS)).astype(np.float32), shipped()
    past = model.silence
    for at in range(0, 120, ROWS):
        past = embedding._taken(model.weights, model.offsets, past, rows[at : at + ROWS])
    followed = Embedding(model)
    followed._past = past
    np.testing.assert_allclose(followed._said(), whole(rows[-WHOLE_ROWS:]), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("chunk", [1, 160, 512, 1_777, 16_000])
def test_it_does_not_matter_in_which_pieces_the_sound_comes(chunk: int) -> None:
    once = heard(noise())
    np.testing.assert_allclose(heard(noise(), chunk=chunk).newest, once.newest, rtol=1e-4, atol=1e-4)
    assert once.newest.shape == (SIZE,)
    assert once.newest_short.shape == (SHORT_SIZE,)


def test_after_long_silence_it_is_as_at_the_beginning() -> None:
    followed = Embedding(shipped())
    begun = followed.newest.copy()
    followed.feed(noise(), LEVEL_DB)
    assert np.abs(followed.newest - begun).max() > 5
    followed.feed(np.zeros(32_000, dtype="<i2"), LEVEL_DB)
    np.testing.assert_allclose(followed.newest, begun, atol=1e-3)
    followed.feed(noise(), LEVEL_DB)
    followed.reset()
    np.testing.assert_array_equal(followed.newest, begun)


def test_too_little_for_a_step_changes_nothing() -> None:
    followed = Embedding(shipped())
    begun = followed.newest
    followed.feed(noise(CHUNK - 1), LEVEL_DB)
    assert followed.newest is begun
    followed.feed(noise(1), LEVEL_DB)
    assert followed.newest is not begun
    assert len(followed._rest) == WINDOW - STEP


def test_what_is_said_does_not_depend_on_how_loud_this_person_is() -> None:
    name = next(clip.name for clip in clips("interruption_word") if clip.text == "stop")
    loud, soft = heard(drawn(name, -20.0), -20.0).newest, heard(drawn(name, -38.0), -38.0).newest
    assert np.abs(loud - soft).max() < 0.15 * np.abs(loud).max()


@cache
def said() -> dict[str, list[tuple[str, Any]]]:
    """Each word with those who say it, and what it is like at its end."""
    found: dict[str, list[tuple[str, Any]]] = defaultdict(list)
    for clip in clips("interruption_word", "backchannel"):
        if clip.speaker.startswith("gsc"):
            like = heard(drawn(clip.name)).newest
            found[clip.text].append((clip.speaker, like / np.linalg.norm(like)))
    return found


def test_a_word_lies_nearest_to_the_same_word_of_others() -> None:
    right = total = 0
    for word, those in said().items():
        for speaker, like in those:
            nearness = {
                other: np.mean(sorted(float(like @ there) for who, there in people if who != speaker)[-3:])
                for other, people in said().items()
            }
            total += 1
            right += max(nearness, key=lambda other: float(nearness[other])) == word
    assert total >= 50
    assert right / total > 0.75
