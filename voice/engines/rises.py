"""Whether a sound sets in where the person is, long before anybody can say what it is.

The hiss that "stop" begins with is nobody's voice to a detector, and nothing yet to a network that knows the word by
its vowel. But it stands out of what was heard before, in a few bands, within two rows of 16 ms. So does a door: what
follows from a rise must be little, and soon taken back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from voice.audio import echo
from voice.audio.spectra import HOP
from voice.engines.bands import STEPS_DB, centres_hz, newest_rows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from voice.audio.echo import Explanation
    from voice.engines.bands import Rows

    Samples = NDArray[np.int16]
    Which = NDArray[np.bool_]

_NEAR_ROWS = 94
"""A second and a half: so much of the past is what a rise rises out of."""
_LEAST_ROWS = 4
_ONSET_ROWS = 2
"""The newest of the past may belong to the rise already."""
_TOP_BANDS = 4
"""Of the bands in which the echo's loss is known the highest so many tell of those above, in which it is not."""


@dataclass(frozen=True, slots=True)
class RiseRules:
    """A band has risen where it stands `over_db` above what it was in all but the loudest tenth of its past (`past`),
    at most `faint_db` below this person's usual loudness, and `unexplained_db` above what the far end explains, if
    anything of it was `heard` lately. It is a rise when in `rows` rows on end at least `bands` have. In a reply's first
    `unknown_ms` there is none: the way of the echo is not known yet."""

    over_db: float = 8.0
    past: float = 0.9
    faint_db: float = 40.0
    unexplained_db: float = 8.0
    heard: float = 0.2
    bands: int = 2
    rows: int = 2
    unknown_ms: float = 500.0


class Rises:
    """Hears the near end, row by row: `begin`, then `hear`. Not shared by two calls."""

    __slots__ = ("_near", "_rows", "rules")

    near_samples = 20 * HOP
    """So much of the near end before is worth handing to `begin`: more of it may be the person, who just spoke."""
    far_samples = echo.EchoMeter.history_samples
    """So much of the far end is looked at where something rises that may be its echo."""

    def __init__(self, rules: RiseRules | None = None) -> None:
        import numpy as np

        self.rules = rules or RiseRules()
        self.begin(np.zeros(0, dtype=np.int16))

    def begin(self, near: Samples) -> None:
        """What came before at 16 kHz, as far as it is known."""
        self._near = newest_rows(near)
        self._rows = 0

    def hear(
        self,
        near: Rows,
        far: Callable[[], Samples],
        explanation: Explanation | None,
        *,
        usual_db: float,
        reply_ms: float,
    ) -> bool:
        """Whether it rises in the newest rows. `far`: gives the newest `far_samples` of the far end at 16 kHz, if they
        are needed; `explanation`: what of these rows it explains, None where it plays nothing; `usual_db`: how loud
        this person is, in dBFS; `reply_ms`: since when the assistant sounds."""
        import numpy as np

        past, self._near = self._near[:-_ONSET_ROWS], np.concatenate((self._near, near))[-_NEAR_ROWS:]
        if len(past) < _LEAST_ROWS or reply_ms < self.rules.unknown_ms:
            self._rows = 0
            return False
        rules = self.rules
        loud = int(rules.past * (len(past) - 1))
        past_db = np.partition(past, loud, axis=0)[loud]
        risen: Which = near > np.maximum(past_db + rules.over_db, usual_db + STEPS_DB - rules.faint_db)
        if explanation is not None and explanation.heard >= rules.heard and risen.any():
            risen &= self._unexplained(near, risen, far, explanation)
        rises = False
        for bands in risen.sum(axis=1).tolist():
            self._rows = self._rows + 1 if bands >= rules.bands else 0
            rises = rises or self._rows >= rules.rows
        return rises

    def _unexplained(self, near: Rows, risen: Which, far: Callable[[], Samples], explanation: Explanation) -> Which:
        """Where each band stands above the echo. Above the telephone's band nothing tells how the echo goes: there it
        may be of anything that the far end played lately, and loses what it loses right below."""
        known, above = _known()
        unexplained: Which = explanation.excess[-len(near) :][:, known] > self.rules.unexplained_db
        if risen[:, above].any():
            loss_db = min(float(explanation.loss_db[-_TOP_BANDS:].max()), 0.0)
            echo_db = newest_rows(far())[:, above].max(axis=0) + loss_db
            unexplained[:, above] = near[:, above] > echo_db + self.rules.unexplained_db
        return unexplained


@cache
def _known() -> tuple[NDArray[np.intp], Which]:
    """For each band that one of the echo meter's it lies in, or next to; and which lie above all of them."""
    import numpy as np

    centres = centres_hz()
    found = np.clip(np.searchsorted(echo.edges_hz(), centres) - 1, 0, echo.BANDS - 1)
    return found, centres >= echo.HIGHEST_HZ
