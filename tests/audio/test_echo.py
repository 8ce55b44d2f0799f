"""Our own voice in the microphone, somebody else's, and both at once. Recorded voices in rooms made of numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from voice.audio.convert import convert_whole
from voice.audio.echo import BANDS, EchoMeter, picture
from voice.audio.frames import PCM_16K, AudioFormat
from voice.audio.spectra import HOP, WINDOW
from voice.audio.wav import read_wav

SPEECH = Path(__file__).resolve().parents[2] / "audio_fixtures" / "speech"
WINDOW_MS = 64
STEP = WINDOW_MS * 16
FLOOR_DB = -65.0

Sound = NDArray[np.float64]


def voice(name: str, level_db: float = -24.0) -> Sound:
    wav = read_wav((SPEECH / f"{name}.wav").read_bytes())
    pcm = convert_whole(wav.pcm, AudioFormat("pcm16", wav.rate_hz), PCM_16K)
    sound = np.frombuffer(pcm, dtype="<i2").astype(np.float64)
    levelled: Sound = sound * (32768 * 10 ** (level_db / 20) / np.sqrt((sound**2).mean()))
    return levelled


def in_a_room(sound: Sound, coupling_db: float, delay_ms: float, seed: int = 3) -> Sound:
    """The loudspeaker as the microphone hears it: late, weaker, with 0.3 s of reverberation."""
    generator = np.random.default_rng(seed)
    decay = np.exp(-np.arange(4800) * 6.9 / 4800)
    response = generator.normal(size=4800) * decay
    response[0] = 6.0
    heard = np.convolve(sound, response)[: len(sound)]
    heard *= 10 ** (coupling_db / 20) * np.sqrt((sound**2).mean() / (heard**2).mean())
    late = int(delay_ms * 16)
    return np.concatenate((np.zeros(late), heard))[: len(sound)]


def answers(far: Sound, near: Sound, from_ms: int = 512) -> list[float]:
    """What the meter says every 64 ms from then on."""
    noise = np.random.default_rng(5).normal(size=len(near)) * 32768 * 10 ** (FLOOR_DB / 20)
    played, heard = (np.clip(np.rint(sound), -32768, 32767).astype("<i2") for sound in (far, near + noise))
    meter = EchoMeter()
    said = []
    for at in range(0, min(len(far), len(near)) - STEP + 1, STEP):
        meter.feed(heard[at : at + STEP], played[at : at + STEP])
        said.append(meter.answer(FLOOR_DB))
    return said[from_ms // WINDOW_MS :]


def test_a_picture_has_a_row_every_hop_and_no_more() -> None:
    assert picture(np.zeros(WINDOW - 1, dtype="<i2")).shape == (0, BANDS)
    assert picture(np.zeros(WINDOW + 3 * HOP + 5, dtype="<i2")).shape == (4, BANDS)


def test_a_tone_lights_its_band_in_its_strength() -> None:
    tone = np.rint(10_000 * np.sin(np.arange(1600) * 2 * np.pi * 1000 / 16_000)).astype("<i2")
    row = picture(tone)[1]
    assert row.argmax() == 6
    assert row.max() == pytest.approx(20 * np.log10(10_000 / np.sqrt(2)), abs=1.0)


@pytest.mark.parametrize("coupling_db", [-6, -12, -18, -24, -30])
@pytest.mark.parametrize("delay_ms", [0, 120, 300])
def test_our_own_voice_is_echo(coupling_db: float, delay_ms: float) -> None:
    far = voice("librivox_sense_0930", -22)
    said = answers(far, in_a_room(far, coupling_db, delay_ms))
    assert np.median(said) > 0.8
    assert np.mean(np.array(said) > 0.5) > 0.8


def test_an_echo_that_was_not_there_yet_when_the_loss_was_learned_is_recognised() -> None:
    far = voice("librivox_sense_0930", -22)[6_400:]
    said = answers(far, in_a_room(far, -8, 240), from_ms=0)
    begins = 240 // WINDOW_MS
    assert max(said[:begins]) < 0.3
    assert np.median(said[begins + 4 : begins + 12]) > 0.8


def test_another_voice_is_not() -> None:
    far, near = voice("librivox_sense_0930"), voice("librispeech_2412_153948_0000")
    assert np.quantile(answers(far, near), 0.95) < 0.5


@pytest.mark.parametrize("coupling_db", [-12, -24])
def test_somebody_talking_over_the_echo_is_not_echo(coupling_db: float) -> None:
    far = voice("librivox_sense_0930", -22)
    echo = in_a_room(far, coupling_db, 120)
    begin = 32_000
    near = echo.copy()
    person = voice("librispeech_2412_153948_0000", -24)[: len(near) - begin]
    near[begin : begin + len(person)] += person
    said = answers(far, near)
    turn = (begin // 16 - 512) // WINDOW_MS
    assert np.median(said[:turn]) > 0.7
    during = said[turn + 4 : turn + len(person) // STEP]
    assert np.median(during) < 0.3


def test_silence_at_the_far_end_explains_nothing() -> None:
    near = voice("librispeech_2412_153948_0000")
    assert set(answers(np.zeros(len(near)), near)) == {0.0}


def test_too_little_sound_is_no_reason_to_call_it_echo() -> None:
    meter = EchoMeter()
    meter.feed(np.full(1000, 500, dtype="<i2"), np.full(1000, 500, dtype="<i2"))
    assert meter.answer(FLOOR_DB) == 0.0


def test_the_delay_is_found() -> None:
    far = voice("librivox_sense_0930")
    played, heard = far.astype("<i2"), in_a_room(far, -12, 160).astype("<i2")
    meter = EchoMeter()
    for at in range(0, 48_000, STEP):
        meter.feed(heard[at : at + STEP], played[at : at + STEP])
        meter.answer(FLOOR_DB)
    assert meter.delay_ms == pytest.approx(160, abs=20)


def test_a_stretch_that_begins_late_is_laid_beside_what_was_played_before() -> None:
    far = voice("librivox_sense_0930")
    played, heard = far.astype("<i2"), in_a_room(far, -12, 200).astype("<i2")
    at = 24_000
    meter = EchoMeter()
    meter.begin(played[at - EchoMeter.history_samples : at])
    for _ in range(8):
        meter.feed(heard[at : at + STEP], played[at : at + STEP])
        at += STEP
    assert meter.answer(FLOOR_DB) > 0.8
