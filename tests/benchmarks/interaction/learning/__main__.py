"""`python -m tests.benchmarks.interaction.learning --folder LESSONS`: hear the lessons (or take those that are there),
learn, write the weights."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.interaction.learning.collect import collect
from tests.benchmarks.interaction.learning.fit import fit

DATA = Path(__file__).resolve().parents[4] / "voice" / "engines" / "data"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where lessons are kept")
    parser.add_argument("--lessons", type=int, default=7_000)
    parser.add_argument("--checks", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--everybody", action="store_true", help="learn from those kept for checking, too")
    parser.add_argument("--start", type=Path, metavar="WEIGHTS", help="go on from these, more gently")
    parser.add_argument("--weights", type=Path, default=DATA / "interruption.npz")
    options = parser.parse_args()
    check = list(collect("check", options.checks, options.folder))
    learn = list(collect("learn", options.lessons, options.folder))
    known = dict(np.load(options.start)) if options.start else None
    who = [*learn, *check] if options.everybody else learn
    weights, right = fit(who, check, epochs=options.epochs, known=known)
    write(options.weights, weights)
    facts = {
        "command": "python -m tests.benchmarks.interaction.learning --folder LESSONS",
        "people": "the tuned half of audio_fixtures, flite, eSpeak NG; coughs, laughs, hums, noises are made",
        "lessons": options.lessons,
        "epochs": options.epochs,
        "right_of_the_unheard": right,
    }
    options.weights.with_suffix(".json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def write(path: Path, weights: dict[str, Any]) -> None:
    """Two bytes for a number: three digits are more than the data knows."""
    small: dict[str, Any] = {name: np.asarray(array, dtype=np.float16) for name, array in weights.items()}
    np.savez_compressed(path, **small)


if __name__ == "__main__":
    main()
