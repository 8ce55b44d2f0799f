"""Silence around words goes, silence within stays."""

from __future__ import annotations

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from voice.engines.speech.trim import SilenceTrimmer, pause_after_ms

QUIET, LOUD = struct.pack("<h", 20), struct.pack("<h", 5000)


def trimmed(sound: bytes, step: int) -> bytes:
    trimmer = SilenceTrimmer(1000, lead_ms=2, tail_ms=5)
    return b"".join(trimmer.feed(sound[at : at + step]) for at in range(0, len(sound), step)) + trimmer.flush()


@settings(deadline=None)  # the first call loads numpy
@given(st.integers(1, 40).map(lambda n: 2 * n))
def test_edges_are_cut_and_the_pause_inside_is_whole(step: int) -> None:
    sound = QUIET * 100 + LOUD * 10 + QUIET * 50 + LOUD * 3 + QUIET * 70
    assert trimmed(sound, step) == QUIET * 2 + LOUD * 10 + QUIET * 50 + LOUD * 3 + QUIET * 5


def test_silence_alone_is_nothing() -> None:
    assert trimmed(QUIET * 500, 100) == b""


def test_a_sentence_is_followed_by_a_longer_rest() -> None:
    assert pause_after_ms("Done. ") > pause_after_ms("well, ")
