"""What sets in is noticed before it is known what it is: in two rows, in a few bands, and never in our own echo."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from voice.audio.echo import EchoMeter, Explanation
from voice.engines.bands import newest_rows
from voice.engines.rises import RiseRules, Rises

MOMENT = 512
FLOOR_DB, USUAL_DB = -60.0, -26.0
Sound = NDArray[np.float64]


def noise(level_db: float, ms: int, low_hz: float = 0.0, high_hz: float = 8_000.0, seed: int = 1) -> Sound:
    """In a band; its level is that of the band alone."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=ms * 16))
    hz = np.fft.rfftfreq(ms * 16, 1 / 16_000)
    spectrum[(hz < low_hz) | (hz > high_hz)] = 0
    sound = np.fft.irfft(spectrum, ms * 16)
    return np.asarray(sound * 32768 * 10 ** (level_db / 20) / np.sqrt((sound**2).mean()))


def after(ms: int, sound: Sound) -> Sound:
    return np.concatenate((np.zeros(ms * 16), sound))


def together(*sounds: Sound) -> Sound:
    total = np.zeros(max(map(len, sounds)))
    for sound in sounds:
        total[: len(sound)] += sound
    return total


def rises_at(
    near: Sound, far: Sound | None = None, *, rules: RiseRules | None = None, reply_ms: float = 2_000
) -> list[int]:
    """The ms after which it was said to rise, over a quiet line; with the far end as the echo meter explains it."""
    line = together(near, noise(FLOOR_DB, len(near) // 16, seed=9))
    played = np.zeros(len(near)) if far is None else together(far, np.zeros(len(near)))[: len(near)]
    heard, given = (np.clip(np.rint(sound), -32768, 32767).astype("<i2") for sound in (line, played))
    meter, rises = EchoMeter(), Rises(rules)
    began = 8 * MOMENT
    rises.begin(heard[:began])
    meter.feed(heard[:began], given[:began])
    found = []
    for end in range(began + MOMENT, len(heard) + 1, MOMENT):
        meter.feed(heard[end - MOMENT : end], given[end - MOMENT : end])
        meter.answer(FLOOR_DB)
        rows = newest_rows(heard[:end], 2)
        since_ms = reply_ms + end / 16
        played_lately = partial(given.__getitem__, slice(max(end - Rises.far_samples, 0), end))
        if rises.hear(rows, played_lately, meter.explanation, usual_db=USUAL_DB, reply_ms=since_ms):
            found.append(end // 16)
    return found


@pytest.mark.parametrize(("low_hz", "high_hz"), [(4_000, 8_000), (2_000, 3_400), (100, 400)])
def test_a_sound_in_a_few_bands_is_noticed_within_two_moments(low_hz: float, high_hz: float) -> None:
    first, *_ = rises_at(after(1_600, noise(-45, 400, low_hz, high_hz)))
    assert 1_600 < first <= 1_600 + 80


def test_what_goes_on_is_no_rise_any_more() -> None:
    found = rises_at(after(1_600, noise(-40, 2_000)))
    assert found[0] <= 1_680
    assert found[-1] <= 1_600 + 300


def test_a_quiet_line_does_not_rise() -> None:
    assert rises_at(np.zeros(16_000 * 8)) == []


def test_what_is_far_softer_than_the_person_does_not_count() -> None:
    assert rises_at(after(1_600, noise(-72, 400, 4_000, 8_000))) == []


def test_nothing_counts_before_the_way_of_the_echo_can_be_known() -> None:
    sound = after(480, noise(-40, 300))
    assert rises_at(sound, reply_ms=-600) == []
    assert rises_at(sound, reply_ms=200) != []


def speech_like(seed: int, seconds: int = 6) -> Sound:
    """Syllables of hiss and hum."""
    draw = np.random.default_rng(seed)
    pieces: list[Sound] = []
    while sum(len(piece) for piece in pieces) < seconds * 16_000:
        low, high = ((100, 1_500), (1_000, 3_400), (4_000, 8_000))[draw.integers(3)]
        piece = noise(-24, int(draw.integers(60, 200)), low, high, seed=int(draw.integers(1 << 30)))
        pieces += [piece * np.hanning(len(piece)), np.zeros(int(draw.integers(20, 120)) * 16)]
    return np.concatenate(pieces)[: seconds * 16_000]


@pytest.mark.parametrize("coupling_db", [-20, -12, -6])
@pytest.mark.parametrize("delay_ms", [0, 130, 300])
def test_our_own_echo_hardly_ever_rises(coupling_db: float, delay_ms: int) -> None:
    far = speech_like(4)
    echo = after(delay_ms, far * 10 ** (coupling_db / 20))[: len(far)]
    alone = [ms for ms in rises_at(echo) if ms > 1_000]
    known = [ms for ms in rises_at(echo, far) if ms > 1_000]
    assert len(alone) >= 6, "it would, if nothing was known of the far end"
    assert len(known) <= len(alone) / 5


@pytest.mark.parametrize("coupling_db", [-30, -12])
def test_a_hiss_over_our_echo_rises(coupling_db: float) -> None:
    far = speech_like(4)
    echo = after(130, far * 10 ** (coupling_db / 20))[: len(far)]
    found = rises_at(together(echo, after(4_000, noise(-30, 150, 3_000, 8_000))), far)
    assert any(4_000 < ms <= 4_100 for ms in found)


@pytest.mark.parametrize(("loss_db", "heard", "rises"), [(-6.0, 0.8, False), (-30.0, 0.8, True), (-6.0, 0.1, True)])
def test_above_the_telephone_band_an_echo_loses_what_it_loses_right_below(
    loss_db: float, heard: float, rises: bool
) -> None:
    """The same hiss while the far end hisses, too: it may be a loud echo, and no soft one. Where nothing of the far end
    comes back at all there is nothing to explain."""
    rows = newest_rows(np.rint(noise(-40, 48, 4_500, 8_000)).astype("<i2"), 2)
    far = np.rint(noise(-30, 48, 4_500, 8_000, seed=2)).astype("<i2")
    quiet = np.rint(noise(FLOOR_DB, 400)).astype("<i2")
    knows = Rises()
    knows.begin(quiet)
    explained, loss = np.full((10, 16), -10.0, dtype=np.float32), np.full(16, loss_db, dtype=np.float32)
    explanation = Explanation(0.9, 0.0, explained, loss, heard)
    assert knows.hear(rows, lambda: far, explanation, usual_db=USUAL_DB, reply_ms=2_000) is rises
