"""An interruption cuts where the sound was cut: to a frame, over every kind of line, and nothing sounds behind it."""

from __future__ import annotations

import pytest

from tests.heard.lines import IN_FLIGHT, KINDS, interrupt, late_deltas
from voice.session import effects as ef

FRAME_MS = 20.0


@pytest.mark.parametrize("kind", KINDS)
def test_the_model_is_told_what_was_heard_to_a_frame(kind: str) -> None:
    measured = interrupt(kind, seed=3, times=25)
    assert len(measured.errors_ms) == 25
    assert measured.share(1.0) <= FRAME_MS
    assert measured.stale_ms == 0


def test_a_device_that_reports_to_the_end_says_how_good_the_guess_was() -> None:
    measured = interrupt("sound card", seed=4, times=10)
    assert measured.told_ms == [pytest.approx(error, abs=1.1) for error in measured.errors_ms]


def test_a_line_that_reports_nothing_makes_no_such_claim() -> None:
    assert interrupt("line without reports", seed=4, times=5).told_ms == []


@pytest.mark.parametrize("count", IN_FLIGHT)
def test_nothing_that_was_in_flight_is_heard_after_the_stop(count: int) -> None:
    room = late_deltas(count)
    stopped_at = next(line.at for line in room.log for effect in line.effects if isinstance(effect, ef.StopPlayback))
    assert room.effects(ef.Play, since=stopped_at + 1e-9) == []
    assert len(room.notes("stale_dropped")) == count
    assert room.speaker.stale_ms == 0
