"""How much of what a microphone hears is our own loudspeaker: a likeness of two sounds, not a canceller.

Both ends are drawn as the energies of a few bands every 16 ms. An echo is the far end's picture again: later by an
unknown 0 to 500 ms, in each band weaker by an unknown amount, smeared by a room. So the delay is looked for (and
remembered, it hardly changes), the loss in each band is learned, and what is left is the question how much of the
newest picture the far end explains. Somebody who talks over an echo adds energy in places that it does not explain.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import exp
from typing import TYPE_CHECKING

from voice.audio.spectra import HOP, RATE_HZ, WINDOW, bins_hz, mel_edges_hz, power_rows, rows_in

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.float32]
    Samples = NDArray[np.int16]

BANDS = 16
LOWEST_HZ, HIGHEST_HZ = 250.0, 3_700.0
"""What a telephone line lets through."""


def picture(samples: Samples) -> Picture:
    """Band energies in dB (of PCM16 steps), one row for each HOP; shape ((samples - WINDOW) // HOP + 1, BANDS)."""
    import numpy as np

    if not rows_in(len(samples)):
        return np.zeros((0, BANDS), dtype=np.float32)
    energies: Picture = 10 * np.log10(power_rows(samples) @ _bands() + 1.0)
    return energies


def edges_hz() -> NDArray[np.float64]:
    """Where the bands begin, and where the last one ends."""
    return mel_edges_hz(LOWEST_HZ, HIGHEST_HZ, BANDS + 1)


@cache
def _bands() -> Picture:
    """The bins of each band."""
    import numpy as np

    hz, edges = bins_hz()[:, None], edges_hz()
    return ((hz >= edges[:-1]) & (hz < edges[1:])).astype(np.float32)


_LAGS = 33
"""Delays that are looked at: 0 to 512 ms in steps of a row."""
_ROWS = 36
"""Newest rows that are compared, 576 ms."""
_LEAST_ROWS = 6
_RECENT_ROWS = 10
_DYNAMICS_DB = 45.0
"""Parts of the far end weaker than its strongest by more than this are not heard as echo."""
_ACTIVE_DB = 25.0
"""Only in parts of the far end this near to the strongest is the loss measured."""
_SILENT_DB = 30.0
"""A far end whose strongest cell is below this (about -60 dBFS) plays nothing."""
_TAIL_DB = 2.0
"""How much a room loses in a row: 125 dB a second, a short reverberation."""
_ENVELOPE_DB = 4.0
"""Both ends are likened by their envelopes, which fall by so much in a row at most: what a room fills up, and a lost
frame, is not held against them."""
_FALL_DB = 1.5
_RISES_DB = ((0.85, 8.0), (0.7, 1.5), (0.6, 0.5), (-1.0, 0.15))
"""The most that the learned loss moves in one answer. The less like the far end it sounds, the slower it rises:
somebody talking looks like a louder echo. What is very like it is echo and nobody else, which was not there yet when
the loss was learned."""
_MEMORY = 0.85
"""How much the likeness at each delay keeps from one search to the next; about a second."""
_SEARCH_EVERY = 3
"""Of so many answers one tries all delays, the others only that which was found."""

# The answer is logistic in the likeness (0..1) and the unexplained excess (dB). Fitted on speech over speech through
# four recorded room responses, coupling from -6 to -30 dB. `tests/benchmarks/ear.py` measures it in made rooms, but
# mostly with the same voices: how it does on other ones is not known. The offset was lowered when envelopes came, which
# are a little alike in any two voices.
_PER_LIKENESS, _PER_EXCESS_DB, _OFFSET = 12.0, -0.48, -5.6


@dataclass(frozen=True, slots=True)
class Explanation:
    """What an answer rests on. `likeness` -1..1 of both pictures at the delay that fits best; `excess_db` how far the
    newest sound stands above what the far end explains; `excess`: the same of each band, newest row last; `loss_db`:
    how much softer than the far end its echo is in each band (negative). `heard` 0..1: how alike both were in the last
    seconds, at the delay that fits best: below 0.2 or so nothing of the far end comes back, or nothing that stands out.
    """

    likeness: float
    excess_db: float
    excess: Picture
    loss_db: NDArray[np.float32]
    heard: float


class EchoMeter:
    """Compares near and far end: `begin`, then feed both sides of the same stretch of the near end's clock, and ask.

    Remembers delay and loss from stretch to stretch. About 0.2 ms for an answer, 16 ms rows; not shared by two calls.
    """

    __slots__ = ("_answers", "_far", "_far_rest", "_likeness", "_loss", "_near", "_near_rest", "explanation")

    near_samples = (_ROWS - 1) * HOP + WINDOW
    """So much of the newest near end is compared."""
    history_samples = (_LAGS - 1) * HOP + WINDOW
    """So much of the far end before a stretch is worth handing to `begin`."""

    def __init__(self) -> None:
        import numpy as np

        self._likeness = np.zeros(_LAGS)
        self._loss: NDArray[np.float32] | None = None
        self._answers = 0
        self.explanation: Explanation | None = None
        """Of the last answer; None when there was nothing to compare."""
        self.begin(np.zeros(0, dtype=np.int16))

    @property
    def delay_ms(self) -> float:
        """How much later than it was given the far end was most often heard; meaningless while nothing was like it."""
        return float(self._likeness.argmax()) * HOP * 1000 / RATE_HZ

    def begin(self, far_history: Samples) -> None:
        """A new stretch starts now; `far_history` is the far end until now, as much as there is."""
        import numpy as np

        self._near = np.zeros((0, BANDS), dtype=np.float32)
        self._near_rest = np.zeros(0, dtype=np.int16)
        self._far = picture(far_history)
        self._far_rest = far_history[len(self._far) * HOP :]
        if len(far_history) >= WINDOW:  # rows of both ends begin at the same instants
            self._near_rest = np.zeros(len(self._far_rest), dtype=np.int16)

    def feed(self, near: Samples, far: Samples) -> None:
        """As many samples of either end, heard and played at the same time."""
        self._near, self._near_rest = _extended(self._near, self._near_rest, near, _ROWS)
        self._far, self._far_rest = _extended(self._far, self._far_rest, far, _ROWS + _LAGS - 1)

    def answer(self, floor_db: float) -> float:
        """0..1 that the newest sound is echo and nothing else; `floor_db` is the near end's quiet in dBFS."""
        import numpy as np

        self.explanation = None
        rows = len(self._near)
        if rows < _LEAST_ROWS or len(self._far) < rows:
            return 0.0
        loudest = float(self._far.max())
        if loudest < _SILENT_DB:
            return 0.0
        quiet = max(floor_db + 84.0, 0.0)  # noise in one of sixteen bands, in steps squared, and 6 dB
        near = np.maximum(self._near, quiet)
        far = np.maximum(self._far[-(rows + _LAGS - 1) :], max(loudest - _DYNAMICS_DB, 20.0))
        if len(far) < rows + _LAGS - 1:
            far = np.pad(far, ((rows + _LAGS - 1 - len(far), 0), (0, 0)), constant_values=float(far.min()))
        near_envelope = _falling(near, _ENVELOPE_DB)
        likeness, lag = self._likeness_now(near_envelope, _falling(far, _ENVELOPE_DB))
        begin = _LAGS - 1 - lag
        rise_db = next(rise_db for least, rise_db in _RISES_DB if likeness >= least)
        explained = self._explained(near_envelope, far[begin : begin + rows], loudest, rise_db)
        newest = near[-_RECENT_ROWS:]
        excess = np.clip(newest - np.maximum(explained, quiet), -10.0, 30.0)
        weight = newest - quiet
        excess_db = float((weight * excess).sum() / (weight.sum() + 1e-6))
        assert self._loss is not None
        self.explanation = Explanation(likeness, excess_db, excess, self._loss, float(self._likeness.max()))
        score = _PER_LIKENESS * likeness + _PER_EXCESS_DB * excess_db + _OFFSET
        return 1 / (1 + exp(-score))

    def _likeness_now(self, near: Picture, far: Picture) -> tuple[float, int]:
        """How like the far end the near one is, and at which delay (in rows). All delays are tried now and then."""
        import numpy as np

        self._answers += 1
        if self._answers % _SEARCH_EVERY == 1:
            found = _likenesses(near, far)
            self._likeness = _MEMORY * self._likeness + (1 - _MEMORY) * np.maximum(found, 0.0)
            lag = int(self._likeness.argmax())
            return float(found[lag]), lag
        lag = int(self._likeness.argmax())
        begin = _LAGS - 1 - lag
        return float(_likenesses(near, far[begin : begin + len(near)])[0]), lag

    def _explained(self, near: Picture, far: Picture, loudest: float, rise_db: float) -> Picture:
        """The newest rows as they would be if there was nothing but echo. Learns the loss in each band."""
        import numpy as np

        active = far > loudest - _ACTIVE_DB
        counts = active.sum(axis=0)
        measured = ((near - far) * active).sum(axis=0) / np.maximum(counts, 1)
        if self._loss is None:
            self._loss = np.where(counts > 0, measured, 0.0)
        else:
            step = np.where(counts > _LEAST_ROWS, measured - self._loss, 0.0)
            self._loss = self._loss + np.clip(step, -_FALL_DB, rise_db)
        return _falling(far + self._loss, _TAIL_DB)[-_RECENT_ROWS:]


def _falling(rows: Picture, most_db: float) -> Picture:
    """Each band at least what it was a row ago, less so much."""
    import numpy as np

    fallen = np.arange(len(rows), dtype=np.float32)[:, None] * np.float32(most_db)
    found: Picture = np.maximum.accumulate(rows + fallen, axis=0) - fallen
    return found


def _extended(rows: Picture, rest: Samples, more: Samples, keep: int) -> tuple[Picture, Samples]:
    """A picture with the rows that more sound completes, and the sound that completes none yet."""
    import numpy as np

    sound = np.concatenate((rest, more))
    fresh = picture(sound)
    return np.concatenate((rows, fresh))[-keep:], sound[len(fresh) * HOP :]


def _likenesses(near: Picture, far: Picture) -> NDArray[np.float64]:
    """Correlation of the near picture with the far one at each delay, bands freed of their means; shortest first."""
    import numpy as np

    rows = len(near)
    windows = np.lib.stride_tricks.sliding_window_view(far, rows, axis=0)  # (lags, bands, rows), latest delay last
    near = (near - near.mean(axis=0)).T
    # einsum reads the overlapping windows where they are; a matrix product would copy them and wake BLAS threads.
    common = np.einsum("lbr,br->l", windows, near)
    total = np.concatenate((np.zeros((1, BANDS)), far.cumsum(axis=0, dtype=np.float64)))
    squares = np.concatenate((np.zeros(1), (far.astype(np.float64) ** 2).sum(axis=1).cumsum()))
    means = (total[rows:] - total[:-rows]) / rows
    varied = squares[rows:] - squares[:-rows] - rows * (means**2).sum(axis=1)
    found: NDArray[np.float64] = common / np.sqrt(np.maximum(varied, 1.0) * max(float((near**2).sum()), 1.0))
    return found[::-1]
