"""A gap is found where there is one."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks.webrtc.gaps import gap_ms, levels_of, levels_of_powers

TONE = (8_000 * np.sin(2 * np.pi * 300 * np.arange(24_000) / 24_000)).astype(np.int16)


def test_an_even_sound_has_no_gap() -> None:
    assert gap_ms(levels_of(TONE, 240), 10) == 0


def test_a_lost_packet_that_nobody_conceals_is_twenty_milliseconds() -> None:
    torn = TONE.copy()
    torn[4_800:5_280] = 0
    assert gap_ms(levels_of(torn, 240), 10) == 20


def test_what_is_only_a_little_softer_is_no_gap_and_what_is_hardly_there_is_one() -> None:
    softer, faint = TONE.copy(), TONE.copy()
    softer[4_800:5_280] //= 2
    faint[4_800:5_280] //= 8
    assert gap_ms(levels_of(softer, 240), 10) == 0
    assert gap_ms(levels_of(faint, 240), 10) == 20


def test_sums_of_squares_say_the_same() -> None:
    torn = TONE.astype(np.float64) / 32_768
    torn[4_800:5_280] = 0
    powers = [float(np.sum(piece**2)) for piece in torn.reshape(-1, 60)]
    assert gap_ms(levels_of_powers(powers, 4), 10) == 20


def test_where_nothing_sounds_nothing_is_claimed() -> None:
    with pytest.raises(ValueError, match="no sound"):
        gap_ms(np.zeros(100), 10)
