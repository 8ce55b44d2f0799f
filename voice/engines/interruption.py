"""What a moment of the person's sound is: somebody taking the floor, agreeing, coughing, talking elsewhere, or nothing.

A few small recurrent networks that learned the same in other orders agree on an answer: what one of them makes of a
voice it never heard is partly chance. They hear a window of 32 ms after the other for as long as the assistant sounds
and the ear is awake. They get the loudness of the bands of both its rows, measured by how loud this person usually is,
what the far end does not explain in them, what the words so far are like (`voice.engines.embedding`), and a few facts
of the ear's. The answer is a probability for each of `KINDS`.

`data/interruption.json` tells how the weights in `data/interruption.npz` were made.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from io import BytesIO
from typing import TYPE_CHECKING, Any

from voice.audio.echo import BANDS as FAR_BANDS
from voice.engines import embedding
from voice.engines.bands import BANDS, STEPS_DB
from voice.engines.embedding import Embedding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from voice.audio.echo import Explanation
    from voice.engines.bands import Rows

    Vector = NDArray[np.float32]

KINDS = ("interruption", "backchannel", "vocal", "side", "nothing")
"""`vocal`: coughs, cleared throats, laughs. `side`: talk that is not meant for us. `nothing`: noise, our own echo."""

ROWS = 2
MOMENT = 512
"""Samples between two moments."""
HEARD = 8_000
"""Samples before the end of the first moment that are listened to with it."""
FACTS = 10
INPUTS = ROWS * BANDS + ROWS * FAR_BANDS + FACTS + embedding.SIZE + embedding.SHORT_SIZE
_EMBEDDED = 20.0
"""Numbers of the embedding are some 20 large."""
UNKNOWN_USUAL_DB = -26.0
"""Of somebody who has not spoken yet."""
_LONGEST_REPLY_S = 2.0


@dataclass(frozen=True, slots=True)
class Moment:
    """What the ear knows of a moment. Levels in dBFS; `usual_db` None: this person has not spoken yet; `reply_ms` since
    when the assistant sounds; `explanation` None: the far end plays nothing."""

    probability: float
    level_db: float
    floor_db: float
    usual_db: float | None
    echo: float
    reply_ms: float
    explanation: Explanation | None

    @property
    def loudness_db(self) -> float:
        """How loud this person usually is, as far as that is known."""
        return UNKNOWN_USUAL_DB if self.usual_db is None else self.usual_db


def inputs(rows: Rows, moment: Moment, words: Embedding) -> Vector:
    """What the network gets for a moment: its ROWS in BANDS; `words` has heard them."""
    import numpy as np

    usual_db = moment.loudness_db
    near = (rows - (usual_db + STEPS_DB - 12.0)) / 20.0
    explanation = moment.explanation
    far = np.zeros((ROWS, FAR_BANDS), dtype=np.float32) if explanation is None else explanation.excess[-ROWS:] / 15.0
    facts = np.array(
        [
            moment.probability,
            moment.echo,
            0.0 if explanation is None else explanation.likeness,
            0.0 if explanation is None else explanation.excess_db / 15.0,
            float(explanation is not None),
            (moment.level_db - moment.floor_db) / 20.0,
            (moment.level_db - usual_db) / 20.0,
            (moment.floor_db - usual_db) / 20.0,
            float(moment.usual_db is not None),
            min(moment.reply_ms / 1000, _LONGEST_REPLY_S) - 1.0,
        ],
        dtype=np.float32,
    )
    return np.concatenate(
        (np.clip(near, -2.5, 1.5).ravel(), far.ravel(), facts, words.newest / _EMBEDDED, words.newest_short)
    )


@dataclass(frozen=True, slots=True)
class InterruptionModel:
    """The weights of each network: a layer into a gated recurrent unit (K. Cho et al., 2014; the reset gate after the
    product), and one out of it. The first axis counts networks, but of `means` and `scales`, which they share."""

    means: Vector
    scales: Vector
    enter: Vector
    enter_offset: Vector
    new: Vector
    old: Vector
    new_offset: Vector
    old_offset: Vector
    leave: Vector
    leave_offset: Vector

    @property
    def memory(self) -> tuple[int, int]:
        """Networks, and how many numbers each remembers from moment to moment."""
        return int(self.old.shape[0]), int(self.old.shape[1])

    @classmethod
    def of(cls, data: dict[str, Any]) -> InterruptionModel:
        """From arrays by name. Raises ValueError when they are for other inputs or kinds."""
        import numpy as np

        weights = cls(**{name: np.asarray(data[name], dtype=np.float32) for name in cls.__slots__})
        if weights.means.shape != (INPUTS,) or weights.leave_offset.shape[1:] != (len(KINDS),):
            raise ValueError("these weights are for other inputs")
        return weights

    def step(self, state: Vector, heard: Vector) -> tuple[Vector, Vector]:
        """The memory after one more moment, and the probability of each kind: the networks' geometric mean."""
        import numpy as np

        entered = np.maximum((heard - self.means) * self.scales @ self.enter + self.enter_offset, 0.0)
        new = (entered[:, None] @ self.new)[:, 0] + self.new_offset
        old = (state[:, None] @ self.old)[:, 0] + self.old_offset
        _, size = self.memory
        gates = 1 / (1 + np.exp(-(new[:, : 2 * size] + old[:, : 2 * size])))
        reset, keep = gates[:, :size], gates[:, size:]
        candidate = np.tanh(new[:, 2 * size :] + reset * old[:, 2 * size :])
        state = keep * state + (1 - keep) * candidate
        scores = ((state[:, None] @ self.leave)[:, 0] + self.leave_offset).mean(axis=0)
        odds = np.exp(scores - scores.max())
        return state, odds / odds.sum()


@cache
def shipped() -> InterruptionModel | None:
    """The weights that come with the program, None when there are none. What an `Impression` wants beside them is
    loaded, too."""
    import numpy as np

    file = resources.files("voice.engines").joinpath("data/interruption.npz")
    if not file.is_file():
        return None
    embedding.shipped()
    with np.load(BytesIO(file.read_bytes())) as arrays:
        return InterruptionModel.of(dict(arrays))


class Impression:
    """One stretch of listening: its memory."""

    __slots__ = ("_fresh", "_model", "_state", "_words")

    def __init__(self, model: InterruptionModel) -> None:
        self._model = model
        self._words = Embedding(embedding.shipped())
        self.reset()

    def reset(self) -> None:
        """Nothing was heard yet."""
        import numpy as np

        self._state = np.zeros(self._model.memory, dtype=np.float32)
        self._words.reset()
        self._fresh = True

    def hear(self, samples: NDArray[np.int16], rows: Rows, moment: Moment) -> tuple[float, ...]:
        """The next moment; a probability for each of KINDS. `samples`: up to HEARD at 16 kHz before the moment's end,
        of which the last MOMENT were not heard before, or all; `rows`: their newest ROWS (`newest_rows`)."""
        self._words.feed(samples if self._fresh else samples[-MOMENT:], moment.loudness_db)
        self._fresh = False
        self._state, kinds = self._model.step(self._state, inputs(rows, moment, self._words))
        return tuple(kinds.tolist())
