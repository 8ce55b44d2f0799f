"""`python -m tests.benchmarks.interaction.learning --folder LESSONS`: hear the lessons (or take those that are there),
learn, write the weights. Wants jax, pyworld, soundfile and Debian's hedgewars-data beside what the tests want."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.interaction.learning.collect import collect
from tests.benchmarks.interaction.learning.fit import fit
from tests.benchmarks.interaction.learning.lessons import FOLDS

DATA = Path(__file__).resolve().parents[4] / "voice" / "engines" / "data"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where lessons are kept")
    parser.add_argument("--lessons", type=int, default=8_000)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--networks", type=int, default=3, help="that learn the same in other orders")
    parser.add_argument("--apart", type=int, choices=range(FOLDS), help="these people only check what was learned")
    parser.add_argument("--weights", type=Path, default=DATA / "interruption.npz")
    options = parser.parse_args()
    folds = collect(options.lessons, options.folder)
    learn = [run for number, runs in enumerate(folds) if number != options.apart for run in runs]
    check = [] if options.apart is None else folds[options.apart]
    made = [fit(learn, check, epochs=options.epochs, seed=seed + 1) for seed in range(options.networks)]
    write(options.weights, beside([weights for weights, _ in made]))
    facts = {
        "command": "python -m tests.benchmarks.interaction.learning --folder LESSONS",
        "people": "the tuned half of audio_fixtures, the actors of hedgewars-data, flite, eSpeak NG; most coughs, hums "
        "and noises are made",
        "lessons": options.lessons,
        "epochs": options.epochs,
        "networks": options.networks,
    }
    if options.apart is not None:
        facts |= {"people_kept_apart": options.apart, "right_of_the_unheard": [right for _, right in made]}
    options.weights.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def beside(networks: list[dict[str, Any]]) -> dict[str, Any]:
    """Networks that share their means and scales, as `InterruptionModel.of` takes them."""
    stacked = {name: np.stack([weights[name] for weights in networks]) for name in networks[0]}
    return stacked | {name: networks[0][name] for name in ("means", "scales")}


def write(path: Path, weights: dict[str, Any]) -> None:
    """Two bytes for a number: three digits are more than the data knows."""
    small: dict[str, Any] = {name: np.asarray(array, dtype=np.float16) for name, array in weights.items()}
    np.savez_compressed(path, **small)


if __name__ == "__main__":
    main()
