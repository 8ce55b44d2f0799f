"""Sound drawn in bands: where a tone lies, how loud it is, and what lies before a beginning."""

from __future__ import annotations

import numpy as np
import pytest

from voice.engines.bands import BANDS, STEPS_DB, centres_hz, newest_rows


def test_a_band_is_where_its_tone_is() -> None:
    for number in (3, 12, 25):
        tone = np.sin(np.arange(1_600) * 2 * np.pi * centres_hz()[number] / 16_000) * 8_000
        assert newest_rows(tone.astype("<i2"), 1)[0].argmax() == number


def test_what_is_missing_before_a_beginning_is_silence() -> None:
    noise = np.random.default_rng(1).normal(size=512) * 1_000
    rows = newest_rows(noise.astype("<i2"), 4)
    assert rows.shape == (4, BANDS)
    assert (rows[:2] == 0).all()
    assert rows[3].min() > 10


def test_a_row_is_as_loud_as_its_sound() -> None:
    tone = np.sin(np.arange(1_600) * 2 * np.pi * 1_000 / 16_000) * 32_768 * 10 ** (-20 / 20)
    power = (10 ** (newest_rows(tone.astype("<i2"), 2) / 10)).sum(axis=1)
    assert 10 * np.log10(power) == pytest.approx(STEPS_DB - 23.0, abs=0.5)
