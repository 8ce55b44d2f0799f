"""Which marker heard is which marker sent, and whose an engine's connection is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

from tests.benchmarks.bridge.markers import DIGITS, Symbol
from tests.benchmarks.bridge.script import IDENTITY_DIGITS


def align(sent: Sequence[int], heard: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of indexes, both rising: the runs of symbols that both sequences have in common.

    What was sent and is in no pair was lost; what was heard and is in no pair was invented."""
    blocks = SequenceMatcher(None, sent, heard, autojunk=False).get_matching_blocks()
    return [(a + step, b + step) for a, b, size in blocks for step in range(size)]


def caller_of(symbols: Sequence[int]) -> int | None:
    """The caller whose codewords these are, by majority; None when no codeword is whole."""
    beats = [symbol for symbol in symbols if symbol <= Symbol.OPEN]
    votes: Counter[int] = Counter()
    for at, symbol in enumerate(beats):
        digits = beats[at + 1 : at + 1 + IDENTITY_DIGITS]
        if symbol == Symbol.OPEN and len(digits) == IDENTITY_DIGITS and Symbol.OPEN not in digits:
            votes[sum(digit * DIGITS**power for power, digit in enumerate(digits))] += 1
    return votes.most_common(1)[0][0] if votes else None
