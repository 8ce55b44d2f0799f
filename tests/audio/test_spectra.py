"""Rows of power: how many there are, how strong a tone is, and where it lies."""

from __future__ import annotations

import numpy as np
import pytest

from voice.audio.spectra import HOP, RATE_HZ, WINDOW, bins_hz, mel_edges_hz, power_rows, rows_in


@pytest.mark.parametrize(
    ("samples", "rows"), [(0, 0), (WINDOW - 1, 0), (WINDOW, 1), (WINDOW + HOP - 1, 1), (WINDOW + HOP, 2)]
)
def test_a_row_is_a_whole_window(samples: int, rows: int) -> None:
    assert rows_in(samples) == rows
    assert power_rows(np.zeros(samples, dtype="<i2")).shape == (rows, WINDOW // 2 + 1)


def test_a_tone_has_its_power_at_its_frequency() -> None:
    tone = np.rint(10_000 * np.sin(np.arange(1_600) * 2 * np.pi * 1_000 / RATE_HZ)).astype("<i2")
    for row in power_rows(tone):
        assert bins_hz()[row.argmax()] == 1_000
        assert row.sum() == pytest.approx(10_000**2 / 2, rel=0.01)


def test_mel_edges_lie_closer_the_lower_they_are() -> None:
    edges = mel_edges_hz(250, 3_700, 17)
    assert (edges[0], edges[-1]) == (pytest.approx(250), pytest.approx(3_700))
    assert (np.diff(np.diff(edges)) > 0).all()
