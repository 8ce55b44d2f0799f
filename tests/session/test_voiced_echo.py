"""Of a voice that is gone it counts what it was like while it sounded."""

from __future__ import annotations

import pytest

from tests.session.test_floor import speech
from voice.session.voiced_echo import VoicedEcho

HERE, GONE = 8.0, 120.0


def heard(*moments: tuple[str, float, float]) -> VoicedEcho:
    """Stage, echo, and how long ago there was a voice."""
    voiced = VoicedEcho()
    for stage, echo, late_ms in moments:
        voiced.hear(speech(stage, 300, echo=echo, late=late_ms))
    return voiced


def gone(voiced: VoicedEcho, echo: float) -> float:
    return voiced.of_what_is_gone(speech("going", 300, echo=echo, late=GONE))


def test_the_mean_of_its_last_four_moments_counts_and_not_what_is_left_of_it() -> None:
    voiced = heard(("onset", 0, 60), *(("going", echo, HERE) for echo in (0.1, 0.9, 0.8, 1.0, 0.7)))
    voiced.hear(speech("going", 300, echo=0.2, late=GONE))
    assert gone(voiced, 0.3) == pytest.approx((0.9 + 0.8 + 1.0 + 0.7) / 4)


def test_of_a_voice_that_was_never_there_only_what_is_left_can_be_told() -> None:
    assert gone(heard(("onset", 0.4, 300)), 0.6) == 0.6


@pytest.mark.parametrize(("before", "now", "told"), [(0.1, 0.98, 0.98), (0.99, 0.5, 0.99)])
def test_as_long_as_a_stretch_had_no_voice_the_liker_of_the_one_before_and_of_what_is_left_counts(
    before: float, now: float, told: float
) -> None:
    """Our echo after a person, whose words were never like it; or the end of an echo, found once more."""
    voiced = heard(("onset", 0, 60), ("going", before, HERE), ("offset", before, 200), ("onset", now, 500))
    assert gone(voiced, now) == told
    voiced.hear(speech("going", 300, echo=0.3, late=HERE))
    assert gone(voiced, 0.9) == pytest.approx(0.3)


def test_with_the_reply_it_is_forgotten() -> None:
    voiced = heard(("onset", 0, 60), ("going", 0.9, HERE))
    voiced.forget()
    assert gone(voiced, 0.2) == 0.2
