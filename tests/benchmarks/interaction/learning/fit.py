"""Learns the weights from what was heard: backpropagation through time with jax, on a processor, in minutes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from voice.engines.bands import BANDS
from voice.engines.embedding import SHORT_SIZE, SIZE
from voice.engines.interruption import INPUTS, KINDS, ROWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.benchmarks.interaction.learning.lessons import Heard

ROW = 160
"""Runs are laid one behind the other into rows of so many moments."""
ENTERED, MEMORY = 80, 112
WORDS = SIZE + SHORT_SIZE
BATCH, FASTEST, LOUDER_DB = 48, 3e-3, 2.0
KEPT = 0.6
"""Of what is remembered while it learns: the rest is forgotten at random, so that it relies on no one number."""
BLUR, MISSING = 0.4, 0.25
"""Numbers of the embedding are changed by so much of their spread, and so many of them are missing in a row: there are
few people, and their words would be learned by heart."""
PLAIN = 0.3
"""In so many rows only loudness is left of the bands: what was said must be heard from the embedding."""
STEADY = 0.99
"""The weights that are given back are a running mean: from step to step so much of it stays."""


@dataclass(slots=True)
class Rows:
    inputs: Any
    kinds: Any
    counts: Any
    begins: Any


def packed(runs: Sequence[Heard], seed: int) -> Rows:
    """Every run in some row, begins marked; what is left of a row counts nothing."""
    order = np.random.default_rng(seed).permutation(len(runs))
    rows: list[list[Heard]] = [[]]
    room = ROW
    for place in order:
        run = runs[place]
        if len(run.kinds) > room:
            rows.append([])
            room = ROW
        rows[-1].append(run)
        room -= len(run.kinds)
    made = Rows(
        np.zeros((len(rows), ROW, INPUTS), np.float32),
        np.full((len(rows), ROW), len(KINDS) - 1, np.int32),
        np.zeros((len(rows), ROW), np.float32),
        np.ones((len(rows), ROW), np.float32),
    )
    for number, row in enumerate(rows):
        at = 0
        for run in row:
            end = at + len(run.kinds)
            made.inputs[number, at:end] = run.inputs
            made.kinds[number, at:end] = run.kinds
            made.counts[number, at:end] = run.counts
            made.begins[number, at + 1 : end] = 0.0
            at = end
    return made


def fit(
    learn: Sequence[Heard],
    check: Sequence[Heard],
    *,
    epochs: int,
    seed: int = 1,
) -> tuple[dict[str, Any], dict[str, float]]:
    """Arrays as `InterruptionModel.of` takes them, and what share of the moments in `check` is named right; nothing
    where there are none. Tells how it goes on the error stream."""
    import jax  # type: ignore[import-not-found]
    import jax.numpy as jnp  # type: ignore[import-not-found]

    every = np.concatenate([run.inputs for run in learn]).astype(np.float32)
    means, scales = every.mean(axis=0), 1 / np.maximum(every.std(axis=0), 0.05)
    weights = _drawn(np.random.default_rng(seed))
    checked = packed(check, 0) if check else None

    def scores(weights: dict[str, Any], inputs: Any, begins: Any, keep: Any) -> Any:
        entered = jnp.maximum((inputs - means) * scales @ weights["enter"] + weights["enter_offset"], 0.0)
        new = entered @ weights["new"] + weights["new_offset"]

        def step(state: Any, moment: Any) -> tuple[Any, Any]:
            new, begin = moment
            state = state * (1 - begin[:, None])
            old = state @ weights["old"] + weights["old_offset"]
            gates = jax.nn.sigmoid(new[:, : 2 * MEMORY] + old[:, : 2 * MEMORY])
            reset, hold = gates[:, :MEMORY], gates[:, MEMORY:]
            candidate = jnp.tanh(new[:, 2 * MEMORY :] + reset * old[:, 2 * MEMORY :])
            state = hold * state + (1 - hold) * candidate
            return state, state

        first = jnp.zeros((inputs.shape[0], MEMORY))
        _, states = jax.lax.scan(step, first, (new.transpose(1, 0, 2), begins.T))
        return (states.transpose(1, 0, 2) * keep) @ weights["leave"] + weights["leave_offset"]

    def loss(weights: dict[str, Any], rows: Any, keep: Any) -> Any:
        inputs, kinds, counts, begins = rows
        found = jax.nn.log_softmax(scores(weights, inputs, begins, keep))
        wanted = jax.nn.one_hot(kinds, len(KINDS)) * 0.96 + 0.04 / len(KINDS)
        return -((wanted * found).sum(-1) * counts).sum() / counts.sum()

    def update(weights: Any, moments: Any, mean: Any, rows: Any, keep: Any, rate: Any, count: Any) -> Any:
        cost, slopes = jax.value_and_grad(loss)(weights, rows, keep)
        size = jnp.sqrt(sum((slope**2).sum() for slope in jax.tree.leaves(slopes)))
        slopes = jax.tree.map(lambda slope: slope * jnp.minimum(1.0, 2.0 / size), slopes)
        first = jax.tree.map(lambda m, s: 0.9 * m + 0.1 * s, moments[0], slopes)
        second = jax.tree.map(lambda m, s: 0.99 * m + 0.01 * s * s, moments[1], slopes)
        even, odd = 1 - 0.9**count, 1 - 0.99**count
        weights = jax.tree.map(
            lambda w, m, v: w - rate * (m / even / (jnp.sqrt(v / odd) + 1e-8) + (2e-2 * w if w.ndim > 1 else 0)),
            weights, first, second,
        )  # fmt: skip
        mean = jax.tree.map(lambda a, w: a + (w - a) * jnp.maximum(1 - STEADY, 1 / count), mean, weights)
        return weights, (first, second), mean, cost

    update = jax.jit(update)
    judge = jax.jit(lambda weights, inputs, begins: jax.nn.softmax(scores(weights, inputs, begins, 1.0)))
    right: dict[str, float] = {}
    moments = (jax.tree.map(jnp.zeros_like, weights), jax.tree.map(jnp.zeros_like, weights))
    draw = np.random.default_rng(seed)
    count, mean = 0, weights
    for epoch in range(epochs):
        rows = packed(learn, seed + epoch)
        costs = []
        order = draw.permutation(len(rows.kinds))
        for at in range(0, len(order) - BATCH + 1, BATCH):
            some = order[at : at + BATCH]
            count += 1
            done = (epoch + at / len(order)) / epochs
            rate = FASTEST * min(1.0, count / 100) * (0.02 + 0.98 * (0.5 + 0.5 * np.cos(np.pi * done)))
            keep = (draw.random((BATCH, 1, MEMORY)) < KEPT).astype(np.float32) / KEPT
            batch = (
                _disturbed(rows.inputs[some], means, scales, draw),
                rows.kinds[some],
                rows.counts[some],
                rows.begins[some],
            )
            weights, moments, mean, cost = update(weights, moments, mean, batch, keep, rate, float(count))
            costs.append(float(cost))
        if checked is not None and (epoch % 4 == 3 or epoch == epochs - 1):
            right = _right(checked, np.asarray(judge(mean, checked.inputs, checked.begins)))
        print(f"epoch {epoch + 1}: {np.mean(costs):.3f}; right: {right}", file=sys.stderr, flush=True)
    found = {"means": means, "scales": scales} | {name: np.asarray(array) for name, array in mean.items()}
    return found, right


def _drawn(draw: np.random.Generator) -> dict[str, Any]:
    def between(rows: int, columns: int) -> Any:
        return (draw.standard_normal((rows, columns)) / np.sqrt(rows)).astype(np.float32)

    return {
        "enter": between(INPUTS, ENTERED),
        "enter_offset": np.zeros(ENTERED, np.float32),
        "new": between(ENTERED, 3 * MEMORY),
        "old": between(MEMORY, 3 * MEMORY) * 0.7,
        "new_offset": np.concatenate((np.zeros(MEMORY), np.full(MEMORY, 1.0), np.zeros(MEMORY))).astype(np.float32),
        "old_offset": np.zeros(3 * MEMORY, np.float32),
        "leave": between(MEMORY, len(KINDS)) * 0.5,
        "leave_offset": np.zeros(len(KINDS), np.float32),
    }


def _disturbed(
    inputs: NDArray[np.float32], means: NDArray[np.float32], scales: NDArray[np.float32], draw: np.random.Generator
) -> NDArray[np.float32]:
    """Throats a little larger or smaller, bands a little louder or softer, some of them gone: nobody's voice is learned
    by heart."""
    inputs = inputs.copy()
    rows: int = len(inputs)
    bands = ROWS * BANDS
    near = inputs[:, :, :bands].reshape(rows, -1, BANDS) @ _stretched(rows, draw)
    near = near.reshape(rows, -1, ROWS, BANDS)
    louder = draw.normal(0, LOUDER_DB / 20, (rows, 1, 1, BANDS)) + draw.normal(0, LOUDER_DB / 20, (rows, 1, 1, 1))
    near += louder.astype(np.float32)
    plain = np.flatnonzero(draw.random(rows) < PLAIN)
    near[plain] = near[plain].mean(axis=-1, keepdims=True)
    for row in np.flatnonzero(draw.random(rows) < 0.4):
        first = int(draw.integers(BANDS))
        near[row, :, :, first : first + int(draw.integers(1, 5))] = -1.5
    inputs[:, :, :bands] = near.reshape(rows, -1, bands)
    blurred = draw.standard_normal(inputs.shape, dtype=np.float32)
    blurred[:, :, :-WORDS] *= 0.05
    blurred[:, :, -WORDS:] *= BLUR / scales[-WORDS:]
    inputs += blurred
    missing = draw.random((rows, 1, WORDS)) < MISSING
    words = inputs[:, :, -WORDS:]
    np.copyto(words, np.broadcast_to(means[-WORDS:], words.shape), where=missing)
    return inputs


def _stretched(rows: int, draw: np.random.Generator) -> NDArray[np.float32]:
    """For each row a matrix that moves bands up or down: what a mel picture does when a throat is larger."""
    at = np.arange(BANDS) * draw.uniform(0.94, 1.06, (rows, 1)) + draw.uniform(-0.8, 0.8, (rows, 1))
    away = np.abs(np.arange(BANDS)[None, :, None] - np.clip(at, 0, BANDS - 1)[:, None, :])
    moves: NDArray[np.float32] = np.maximum(1 - away, 0.0).astype(np.float32)
    return moves


def _right(rows: Rows, odds: Any) -> dict[str, float]:
    """Of each kind, the share of its late moments that is taken for it."""
    late = rows.counts >= 0.9
    found = {}
    for number, kind in enumerate(KINDS[:-1]):
        some = late & (rows.kinds == number)
        found[kind] = round(float((odds[some].argmax(-1) == number).mean()), 3)
    nothing = (rows.counts == 0.5) & (rows.kinds == len(KINDS) - 1)
    found["nothing"] = round(float((odds[nothing].argmax(-1) == len(KINDS) - 1).mean()), 3)
    return found
