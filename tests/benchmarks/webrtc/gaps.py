"""How much of a steady sound is missing to an ear."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MISSING = 0.25
"""Softer than the rest by 12 dB."""


def gap_ms(levels: NDArray[np.float64], block_ms: float) -> float:
    """Milliseconds in which a sound that should be even is missing; `levels` are one for each block of it."""
    usual = float(np.median(levels)) if len(levels) else 0.0
    if usual <= 0:
        raise ValueError("there is no sound to look for gaps in")
    return float(np.count_nonzero(levels < MISSING * usual)) * block_ms


def levels_of(sound: NDArray[np.int16], block: int) -> NDArray[np.float64]:
    """The effective value of each whole block."""
    whole = sound[: len(sound) // block * block].astype(np.float64).reshape(-1, block)
    levels: NDArray[np.float64] = np.sqrt(np.mean(whole**2, axis=1))
    return levels


def levels_of_powers(powers: list[float], together: int) -> NDArray[np.float64]:
    """The same from sums of squares of short pieces, so many of them to a block."""
    whole = np.array(powers[: len(powers) // together * together], np.float64).reshape(-1, together)
    levels: NDArray[np.float64] = np.sqrt(whole.sum(axis=1))
    return levels
