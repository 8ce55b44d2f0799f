"""Many lessons over some processes, kept in a folder so that learning can be tried again without hearing them again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.interaction.learning.lessons import FOLDS, Heard, lesson

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AT_ONCE = 100


def collect(lessons: int, folder: Path) -> tuple[list[Heard], ...]:
    """So many lessons, those of each fold; what the folder has is not heard again."""
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    jobs = [
        (part, first, folder / f"{part}-{first:06d}.npz")
        for first in range(0, lessons, AT_ONCE * FOLDS)
        for part in range(FOLDS)
    ]
    wanted = [job for job in jobs if not job[2].exists()]
    with ProcessPoolExecutor(min(os.cpu_count() or 1, 8), mp_context=get_context("spawn")) as pool:
        list(pool.map(_keep, wanted))
    found: tuple[list[Heard], ...] = tuple([] for _ in range(FOLDS))
    for part, _, file in jobs:
        with np.load(file) as arrays:
            found[part].extend(_runs(arrays["inputs"], arrays["kinds"], arrays["counts"], arrays["lengths"]))
    return found


def _keep(job: tuple[int, int, Path]) -> None:
    import numpy as np

    part, first, file = job
    numbers = range(first + part, first + AT_ONCE * FOLDS, FOLDS)
    runs = [run for number in numbers for run in lesson(number)]
    np.savez(
        file,
        inputs=np.concatenate([run.inputs for run in runs]),
        kinds=np.concatenate([run.kinds for run in runs]),
        counts=np.concatenate([run.counts for run in runs]),
        lengths=np.array([len(run.kinds) for run in runs]),
    )


def _runs(
    inputs: NDArray[np.float16], kinds: NDArray[np.int8], counts: NDArray[np.float32], lengths: NDArray[np.int64]
) -> Iterator[Heard]:
    import numpy as np

    ends = np.cumsum(lengths)
    for begin, end in zip(ends - lengths, ends, strict=True):
        yield Heard(inputs[begin:end], kinds[begin:end], counts[begin:end])
