"""The ear: noticed early, silent when quiet, one onset and one offset for each stretch, never told twice."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from voice.audio.convert import convert_whole
from voice.audio.frames import PCM_16K, PCM_24K, PCMA_8K, PCMU_8K, AudioFormat, AudioFrame
from voice.audio.wav import read_wav
from voice.engines.base import Ear, SpeechFacts
from voice.engines.ear import DetectorPool, LocalEar
from voice.engines.interruption import InterruptionModel
from voice.engines.listener import EarRules
from voice.errors import Misuse

FIXTURES = Path(__file__).resolve().parents[2] / "audio_fixtures"
ROWS = {row["file"]: row for row in tomllib.loads((FIXTURES / "manifest.toml").read_text(encoding="utf-8"))["file"]}
LINES = [PCM_16K, PCM_24K, AudioFormat("pcm16", 8_000), PCMU_8K, PCMA_8K]


class Detector:
    """Says "speech" where the sound is loud; counts what it was asked."""

    rate_hz = 16_000
    window_samples = 512

    def __init__(self) -> None:
        self.windows = 0
        self.resets = 0

    def feed(self, window: bytes) -> float:
        self.windows += 1
        return 0.9 if np.abs(np.frombuffer(window, dtype="<i2").astype(int)).max() > 3000 else 0.01

    def reset(self) -> None:
        self.resets += 1


def noise(level_db: float, ms: int, seed: int = 1) -> bytes:
    samples = np.random.default_rng(seed).normal(size=ms * 16) * 32768 * 10 ** (level_db / 20)
    return np.clip(np.rint(samples), -32768, 32767).astype("<i2").tobytes()


def tone(ms: int, peak: int = 8_000) -> bytes:
    return bytes(np.rint(peak * np.sin(np.arange(ms * 16) * 2 * np.pi * 300 / 16_000)).astype("<i2"))


QUIET, HUSH = noise(-60, 400), noise(-60, 1000)


def line(pcm: bytes, format: AudioFormat = PCM_16K, ms: int = 20) -> Iterator[AudioFrame]:
    data = convert_whole(pcm, PCM_16K, format)
    size = format.size_bytes(ms)
    for at in range(0, len(data) - size + 1, size):
        yield AudioFrame(format, data[at : at + size])


def ear_on(
    format: AudioFormat = PCM_16K, *, rules: EarRules | None = None, always: bool = False
) -> tuple[LocalEar, Detector]:
    detector = Detector()
    return LocalEar(format, vad_factory=lambda: detector, rules=rules, always=always), detector


def heard(ear: Ear, pcm: bytes, format: AudioFormat = PCM_16K, ms: int = 20) -> list[tuple[int, SpeechFacts]]:
    """Facts, each with the ms of sound after which it came."""
    facts = ((count * ms, ear.hear(frame, sounding=True)) for count, frame in enumerate(line(pcm, format, ms), 1))
    return [(at_ms, fact) for at_ms, fact in facts if fact is not None]


class Knowing:
    """In place of the network: says the same of every moment, and how often it was asked since it last forgot."""

    memory = 1

    def __init__(self, *kinds: float) -> None:
        self.kinds = np.array(kinds, dtype=np.float32)
        self.asked: list[int] = []

    def step(
        self, state: NDArray[np.float32], heard: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        self.asked.append(int(state[0]) + 1)
        return state + 1, self.kinds


def knowing_ear(*kinds: float) -> tuple[LocalEar, Knowing]:
    model = Knowing(*kinds)
    return LocalEar(PCM_16K, vad_factory=Detector, model=lambda: cast(InterruptionModel, model), always=True), model


def stages(facts: list[tuple[int, SpeechFacts]]) -> list[str]:
    return [stage for stage, _ in groupby(fact.stage for _, fact in facts)]


@pytest.mark.parametrize("format", LINES, ids=str)
@pytest.mark.parametrize("ms", [10, 20, 60, 100])
def test_a_stretch_begins_goes_on_and_ends_in_any_format_and_frame(format: AudioFormat, ms: int) -> None:
    ear, _ = ear_on(format)
    facts = heard(ear, QUIET + tone(600) + HUSH, format, ms)
    assert stages(facts) == ["onset", "going", "offset"]
    (onset_ms, onset), *_, (offset_ms, offset) = facts
    assert onset_ms <= 400 + 60 + ms
    assert onset_ms - onset.late_ms == pytest.approx(400, abs=15)
    assert onset.speech_ms == onset.late_ms
    assert offset.speech_ms == pytest.approx(600, abs=50)
    assert offset_ms - offset.late_ms == pytest.approx(1000, abs=50)
    assert offset_ms <= 1000 + 192 + 64 + ms


def test_levels_are_those_of_the_sound() -> None:
    ear, _ = ear_on()
    going = [fact for _, fact in heard(ear, QUIET + tone(600) + HUSH) if fact.stage == "going"]
    assert going[8].level_db == pytest.approx(-15.3, abs=1.0)  # a sine with a peak of 8000
    assert going[8].floor_db == pytest.approx(-60, abs=2.0)
    assert going[8].probability == 0.9
    assert going[8].echo == 0.0


def test_facts_come_at_most_once_a_window_and_count_up() -> None:
    ear, _ = ear_on()
    facts = heard(ear, QUIET + tone(600) + HUSH)
    times = [at_ms for at_ms, _ in facts]
    assert len(times) <= (times[-1] - times[0]) / 32 + 1
    lasted = [fact.speech_ms for _, fact in facts if fact.stage != "offset"]
    assert lasted == sorted(lasted)


def test_a_pause_between_two_words_does_not_end_it() -> None:
    ear, _ = ear_on()
    assert stages(heard(ear, QUIET + tone(200) + noise(-60, 120) + tone(200) + HUSH)) == ["onset", "going", "offset"]


def test_two_stretches_are_two() -> None:
    ear, _ = ear_on()
    facts = heard(ear, QUIET + tone(200) + HUSH + tone(200) + HUSH)
    assert stages(facts) == ["onset", "going", "offset"] * 2


def test_edges_within_one_long_frame_are_all_told_in_order() -> None:
    ear, _ = ear_on()
    pcm = QUIET + QUIET + tone(200) + HUSH + QUIET + QUIET
    facts = heard(ear, pcm, ms=2000) + heard(ear, HUSH)
    assert [fact.stage for _, fact in facts if fact.stage != "going"] == ["onset", "offset"]


def test_a_quiet_line_never_asks_for_the_detector() -> None:
    made: list[Detector] = []

    def make() -> Detector:
        made.append(Detector())
        return made[-1]

    ear = LocalEar(PCMU_8K, vad_factory=make)
    assert heard(ear, noise(-58, 5000), PCMU_8K) == []
    assert made == []


def test_nobody_listens_while_the_loudspeaker_is_silent() -> None:
    ear, detector = ear_on()
    assert [ear.hear(frame, sounding=False) for frame in line(QUIET + tone(600))] == [None] * 50
    assert detector.windows == 0


def test_unless_it_is_asked_to_listen_always() -> None:
    ear, _ = ear_on(always=True)
    facts = [ear.hear(frame, sounding=False) for frame in line(QUIET + tone(600) + HUSH)]
    assert [fact.stage for fact in facts if fact is not None and fact.stage != "going"] == ["onset", "offset"]


def test_somebody_already_speaking_when_the_loudspeaker_starts_is_heard_at_once() -> None:
    ear, _ = ear_on()
    for frame in line(QUIET + tone(200)):
        ear.hear(frame, sounding=False)
    ((at_ms, onset), *_) = heard(ear, tone(200))
    assert onset.stage == "onset"
    assert at_ms == 20
    assert onset.late_ms == pytest.approx(220, abs=30)


def test_the_ear_lets_go_a_moment_after_the_loudspeaker_fell_silent() -> None:
    ear, detector = ear_on()
    heard(ear, QUIET + tone(200))
    after = [ear.hear(frame, sounding=False) for frame in line(tone(600))]
    told = [(count * 20, fact.stage) for count, fact in enumerate(after, 1) if fact is not None]
    assert told[-1][1] == "offset"
    assert [stage for _, stage in told].count("offset") == 1
    assert 192 <= told[-1][0] <= 240
    windows = detector.windows
    assert [ear.hear(frame, sounding=False) for frame in line(tone(600))] == [None] * 30
    assert detector.windows == windows


def test_a_loudspeaker_that_runs_dry_for_a_moment_breaks_nothing() -> None:
    ear, _ = ear_on()
    first = heard(ear, QUIET + tone(200))
    gap = [ear.hear(frame, sounding=False) for frame in line(tone(100))]
    rest = heard(ear, tone(200) + HUSH)
    assert stages(first) == ["onset", "going"]
    assert "offset" not in {fact.stage for fact in gap if fact is not None}
    assert stages(rest) == ["going", "offset"]
    assert rest[-1][1].speech_ms == pytest.approx(500, abs=60)


def test_steady_noise_becomes_the_floor_and_is_not_listened_to_any_more() -> None:
    ear, detector = ear_on(PCMU_8K)
    heard(ear, noise(-38, 4000), PCMU_8K)
    assert ear.floor.level_db == pytest.approx(-41, abs=4)  # the telephone band leaves half of it
    windows = detector.windows
    heard(ear, noise(-38, 3000, seed=2), PCMU_8K)
    assert detector.windows == windows
    assert stages(heard(ear, tone(300) + noise(-38, 600), PCMU_8K)) == ["onset", "going", "offset"]


def test_when_the_noise_ends_the_ear_grows_fine_again() -> None:
    ear, _ = ear_on()
    heard(ear, noise(-30, 5000))
    heard(ear, noise(-65, 6000))
    assert ear.floor.level_db < -55
    assert stages(heard(ear, tone(300, peak=3_100) + HUSH))[0] == "onset"


def test_two_likely_windows_are_as_good_as_a_sure_one() -> None:
    class Doubtful(Detector):
        def feed(self, window: bytes) -> float:
            return super().feed(window) / 2

    cautious = LocalEar(PCM_16K, vad_factory=Doubtful, rules=EarRules(eager=1.0))
    ((at_ms, onset), *_) = heard(cautious, QUIET + tone(300) + HUSH)
    assert onset.stage == "onset"
    assert 440 <= at_ms <= 500
    eager = LocalEar(PCM_16K, vad_factory=Doubtful)  # far over the floor a doubt is enough
    assert heard(eager, QUIET + tone(300) + HUSH)[0][0] < at_ms


def test_long_speech_is_judged_at_half_the_price_and_its_end_is_still_found() -> None:
    ear, detector = ear_on()
    facts = heard(ear, QUIET + tone(5000) + HUSH)
    assert stages(facts) == ["onset", "going", "offset"]
    assert detector.windows < 110
    assert facts[-1][1].speech_ms == pytest.approx(5000, abs=80)


def test_a_session_of_an_hour_keeps_no_more_than_one_of_a_minute() -> None:
    ear, _ = ear_on()
    for _ in range(40):
        for frame in line(tone(500) + QUIET):
            ear.play(frame)
            ear.hear(frame, sounding=True)
    listener = ear._listener
    assert listener is not None
    assert len(listener._heard) <= 2 * 16 * 2300
    assert len(ear._far._opened) <= 2 * 16 * 2400
    assert len(ear._far._frames) <= 80


def test_the_same_sound_gives_the_same_facts() -> None:
    pcm = QUIET + tone(300) + HUSH + noise(-35, 500) + tone(100) + HUSH

    def once() -> list[tuple[int, SpeechFacts]]:
        return heard(ear_on(PCMU_8K)[0], pcm, PCMU_8K)

    assert once() == once()


def test_ears_that_are_awake_in_turn_share_one_detector() -> None:
    made: list[Detector] = []

    def make() -> Detector:
        made.append(Detector())
        return made[-1]

    pool = DetectorPool(make)
    ears = [LocalEar(PCM_16K, vad_factory=pool.take, release=pool.give_back) for _ in range(5)]
    alone = heard(ear_on()[0], QUIET + tone(300) + HUSH)
    assert [heard(ear, QUIET + tone(300) + HUSH) for ear in ears] == [alone] * 5
    assert len(made) == 1
    for ear in ears[:3]:
        heard(ear, tone(300))
    assert len(made) == 3
    for ear in ears:
        ear.close()
        ear.close()
    assert {pool.take() for _ in range(3)} == set(made)


def test_a_detector_of_another_rate_is_a_mistake() -> None:
    class Narrow(Detector):
        rate_hz = 8_000

    ear = LocalEar(PCM_16K, vad_factory=Narrow)
    with pytest.raises(Misuse):
        heard(ear, tone(100))


# Real voices, the real detector

COMMANDS = ["cancel_timer", "how_old_is_the_brooklyn_bridge", "what_time_is_it", "no_82b99576_1"]


def recording(name: str, level_db: float = -24.0) -> bytes:
    wav = read_wav((FIXTURES / name).read_bytes())
    pcm = convert_whole(wav.pcm, AudioFormat("pcm16", wav.rate_hz), PCM_16K)
    sound = np.frombuffer(pcm, dtype="<i2").astype(float)
    sound *= 32768 * 10 ** (level_db / 20) / np.sqrt((sound**2).mean())
    return bytes(np.clip(np.rint(sound), -32768, 32767).astype("<i2"))


def silero(format: AudioFormat) -> LocalEar:
    from voice.engines.speech.silero import SileroProbability

    return LocalEar(format, vad_factory=SileroProbability)


@pytest.mark.speech
@pytest.mark.parametrize("format", [PCM_24K, PCMU_8K], ids=str)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_person_is_noticed_within_a_syllable(name: str, format: AudioFormat) -> None:
    begin_ms = ROWS[f"speech/{name}.wav"]["spans_ms"][0][0]
    facts = heard(silero(format), recording(f"speech/{name}.wav") + HUSH, format)
    onset_ms, onset = facts[0]
    assert onset.stage == "onset"
    assert begin_ms - 100 <= onset_ms <= begin_ms + 200
    assert onset.level_db > onset.floor_db + 6
    assert facts[-1][1].stage == "offset"


@pytest.mark.speech
@pytest.mark.parametrize("name", ["hum_made", "pink_made"])
def test_noise_ducks_nothing(name: str) -> None:
    assert heard(silero(PCMU_8K), recording(f"noise/{name}.wav", -35), PCMU_8K) == []


def told_while_playing(far: bytes, near: bytes, format: AudioFormat) -> list[tuple[int, SpeechFacts]]:
    ear = silero(format)
    facts = []
    for count, (given, caught) in enumerate(zip(line(far, PCM_24K), line(near, format), strict=False), 1):
        ear.play(given)
        if (fact := ear.hear(caught, sounding=True)) is not None:
            facts.append((count * 20, fact))
    return facts


def mixed(*sounds: bytes) -> bytes:
    total = sum(np.frombuffer(sound, dtype="<i2").astype(int) for sound in sounds)
    return bytes(np.clip(total, -32768, 32767).astype("<i2"))


@pytest.mark.speech
def test_the_loudspeaker_is_known_again_and_a_person_over_it_is_not_taken_for_it() -> None:
    far = recording("speech/librivox_sense_0930.wav") * 2
    late = bytes(2 * 16 * 180)
    echo = mixed(
        late + (np.frombuffer(far, dtype="<i2") // 6).astype("<i2").tobytes()[: -len(late)], noise(-62, len(far) // 32)
    )
    alone = [fact.echo for at_ms, fact in told_while_playing(far, echo, PCMU_8K) if at_ms > 700]
    assert len(alone) > 20
    assert np.mean(np.array(alone) > 0.5) > 0.85
    begin = 2 * 16 * 2000
    person = recording("speech/how_old_is_the_brooklyn_bridge.wav")[: len(echo) - begin]
    over = mixed(echo, bytes(begin) + person + bytes(len(echo) - begin - len(person)))
    span = ROWS["speech/how_old_is_the_brooklyn_bridge.wav"]["spans_ms"][0]
    during = [
        fact.echo
        for at_ms, fact in told_while_playing(far, over, PCMU_8K)
        if 2000 + span[0] + 250 < at_ms < 2000 + span[1]
    ]
    assert np.median(during) < 0.2


@pytest.mark.speech
def test_an_echo_that_was_turned_down_for_a_while_is_known_when_it_comes_back() -> None:
    far = recording("speech/librivox_sense_0930.wav") * 2
    begin_ms, end_ms, late_ms = 1_000, 2_000, 180
    at_ms = np.arange(len(far) // 2) / 16
    gain = np.where((at_ms >= begin_ms) & (at_ms < end_ms), 10 ** (-18 / 20), 1.0) / 6
    sounded = (np.frombuffer(far, dtype="<i2") * gain).astype("<i2").tobytes()
    late = bytes(2 * 16 * late_ms)
    echo = mixed(late + sounded[: -len(late)], noise(-62, len(far) // 32))
    ear = silero(PCMU_8K)
    told: list[float] = []
    for count, (given, caught) in enumerate(zip(line(far, PCM_24K), line(echo, PCMU_8K), strict=False)):
        if count * 20 == begin_ms:
            ear.duck(-18.0)
        elif count * 20 == end_ms:
            ear.restore()
        ear.play(given)
        fact = ear.hear(caught, sounding=True)
        if fact is not None and end_ms + late_ms <= count * 20 < end_ms + 1_000:
            told.append(fact.echo)
    assert len(told) > 5
    assert np.mean(np.array(told) > 0.5) > 0.85


@pytest.mark.speech
def test_what_was_stopped_before_it_sounded_is_no_echo() -> None:
    ear = silero(PCM_16K)
    for frame in line(recording("speech/librivox_sense_0930.wav"), PCM_24K):
        ear.play(frame)
    ear.stop()
    facts = heard(ear, recording("speech/librivox_sense_0930.wav"))
    assert {fact.echo for _, fact in facts} == {0.0}


# What a moment is


def test_moments_are_judged_while_the_assistant_sounds_and_only_then() -> None:
    ear, model = knowing_ear(0.1, 0.1, 0.1, 0.1, 0.6)
    for frame in line(QUIET + tone(600)):
        ear.hear(frame, sounding=False)
    assert model.asked == []
    told = [fact for _, fact in heard(ear, tone(600))]
    assert told[-1].kinds == pytest.approx((0.1, 0.1, 0.1, 0.1, 0.6))
    assert len(model.asked) == pytest.approx(600 / 32, abs=2), "none is left out, however long it lasts"


def test_what_was_heard_before_the_next_reply_is_forgotten() -> None:
    ear, model = knowing_ear(0.1, 0.1, 0.1, 0.1, 0.6)
    heard(ear, QUIET + tone(300))
    for frame in line(tone(100)):
        ear.hear(frame, sounding=False)
    heard(ear, tone(300))
    assert model.asked.count(1) == 2


@pytest.mark.parametrize("kinds", [(0.6, 0.2, 0.1, 0.1, 0.0), (0.1, 0.05, 0.3, 0.1, 0.45)])
def test_a_stretch_begins_where_somebody_speaks_or_coughs_though_the_detector_doubts(kinds: tuple[float, ...]) -> None:
    hiss = noise(-36, 300)
    sure, _ = knowing_ear(*kinds)
    doubting, _ = knowing_ear(0.1, 0.1, 0.05, 0.15, 0.6)
    assert "onset" in stages(heard(sure, QUIET + hiss))
    assert "onset" not in stages(heard(doubting, QUIET + hiss))


def test_the_persons_usual_loudness_is_learned_while_the_assistant_is_silent() -> None:
    ear, _ = knowing_ear(0.1, 0.1, 0.1, 0.1, 0.6)
    heard(ear, QUIET + tone(600) + HUSH)
    assert ear._listener is not None
    assert ear._listener.usual.level_db is None
    for frame in line(QUIET + tone(600) + HUSH):
        ear.hear(frame, sounding=False)
    assert ear._listener.usual.level_db == pytest.approx(-15.3, abs=1.0)


NOBODY = (0.02, 0.02, 0.02, 0.02, 0.92)


@pytest.mark.parametrize("ms", [10, 20, 60, 100])
def test_what_sets_in_is_told_before_it_is_known_what_it_is(ms: int) -> None:
    ear, _ = knowing_ear(*NOBODY)
    facts = heard(ear, HUSH + noise(-38, 400) + HUSH, ms=ms)
    at_ms, first = next((at_ms, fact) for at_ms, fact in facts if fact.rises)
    assert 1_000 < at_ms <= 1_000 + 64 + ms
    assert {fact.stage for _, fact in facts} == {"none"}, "it is no stretch"
    assert first.kinds == pytest.approx(NOBODY)
    assert all(at_ms < 1_000 + 400 for at_ms, _ in facts), "what goes on sets in no more"


def test_of_an_ear_that_follows_no_moments_nothing_rises() -> None:
    ear, _ = ear_on()
    assert not any(fact.rises for _, fact in heard(ear, HUSH + noise(-38, 400) + tone(400) + HUSH))


def test_a_rise_in_a_stretch_is_told_with_it() -> None:
    ear, _ = knowing_ear(*NOBODY)
    facts = heard(ear, HUSH + tone(1_500) + mixed(tone(400), noise(-30, 400)))
    later = [(at_ms, fact) for at_ms, fact in facts if at_ms > 1_800 and fact.rises]
    assert later
    assert later[0][0] <= 2_500 + 84
    assert {fact.stage for _, fact in later} == {"going"}


@pytest.mark.speech
@pytest.mark.parametrize("name", ["stop_3b4f8f24_2", "stop_aef8dcf5_1", "stop_63f7a489_0"])
@pytest.mark.parametrize("level_db", [-32, -22])
def test_the_hiss_of_stop_sets_in_no_later_than_somebody_is_heard(name: str, level_db: float) -> None:
    from voice.engines.interruption import shipped
    from voice.engines.speech.silero import SileroProbability

    ear = LocalEar(PCM_16K, vad_factory=SileroProbability, model=shipped)
    begins = 32 * ROWS[f"speech/{name}.wav"]["spans_ms"][0][0]  # what lies before is the recording's own noise
    facts = heard(ear, HUSH + recording(f"speech/{name}.wav", level_db)[begins:] + HUSH)
    rose_ms = next(at_ms for at_ms, fact in facts if fact.rises)
    somebody_ms = next(at_ms for at_ms, fact in facts if sum(fact.kinds[:2]) >= 0.35)
    assert 1_000 < rose_ms <= min(somebody_ms, 1_100)
