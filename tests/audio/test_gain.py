"""Sound turned down and up: how exactly, how smoothly, and the same however it is cut."""

from __future__ import annotations

from math import inf, pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.audio import g711
from voice.audio.frames import PCM_24K, PCMA_8K, PCMU_8K, AudioFormat
from voice.audio.gain import DUCK_MS, RESTORE_MS, Fader, amplitude
from voice.errors import Misuse

FORMATS = [PCM_24K, PCMU_8K, PCMA_8K]


def tone(format: AudioFormat, ms: float, level: float = 20_000, hz: float = 440) -> bytes:
    times = np.arange(int(ms * format.rate_hz / 1000)) / format.rate_hz
    pcm = np.rint(np.sin(2 * pi * hz * times) * level).astype("<i2").tobytes()
    return pcm if format.encoding == "pcm16" else g711.encode(pcm, format.encoding)


def samples(format: AudioFormat, data: bytes) -> np.ndarray:
    pcm = data if format.encoding == "pcm16" else g711.decode(data, format.encoding)
    return np.frombuffer(pcm, dtype="<i2").astype(np.float64)


@pytest.mark.parametrize(("gain_db", "factor"), [(0, 1), (-20, 0.1), (-6.0206, 0.5), (-inf, 0)])
def test_a_gain_in_db_is_a_factor(gain_db: float, factor: float) -> None:
    assert amplitude(gain_db) == pytest.approx(factor, abs=1e-6)


@pytest.mark.parametrize("gain_db", [0.1, inf, float("nan")])
def test_nothing_is_ever_turned_up_beyond_what_it_was(gain_db: float) -> None:
    with pytest.raises(Misuse):
        Fader(PCM_24K).fade_to(gain_db, 10)


@pytest.mark.parametrize("format", FORMATS)
def test_at_full_level_sound_passes_as_the_very_object(format: AudioFormat) -> None:
    fader, sound = Fader(format), tone(format, 20)
    assert fader.apply(sound) is sound
    fader.fade_to(0, 10)
    assert fader.apply(sound) is sound
    fader.fade_to(-12, 10)
    fader.apply(tone(format, 10))
    fader.fade_to(0, 10)
    fader.apply(tone(format, 10))
    assert fader.open
    assert fader.apply(sound) is sound


def test_settled_pcm_is_every_sample_times_the_factor_rounded() -> None:
    fader, sound = Fader(PCM_24K), np.arange(-32768, 32768, dtype="<i2")
    fader.jump_to(amplitude(-12))
    heard = samples(PCM_24K, fader.apply(sound.tobytes()))
    assert np.array_equal(heard, np.rint(sound.astype(float) * 10 ** (-12 / 20)))


@pytest.mark.parametrize("format", [PCMU_8K, PCMA_8K])
@pytest.mark.parametrize("gain_db", [-3.0, -12.0, -18.5, -40.0])
def test_settled_g711_is_the_nearest_code_word_of_the_same_sign(format: AudioFormat, gain_db: float) -> None:
    law = format.encoding
    assert law != "pcm16"
    fader = Fader(format)
    fader.jump_to(amplitude(gain_db))
    heard = fader.apply(bytes(range(256)))
    values = [g711.expand(code, law) for code in range(256)]
    for code, turned in enumerate(heard):
        assert (code ^ turned) & 0x80 == 0
        error = abs(values[turned] - values[code] * amplitude(gain_db))
        same_sign = [value for other, value in enumerate(values) if (other ^ code) & 0x80 == 0]
        assert error == min(abs(value - values[code] * amplitude(gain_db)) for value in same_sign)


@pytest.mark.parametrize("format", FORMATS)
def test_a_ramp_is_half_a_cosine_and_is_over_on_its_last_sample(format: AudioFormat) -> None:
    fader = Fader(format)
    fader.fade_to(-20, DUCK_MS)
    ramp = int(DUCK_MS * format.rate_hz / 1000)
    levels = [fader.level_after(sample) for sample in range(ramp + 2)]
    assert levels[0] == 1
    assert levels[ramp // 2] == pytest.approx(0.55, abs=1e-3)
    assert levels[ramp] == levels[-1] == pytest.approx(0.1)
    assert levels == sorted(levels, reverse=True)
    fader.apply(tone(format, DUCK_MS))
    assert fader.level == pytest.approx(0.1)
    assert not fader.open


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(("start", "end_db", "ms"), [(1.0, -15.0, DUCK_MS), (0.178, 0.0, RESTORE_MS)])
def test_no_click(format: AudioFormat, start: float, end_db: float, ms: float) -> None:
    """Above the tone there is next to nothing: 25 dB less than of a jump; in G.711 what coding a smooth ramp adds."""

    def faded(format: AudioFormat) -> bytes:
        sound, fader = tone(format, 200), Fader(format)
        fader.jump_to(start)
        head = fader.apply(sound[: len(sound) // 2])
        fader.fade_to(end_db, ms)
        return head + fader.apply(sound[len(sound) // 2 :])

    smooth = samples(format, faded(format))
    abrupt = samples(format, tone(format, 200))
    abrupt = abrupt * np.where(np.arange(len(abrupt)) < len(abrupt) // 2 - 9, start, amplitude(end_db))

    def splash(heard: np.ndarray) -> float:
        spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
        first = int(1500 * len(heard) / format.rate_hz)
        last = int(3800 * len(heard) / format.rate_hz)
        return float(20 * np.log10(np.sqrt(np.mean(spectrum[first:last] ** 2)) / spectrum.max()))

    if format.encoding == "pcm16":
        most = splash(abrupt) - 25
    else:
        linear = faded(AudioFormat("pcm16", format.rate_hz))
        most = splash(samples(format, g711.encode(linear, format.encoding))) + 4  # coding twice costs 3
    assert splash(smooth) < most
    steepest = 20_000 * 2 * pi * 440 / format.rate_hz
    quantum = 0 if format.encoding == "pcm16" else 1024  # one step of G.711 at that loudness
    assert np.abs(np.diff(smooth)).max() <= steepest * 1.02 + quantum


@pytest.mark.parametrize("format", FORMATS)
@given(cuts=st.lists(st.integers(0, 400), max_size=12), again=st.integers(0, 300))
def test_it_is_the_same_however_it_is_cut(format: AudioFormat, cuts: list[int], again: int) -> None:
    sound, size = tone(format, 100), format.sample_bytes
    again = min(again, len(sound) // size)

    def heard(pieces: list[int]) -> bytes:
        fader, out, at = Fader(format), b"", 0
        fader.fade_to(-15, 10)
        for piece in pieces:
            if at < again <= at + piece:  # turned up again in mid-ramp, at this very sample
                out += fader.apply(sound[at * size : again * size])
                fader.fade_to(0, 50)
                out += fader.apply(sound[again * size : (at + piece) * size])
            else:
                out += fader.apply(sound[at * size : (at + piece) * size])
            at += piece
        return out

    total = len(sound) // size
    pieces = [min(cut, total - min(total, sum(cuts[:n]))) for n, cut in enumerate(cuts)]
    pieces.append(total - sum(pieces))
    assert heard(pieces) == heard([total])
    assert len(heard(pieces)) == len(sound)


@pytest.mark.parametrize("format", FORMATS)
def test_a_ramp_goes_on_in_silence(format: AudioFormat) -> None:
    fader = Fader(format)
    fader.fade_to(-20, 10)
    fader.skip(int(4 * format.rate_hz / 1000))
    assert fader.level == pytest.approx(0.1 + 0.9 * (0.5 + 0.5 * np.cos(0.4 * pi)), abs=0.01)
    fader.skip(10**9)
    assert fader.level == pytest.approx(0.1)


def test_half_a_sample_passes_as_it_is() -> None:
    fader = Fader(PCM_24K)
    fader.jump_to(0.0)
    assert fader.apply(b"\1\2\3\4\5") == b"\0\0\0\0\5"
