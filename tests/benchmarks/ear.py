"""The ear of our own: how early it hears a voice, how often noise deceives it, whether it knows its echo, its cost."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.benchmarks.ear_scenes import Clip, Duet, Sound
    from voice.audio.frames import AudioFormat, AudioFrame
    from voice.engines.base import SpeechFacts
    from voice.engines.ear import LocalEar

FIXTURES = Path(__file__).resolve().parents[2] / "audio_fixtures"
METHOD = (
    "Recorded people, 20 ms frames. Onset: each voice faded in over line noise (24 kHz at -65, G.711 at -50 dBFS); "
    "from its first audible 10 ms to the end of the frame that brought the fact. Noise: every noise recording at three "
    "levels and white noise at four, each on two lines. Echo: voices over voices in rooms, five couplings, delays "
    "0-300 ms, every second loudspeaker distorting; a fact is a barge-in when the person was at most 3 dB under the "
    "echo in its newest 160 ms, echo when nobody spoke for 0.6 s. Costs are CPU of one session, least of five runs."
)
COUPLINGS_DB = (-6, -12, -18, -24, -30)
DELAYS_MS = (0, 40, 90, 150, 220, 300)
SCENES = 4
MS = 20


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", type=Path, default=FIXTURES, help="recordings with a manifest (default: ours)")


def run(options: argparse.Namespace) -> dict[str, float]:
    from tests.benchmarks.ear_scenes import load

    clips = load(options.folder)
    return {**onsets(clips), **false_onsets(clips), **echoes(clips), **costs(clips)}


def ear_on(line: AudioFormat) -> LocalEar:
    from voice.engines.ear import LocalEar
    from voice.engines.speech.silero import SileroProbability

    return LocalEar(line, vad_factory=SileroProbability)


def frames(pcm: bytes, line: AudioFormat) -> list[AudioFrame]:
    """PCM16 at 16 kHz as frames of a line."""
    from voice.audio.convert import convert_whole
    from voice.audio.frames import PCM_16K, AudioFrame

    data = convert_whole(pcm, PCM_16K, line)
    size = line.size_bytes(MS)
    return [AudioFrame(line, data[at : at + size]) for at in range(0, len(data) - size + 1, size)]


def facts(line: AudioFormat, near: bytes, far: bytes = b"") -> Iterator[tuple[float, SpeechFacts]]:
    """What an ear says of a recording, and after how many ms of it."""
    from voice.audio.frames import PCM_24K

    ear = ear_on(line)
    played = frames(far, PCM_24K)
    for count, frame in enumerate(frames(near, line)):
        if count < len(played):
            ear.play(played[count])
        fact = ear.hear(frame, sounding=True)
        if fact is not None:
            yield (count + 1) * MS, fact


def onsets(clips: list[Clip]) -> dict[str, float]:
    import numpy as np

    from tests.benchmarks.ear_scenes import SPEECH_KINDS, utterance
    from voice.audio.frames import PCM_24K, PCMU_8K

    late: list[float] = []
    error: list[float] = []
    missed = early = 0
    speech = [clip for clip in clips if clip.kind in SPEECH_KINDS and clip.begin_ms >= 0]
    for line, bed_db in ((PCM_24K, -65.0), (PCMU_8K, -50.0)):
        for seed, clip in enumerate(speech):
            scene = utterance(clip, line, bed_db, seed)
            if scene is None:
                continue
            told = [(at_ms, fact) for at_ms, fact in facts(line, scene.pcm) if fact.stage == "onset"]
            early += sum(at_ms < scene.onset_ms for at_ms, _ in told)
            told = [(at_ms, fact) for at_ms, fact in told if at_ms >= scene.onset_ms]
            if not told or told[0][0] > scene.onset_ms + 1000:
                missed += 1
                continue
            at_ms, fact = told[0]
            late.append(at_ms - scene.onset_ms)
            error.append(abs(at_ms - fact.late_ms - scene.onset_ms))
    return {
        "onset_p50_ms": float(np.percentile(late, 50)),
        "onset_p95_ms": float(np.percentile(late, 95)),
        "onset_backdated_error_p50_ms": float(np.percentile(error, 50)),
        "onset_backdated_error_p90_ms": float(np.percentile(error, 90)),
        "onsets": float(len(late)),
        "onsets_missed": float(missed),
        "onsets_early": float(early),
    }


def false_onsets(clips: list[Clip]) -> dict[str, float]:
    from tests.benchmarks.ear_scenes import RATE_HZ, levelled, noise, pcm16
    from voice.audio.frames import PCM_24K, PCMU_8K

    recorded = [levelled(clip.sound, level) for clip in clips if clip.kind == "noise" for level in (-45, -35, -25)]
    white = [noise(level, 10 * RATE_HZ, seed) for seed, level in enumerate((-60, -50, -40, -30))]
    found = seconds = 0.0
    for sound in recorded + white:
        for line in (PCM_24K, PCMU_8K):
            found += sum(fact.stage == "onset" for _, fact in facts(line, pcm16(sound)))
            seconds += len(sound) / RATE_HZ
    return {"false_onsets_per_min_noise": found * 60 / seconds, "noise_s": seconds}


@dataclass(frozen=True, slots=True)
class EchoSays:
    """`echo` of the facts in which it was echo alone, and of those with somebody over it."""

    alone: list[float]
    over: list[float]
    seen_ms: list[float]
    """From the beginning of each interruption until a fact had `echo` below one half."""


def echoes(clips: list[Clip]) -> dict[str, float]:
    import numpy as np

    from tests.benchmarks.ear_scenes import duet, rooms

    far = [clip for clip in clips if clip.kind == "read"]
    people = [clip for clip in clips if clip.kind in ("command", "command_far") and clip.begin_ms >= 0]
    places = rooms(clips)
    figures: dict[str, float] = {}
    everything = EchoSays([], [], [])
    for coupling_db in COUPLINGS_DB:
        said = EchoSays([], [], [])
        for scene in range(SCENES):
            seed = scene - 100 * coupling_db
            delay_ms = DELAYS_MS[(scene - coupling_db // 6) % len(DELAYS_MS)]
            judge(duet(far, people, places[scene % len(places)], coupling_db, delay_ms, seed), said)
        figures[f"echo_auc_{-coupling_db}db"] = auc(said.over, said.alone)
        everything.alone.extend(said.alone)
        everything.over.extend(said.over)
        everything.seen_ms.extend(said.seen_ms)
    return {
        "echo_auc": auc(everything.over, everything.alone),
        **figures,
        "echo_known_share": float((np.array(everything.alone) > 0.5).mean()),
        "barge_in_taken_for_echo_share": float((np.array(everything.over) > 0.5).mean()),
        "barge_in_seen_p50_ms": float(np.percentile(everything.seen_ms, 50)),
        "barge_in_seen_p95_ms": float(np.percentile(everything.seen_ms, 95)),
    }


def judge(scene: Duet, said: EchoSays) -> None:
    """Sort the facts of one scene by what was to be heard; the first second may be learned from."""
    from voice.audio.frames import PCMU_8K

    waiting = list(scene.barge_ms)
    for at_ms, fact in facts(PCMU_8K, scene.near, scene.far):
        if waiting and at_ms > waiting[0] and fact.echo < 0.5:
            said.seen_ms.append(at_ms - waiting.pop(0))
        if fact.stage == "offset" or at_ms < 1000:
            continue
        now = int(at_ms - fact.late_ms * (fact.stage == "going")) // 10
        echo_db, person_db = loudness(scene.echo_db, now, 16), loudness(scene.person_db, now, 16)
        if person_db > max(-52, echo_db - 3):
            said.over.append(fact.echo)
        elif loudness(scene.person_db, now, 60) < -75 and echo_db > -55:
            said.alone.append(fact.echo)
    said.seen_ms.extend(9000.0 - begin_ms for begin_ms in waiting)


def loudness(levels_db: Sound, now: int, grains: int) -> float:
    """dBFS of the newest grains."""
    import numpy as np

    return float(10 * np.log10((10 ** (levels_db[max(0, now - grains) : now] / 10)).mean()))


def auc(low: list[float], high: list[float]) -> float:
    """The chance that one of `high` is above one of `low`."""
    import numpy as np

    below = np.sort(np.array(low))
    above = np.array(high)
    wins = np.searchsorted(below, above, "left") + np.searchsorted(below, above, "right")
    return float(wins.mean() / 2 / len(below))


def costs(clips: list[Clip]) -> dict[str, float]:
    import numpy as np

    from tests.benchmarks.ear_scenes import levelled, noise, pcm16
    from voice.audio.frames import PCM_24K, PCMU_8K
    from voice.engines.bands import newest_rows
    from voice.engines.interruption import HEARD, ROWS, Impression, Moment, shipped
    from voice.engines.speech.silero import SileroProbability

    calm = pcm16(noise(-58, 16_000 * 20, 1))
    reads = [levelled(clip.sound, -24.0) for clip in clips if clip.kind == "read"]
    talk = np.concatenate(reads)
    near, far = pcm16(talk[: 16_000 * 8]), pcm16(talk[16_000 * 8 : 16_000 * 16])
    window = near[: SileroProbability.window_samples * 2]
    model, weights = SileroProbability(), shipped()
    assert weights is not None
    impression, moment = Impression(weights), Moment(0.9, -24.0, -60.0, -26.0, 0.1, 1_000.0, None)
    newest = talk[:HEARD].astype("<i2")
    minute = {"person": near, "assistant": far, "calm": calm}
    return {
        "ear_idle_us": least(lambda: listen(PCMU_8K, calm, sounding=False)) * MS / 1000,
        "ear_quiet_us": least(lambda: listen(PCMU_8K, calm)) * MS / 1000,
        "ear_quiet_24k_us": least(lambda: listen(PCM_24K, calm)) * MS / 1000,
        "ear_loud_us_per_s": least(lambda: listen(PCMU_8K, near)),
        "ear_loud_both_us_per_s": least(lambda: listen(PCMU_8K, near, far)),
        "interruption_us": median(
            timed(lambda: impression.hear(newest, newest_rows(newest, ROWS), moment)) for _ in range(300)
        )
        * 1e6,
        "ear_cpu_s_per_session_min": least(lambda: talked(PCM_24K, minute, always=False)),
        "ear_always_cpu_s_per_session_min": least(lambda: talked(PCM_24K, minute, always=True)),
        "silero_window_us": median(timed(lambda: model.feed(window)) for _ in range(300)) * 1e6,
    }


def listen(line: AudioFormat, near: bytes, far: bytes = b"", *, sounding: bool = True) -> float:
    """CPU µs that a second of it costs; frames and detector are made before."""
    ear = ear_on(line)
    heard, played = frames(near, line), frames(far, line)
    warm = frames(near[: 16_000 * 2], line)
    for frame in warm:
        ear.hear(frame, sounding=sounding)
    began = process_time()
    for frame in played[: len(heard)] if far else ():
        ear.play(frame)
    for frame in heard:
        ear.hear(frame, sounding=sounding)
    return (process_time() - began) / (len(heard) * MS / 1000) * 1e6


def talked(line: AudioFormat, sounds: dict[str, bytes], *, always: bool) -> float:
    """CPU seconds of a minute of conversation: each says something for 8 s twice over, then nobody for a while; the
    assistant is heard 18 dB softer in the microphone."""
    import numpy as np

    from voice.engines.ear import LocalEar
    from voice.engines.interruption import shipped
    from voice.engines.speech.silero import SileroProbability

    ear = LocalEar(line, vad_factory=SileroProbability, model=shipped, always=always)
    echo = (np.frombuffer(sounds["assistant"], dtype="<i2") // 8).astype("<i2").tobytes()
    person, played, heard, calm = (
        frames(s, line) for s in (sounds["person"], sounds["assistant"], echo, sounds["calm"])
    )
    began = process_time()
    seconds = 0.0
    for _ in range(2):
        for frame in person:
            ear.hear(frame, sounding=False)
        for sounded, frame in zip(played, heard, strict=True):
            ear.play(sounded)
            ear.hear(frame, sounding=True)
        for frame in calm[: 14_000 // MS]:
            ear.hear(frame, sounding=False)
        seconds += (len(person) + len(heard)) * MS / 1000 + 14
    return (process_time() - began) * 60 / seconds


def timed(work: Callable[[], Any]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def least(measure: Callable[[], float]) -> float:
    return min(measure() for _ in range(5))


def table(figures: dict[str, float]) -> list[tuple[str, str]]:
    rows = [
        ("voice begins → fact, p50 / p95, ms", f"{figures['onset_p50_ms']:.0f} / {figures['onset_p95_ms']:.0f}"),
        (
            "its beginning told wrong by, p50 / p90, ms",
            f"{figures['onset_backdated_error_p50_ms']:.0f} / {figures['onset_backdated_error_p90_ms']:.0f}",
        ),
        (
            "voices: noticed, missed, noticed too early",
            f"{figures['onsets']:.0f}, {figures['onsets_missed']:.0f}, {figures['onsets_early']:.0f}",
        ),
        ("false onsets per minute of noise", f"{figures['false_onsets_per_min_noise']:.2f}"),
        ("echo against barge-in, AUC", f"{figures['echo_auc']:.3f}"),
    ]
    rows += [(f"  coupling {db} dB", f"{figures[f'echo_auc_{-db}db']:.3f}") for db in COUPLINGS_DB]
    return [
        *rows,
        ("echo known as echo", f"{figures['echo_known_share']:.1%}"),
        ("barge-in taken for echo", f"{figures['barge_in_taken_for_echo_share']:.1%}"),
        (
            "barge-in over echo seen after, p50 / p95, ms",
            f"{figures['barge_in_seen_p50_ms']:.0f} / {figures['barge_in_seen_p95_ms']:.0f}",
        ),
        ("quiet frame while sounding, µs", f"{figures['ear_quiet_us']:.2f}"),
        ("quiet frame at 24 kHz, µs", f"{figures['ear_quiet_24k_us']:.2f}"),
        ("frame while nothing sounds, µs", f"{figures['ear_idle_us']:.2f}"),
        ("a second of a loud voice, µs", f"{figures['ear_loud_us_per_s']:,.0f}"),
        ("… with the loudspeaker talking too, µs", f"{figures['ear_loud_both_us_per_s']:,.0f}"),
        ("CPU s of a minute of conversation, listening while it sounds", f"{figures['ear_cpu_s_per_session_min']:.3f}"),
        ("… and always", f"{figures['ear_always_cpu_s_per_session_min']:.3f}"),
        ("what a moment is, µs", f"{figures['interruption_us']:.0f}"),
        ("one window of the detector alone, µs", f"{figures['silero_window_us']:.0f}"),
    ]
