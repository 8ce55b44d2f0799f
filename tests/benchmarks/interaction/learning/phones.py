"""`python -m tests.benchmarks.interaction.learning.phones`: takes the phones out of the acoustic model that the package
`pocketsphinx` carries, for `voice.engines.phones`."""

from __future__ import annotations

import struct
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from voice.engines.phones import CEPSTRA, PHONES, STREAMS

if TYPE_CHECKING:
    from numpy.typing import NDArray

DATA = Path(__file__).resolve().parents[4] / "voice" / "engines" / "data"
BYTE_ORDER = 0x11223344
WEIGHT_BASE, WEIGHT_SHIFT = 1.0001, 1024
LEAST_VARIANCE = 1e-4


def main() -> None:
    model = _model()
    means, variances = _gaussians(model / "means"), _gaussians(model / "variances")
    np.savez_compressed(
        DATA / "phones.npz",
        means=means.astype(np.float16),
        deviations=np.sqrt(np.maximum(variances, LEAST_VARIANCE)).astype(np.float16),
        weights=_weights(model / "sendump", means.shape[2]).astype(np.float16),
    )
    (DATA / "phones.txt").write_text((model / "README").read_text(encoding="utf-8"), encoding="utf-8")


def _model() -> Path:
    spec = find_spec("pocketsphinx")
    if spec is None or spec.origin is None:
        raise SystemExit("Install pocketsphinx: the model is in it.")
    return Path(spec.origin).parent / "model" / "en-us" / "en-us"


def _gaussians(file: Path) -> NDArray[np.float32]:
    """A Sphinx-III parameter file, shape (phones, streams, mixtures, cepstra)."""
    data = file.read_bytes()
    at = data.index(b"endhdr\n") + len(b"endhdr\n")
    order, phones, streams, mixtures = struct.unpack_from("<I3i", data, at)
    at += 16 + 4 * streams
    (count,) = struct.unpack_from("<i", data, at)
    if (order, phones, streams, count) != (BYTE_ORDER, PHONES, STREAMS, phones * streams * mixtures * CEPSTRA):
        raise SystemExit(f"{file.name} is not of the model that this script knows.")
    return np.frombuffer(data, "<f4", count, at + 4).reshape(phones, streams, mixtures, CEPSTRA)


def _weights(file: Path, mixtures: int) -> NDArray[np.float64]:
    """Of the states of the phones alone, which come first; shape (streams, phones, mixtures, 3)."""
    data = file.read_bytes()
    states = len(data) // (STREAMS * mixtures)
    bytes_ = np.frombuffer(data, np.uint8, STREAMS * mixtures * states, len(data) - STREAMS * mixtures * states)
    levels = bytes_.reshape(STREAMS, mixtures, states)[:, :, : PHONES * 3].astype(np.float64)
    weights = WEIGHT_BASE ** (-levels * WEIGHT_SHIFT)
    return weights.reshape(STREAMS, mixtures, PHONES, 3).transpose(0, 2, 1, 3)


if __name__ == "__main__":
    main()
