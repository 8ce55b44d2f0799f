"""What a caller does: a pure function from the tick (20 ms since the start of the run) to a frame of sound.

A cycle of 6.8 s holds two turns. The first is answered by a reply of 3 s that is heard in full; the reply to the
second is interrupted by the next cycle's start, 1.3 s in (all of it has been sent by then) or, with every other
caller, 0.36 s in (deltas are still in flight). Between its other marks a caller beats: every seventh frame is a
digit of a codeword that tells who it is and counts, so any stretch of an upstream's audio says whose it is.

The line is never digitally silent: there is line noise, and louder noise while the caller speaks, so nothing is
won by comparing bytes with silence.
"""

from __future__ import annotations

import binascii
from functools import cache

import numpy as np

from tests.benchmarks.bridge.g711 import Samples, encode
from tests.benchmarks.bridge.markers import DIGITS, Symbol, tone

TICK_MS = 20
RATE_HZ = 8_000
FRAME_SAMPLES = RATE_HZ * TICK_MS // 1000
CYCLE = 340
SPOKEN = 50
CUT_LATE, CUT_EARLY = 65, 18
BEAT = 7  # 140 ms has no common period with the 40, 50, 60, 100 and 160 ms blocks that systems gather
IDENTITY_DIGITS, COUNTER_DIGITS = 4, 3
CODEWORD = 1 + IDENTITY_DIGITS + COUNTER_DIGITS
CALLERS_MAX = DIGITS**IDENTITY_DIGITS
LINE_NOISE, SPEECH_NOISE = 12, 900  # standard deviation of samples
NOISE_VARIANTS = 32


def marks(caller: int) -> dict[int, Symbol]:
    """Tick of the cycle → what the caller's script says there."""
    cut = CUT_EARLY if caller % 2 else CUT_LATE
    second = CYCLE - cut - SPOKEN
    return {0: Symbol.START, SPOKEN: Symbol.STOP, second: Symbol.START, second + SPOKEN: Symbol.STOP}


class Script:
    """One caller's ticks. `offset` places it in its cycle, so that callers do not all speak at once."""

    def __init__(self, caller: int, offset: int) -> None:
        if not 0 <= caller < CALLERS_MAX:
            raise ValueError(f"at most {CALLERS_MAX} callers can be told apart")
        self.caller = caller
        self.offset = offset
        self._marks = marks(caller)
        self._near = {(tick + by) % CYCLE for tick in self._marks for by in (-1, 0, 1)}
        second = sorted(self._marks)[2]
        self._speaking = {*range(SPOKEN), *range(second, second + SPOKEN)}
        self._beats = 0

    def symbol(self, tick: int) -> Symbol | None:
        """The mark at this tick, if any. Beats count up, so ask once per tick."""
        at = (tick + self.offset) % CYCLE
        if at in self._marks:
            return self._marks[at]
        if tick % BEAT or at in self._near:
            return None
        self._beats += 1
        return codeword_symbol(self.caller, self._beats - 1)

    def payload(self, tick: int, symbol: Symbol | None) -> bytes:
        """Base64 of the frame's µ-law bytes."""
        if symbol is not None:
            return marker_payloads()[symbol]
        loud = (tick + self.offset) % CYCLE in self._speaking
        return noise_payloads(SPEECH_NOISE if loud else LINE_NOISE)[tick % NOISE_VARIANTS]


def codeword_symbol(caller: int, beat: int) -> Symbol:
    """The beat-th symbol of: OPEN, the caller's digits, a count of codewords, and so on."""
    count, at = divmod(beat, CODEWORD)
    if at == 0:
        return Symbol.OPEN
    if at <= IDENTITY_DIGITS:
        return Symbol(caller // DIGITS ** (at - 1) % DIGITS)
    return Symbol(count // DIGITS ** (at - 1 - IDENTITY_DIGITS) % DIGITS)


def noise(samples: int, deviation: float, seed: int) -> Samples:
    """Noise that stays below what a marker's detector hears."""
    values = np.random.default_rng(seed).normal(0, deviation, samples)
    return np.asarray(np.clip(values, -3.5 * deviation, 3.5 * deviation), dtype=np.int16)


@cache
def marker_payloads() -> list[bytes]:
    return [_base64(tone(symbol, RATE_HZ)) for symbol in Symbol]


@cache
def noise_payloads(deviation: int) -> list[bytes]:
    return [_base64(noise(FRAME_SAMPLES, deviation, seed)) for seed in range(NOISE_VARIANTS)]


def _base64(samples: Samples) -> bytes:
    return binascii.b2a_base64(encode(samples), newline=False)
