from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from voice.audio.fades import Fades
from voice.audio.frames import PCM_16K, PCMA_8K
from voice.audio.gain import Fader

LOUD = array("h", [10_000] * 4_000).tobytes()


def ducked_and_back() -> Fades:
    fades = Fades(PCM_16K)
    fades.duck(-18.0, at=1_000)
    fades.restore(at=2_000)
    return fades


def test_before_the_first_fade_everything_is_as_it_was_given() -> None:
    fades = ducked_and_back()
    assert fades.level_at(999) == 1.0
    assert fades.applied(LOUD[:2_000], 0) == LOUD[:2_000]


def test_sound_at_full_level_is_the_very_object() -> None:
    assert ducked_and_back().applied(LOUD, 10_000) is LOUD


def test_between_a_duck_and_its_end_it_is_turned_down() -> None:
    fades = ducked_and_back()
    assert round(fades.level_at(1_500), 3) == 0.126
    assert array("h", fades.applied(LOUD[:2], 1_500))[0] == 1_259
    assert fades.level_at(2_000 + 800) == 1.0


@given(st.lists(st.integers(1, 900), max_size=12), st.integers(0, 3_000))
def test_in_whatever_pieces_and_from_wherever_it_is_read_it_is_the_same(sizes: list[int], begin: int) -> None:
    fades = ducked_and_back()
    whole = fades.applied(LOUD, 0)
    at = begin
    for size in sizes:
        end = min(at + size, 4_000)
        assert fades.applied(LOUD[2 * at : 2 * end], at) == whole[2 * at : 2 * end]
        at = end


def test_it_is_what_a_fader_makes_of_the_stream() -> None:
    fader = Fader(PCM_16K)
    made = fader.apply(LOUD[:2_000])
    fader.fade_to(-18.0, 10.0)
    made += fader.apply(LOUD[2_000:4_000])
    fader.fade_to(0.0, 50.0)
    made += fader.apply(LOUD[4_000:])
    assert ducked_and_back().applied(LOUD, 0) == made


def test_a_fade_in_the_middle_of_another_goes_on_from_where_it_was() -> None:
    fades = Fades(PCM_16K)
    fades.duck(-18.0, at=0)
    fades.restore(at=80)
    half = fades.level_at(80)
    assert 0.126 < half < 1.0
    assert fades.level_at(81) >= half


def test_what_does_not_continue_begins_at_full_level() -> None:
    fades = Fades(PCMA_8K)
    fades.duck(-18.0, at=0)
    fades.reset(at=400)
    assert fades.level_at(399) < 0.2
    assert fades.level_at(400) == 1.0
    fades.reset(at=900)
    assert len(fades) == 3


def test_what_nobody_asks_for_any_more_is_forgotten() -> None:
    fades = Fades(PCM_16K)
    for second in range(100):
        fades.duck(-18.0, at=second * 16_000)
        fades.restore(at=second * 16_000 + 8_000)
        fades.forget_before((second - 2) * 16_000)
    assert len(fades) <= 8
    assert fades.level_at(99 * 16_000 + 4_000) < 0.2
