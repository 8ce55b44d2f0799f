"""The scripted assistant's voice: replies of 3 s in deltas of 100 ms, each marked, in either format."""

from __future__ import annotations

import binascii
from functools import cache
from typing import Any

import numpy as np

from tests.benchmarks.bridge.g711 import Samples, encode
from tests.benchmarks.bridge.markers import DIGITS, Symbol, tone
from tests.benchmarks.bridge.script import noise

DELTA_MS = 100
DELTAS = 30
PACE = 5  # times real time
HUM = 700  # standard deviation: what tells sound from silence between the markers

PCM: dict[str, Any] = {"type": "audio/pcm", "rate": 24_000}
RATES = {"audio/pcm": 24_000, "audio/pcmu": 8_000}


@cache
def delta(kind: str, number: int, index: int) -> str:
    """Base64 of the index-th delta of the number-th reply: OPEN first, then the reply's digit every time."""
    return _delta(kind, Symbol.OPEN if index == 0 else Symbol(number % DIGITS), index % 4)


@cache
def _delta(kind: str, symbol: Symbol, variant: int) -> str:
    rate_hz = RATES[kind]
    samples: Samples = noise(rate_hz * DELTA_MS // 1000, HUM, variant)
    marker = tone(symbol, rate_hz)
    samples = np.concatenate((marker, samples[len(marker) :]))
    data = encode(samples) if kind == "audio/pcmu" else samples.tobytes()
    return binascii.b2a_base64(data, newline=False).decode()
