"""Writes `interruption.json` beside it: `python make_interruption_model.py FOLDER` with recordings and their manifest.

Recorded people: interruptions (commands, single words like "stop", beginnings of read sentences) and backchannels
("right", "yes", "wow" read from a prompt; three spontaneous ones). Made of recordings: side speech (the same voices
through a room response, 10 to 22 dB weaker). Synthetic: coughs (shaped noise); two laughs are acted recordings.
Every clip is heard through the ear's own onset on two lines at random loudness and noise, and judged 300 and 600 ms
after it. Speakers are divided in halves: the figures are of the half that was not learned from, both ways round.
The same features with only duration and loudness are fitted beside it: that is what the model has to beat.
"""

from __future__ import annotations

import json
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voice.audio.convert import convert_whole
from voice.audio.frames import PCM_16K, PCM_24K, PCMU_8K, AudioFormat, AudioFrame
from voice.audio.loudness import levels_db
from voice.audio.wav import read_wav
from voice.engines.ear import LocalEar
from voice.engines.interruption import FEATURES, KINDS, InterruptionModel, Kind, features
from voice.engines.speech.silero import SileroProbability

HERE = Path(__file__).resolve().parent
RATE_HZ = 16_000
DECIDED_MS = (300, 600)
SIMPLE = ("duration_s", "ended", "over_floor_db", "level_db")
ROUNDS = 2
KIND_OF: dict[str, Kind] = {
    "command": "interruption",
    "read": "interruption",
    "paused": "interruption",
    "interruption_word": "interruption",
    "backchannel": "backchannel",
    "vocal": "cough",
}
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Example:
    """One stretch at one moment. `origin`: recorded, room (recorded, placed in a room) or synthetic."""

    kind: Kind
    speaker: str
    origin: str
    decided_ms: int
    vector: Array


def main(folder: Path) -> None:
    examples = list(collected(folder))
    halves = [half_of(example.speaker) for example in examples]
    figures: dict[str, Any] = {}
    for name, columns in (("model", FEATURES), ("duration_and_loudness", SIMPLE)):
        scores = np.zeros((len(examples), len(KINDS)))
        for half in (0, 1):
            learned = fit([e for e, of in zip(examples, halves, strict=True) if of != half], columns)
            for at, example in enumerate(examples):
                if halves[at] == half:
                    scores[at] = list(learned.judge(example.vector).values())
        figures[name] = judged(examples, scores)
    counts = {f"{kind}, {origin}": number(examples, kind, origin) for kind, origin in sorted(origins(examples))}
    model = fit(examples, FEATURES)
    data = {
        "features": FEATURES,
        "kinds": KINDS,
        "means": rounded(model.means),
        "scales": rounded(model.scales),
        "weights": [rounded(row) for row in model.weights],
        "facts": {"speakers_and_examples": counts, "on_unseen_speakers": figures},
    }
    (HERE / "interruption.json").write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(data["facts"], indent=1))  # noqa: T201


def collected(folder: Path) -> Iterator[Example]:
    rows = [json.loads(line) for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines() if line]
    rooms = [read(folder / row["file"]) for row in rows if row["kind"] == "rir"]
    for seed, row in enumerate(rows):
        kind = KIND_OF.get(row["kind"])
        if kind is None:
            continue
        sound = read(folder / row["file"])
        for again in range(ROUNDS):
            yield from heard(sound, kind, row["speaker"], "recorded", 1000 * again + seed, -26.0)
        if kind == "interruption" and row["kind"] != "interruption_word":
            draw = np.random.default_rng(seed)
            far = np.convolve(sound, rooms[draw.integers(len(rooms))])[: len(sound)]
            yield from heard(far, "side", row["speaker"], "room", 5000 + seed, -42.0)
    for seed in range(60):
        yield from heard(cough(seed), "cough", f"made-{seed}", "synthetic", 9000 + seed, -26.0)


def read(path: Path) -> Array:
    wav = read_wav(path.read_bytes())
    pcm = convert_whole(wav.pcm, AudioFormat("pcm16", wav.rate_hz), PCM_16K)
    return np.frombuffer(pcm, dtype="<i2").astype(np.float64)


def cough(seed: int) -> Array:
    """One to three bursts: a hard attack, a hiss shaped by a throat, sometimes a voiced end."""
    draw = np.random.default_rng(seed)
    bursts = []
    for _ in range(draw.integers(1, 4)):
        length = int(draw.uniform(0.12, 0.3) * RATE_HZ)
        time = np.arange(length) / RATE_HZ
        spectrum = np.fft.rfft(draw.normal(size=length))
        hz = np.fft.rfftfreq(length, 1 / RATE_HZ)
        throat = sum(np.exp(-(((hz - draw.uniform(low, high)) / 350) ** 2)) for low, high in ((400, 900), (1200, 2600)))
        hiss = np.fft.irfft(spectrum * (throat + 0.15), length)
        voice = np.sign(np.sin(2 * np.pi * draw.uniform(110, 220) * time)) * draw.uniform(0, 0.6) * hiss.std()
        envelope = np.minimum(time / 0.008, 1) * np.exp(-time / draw.uniform(0.04, 0.12))
        bursts += [(hiss + voice * (time > 0.05)) * envelope, np.zeros(int(draw.uniform(0.05, 0.15) * RATE_HZ))]
    return np.concatenate(bursts) * 8000


def heard(sound: Array, kind: Kind, speaker: str, origin: str, seed: int, level_db: float) -> Iterator[Example]:
    """As the ear hears it, from its onset on: nothing where the ear notices nothing."""
    draw = np.random.default_rng(seed)
    line = (PCM_24K, PCMU_8K)[seed % 2]
    levels = levels_db(np.clip(sound, -32768, 32767).astype("<i2"), 160)
    loud = levels[levels > levels.max() - 30]
    gain_db = level_db + draw.uniform(-6, 6) - 10 * np.log10((10 ** (loud / 10)).mean())
    whole = np.concatenate((np.zeros(RATE_HZ // 2), sound * 10 ** (gain_db / 20), np.zeros(RATE_HZ)))
    whole += draw.normal(size=len(whole)) * 32768 * 10 ** (draw.uniform(-68, -52) / 20)
    pcm = np.clip(np.rint(whole), -32768, 32767).astype("<i2").tobytes()
    data = convert_whole(pcm, PCM_16K, line)
    carried = np.frombuffer(convert_whole(data, line, PCM_16K), dtype="<i2")
    ear = LocalEar(line, vad_factory=SileroProbability)
    size = line.size_bytes(20)
    for count in range(len(data) // size):
        fact = ear.hear(AudioFrame(line, data[count * size : (count + 1) * size]), sounding=True)
        if fact is not None and fact.stage == "onset":
            begin = int(((count + 1) * 20 - fact.late_ms) * 16)
            for decided_ms in DECIDED_MS:
                vector = features(carried[begin : begin + decided_ms * 16], fact.floor_db, 0.0)
                yield Example(kind, speaker, origin, decided_ms, vector)
            return


def half_of(speaker: str) -> int:
    return zlib.crc32(speaker.encode()) % 2


def fit(examples: list[Example], columns: tuple[str, ...]) -> InterruptionModel:
    """Multinomial logistic regression, kinds weighed alike, by plain gradient steps."""
    table = np.array([example.vector for example in examples])
    means, scales = table.mean(axis=0), np.maximum(table.std(axis=0), 1e-3)
    used = np.array([name in columns for name in FEATURES] + [True], dtype=float)
    inputs = np.c_[(table - means) / scales, np.ones(len(table))] * used
    kinds = np.array([KINDS.index(example.kind) for example in examples])
    wanted = np.eye(len(KINDS))[kinds]
    share = 1 / (np.bincount(kinds, minlength=len(KINDS))[kinds] * len(KINDS))
    weights = np.zeros((len(KINDS), inputs.shape[1]))
    for _ in range(3000):
        scores = inputs @ weights.T
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        odds /= odds.sum(axis=1, keepdims=True)
        weights -= 0.5 * (((odds - wanted) * share[:, None]).T @ inputs + 2e-3 * weights)
    return InterruptionModel(means, scales, weights, {})


def judged(examples: list[Example], scores: Array) -> dict[str, float]:
    """Interruption against each other kind, by moment: area under the curve, and the share ignored at 97 % yield."""
    figures = {}
    for decided_ms in DECIDED_MS:
        now = np.array([example.decided_ms == decided_ms for example in examples])
        kinds = np.array([example.kind for example in examples])
        yields = scores[now & (kinds == "interruption"), 0]
        threshold = np.quantile(yields, 0.03)
        for kind in KINDS[1:]:
            others = scores[now & (kinds == kind), 0]
            wins = (yields[:, None] > others).mean() + (yields[:, None] == others).mean() / 2
            figures[f"auc_{kind}_{decided_ms}ms"] = round(float(wins), 3)
            figures[f"ignored_{kind}_{decided_ms}ms"] = round(float((others < threshold).mean()), 3)
    return figures


def origins(examples: list[Example]) -> set[tuple[Kind, str]]:
    return {(example.kind, example.origin) for example in examples}


def number(examples: list[Example], kind: Kind, origin: str) -> list[int]:
    of = [example.speaker for example in examples if (example.kind, example.origin) == (kind, origin)]
    return [len(set(of)), len(of)]


def rounded(values: Array) -> list[float]:
    return [round(float(value), 4) for value in values]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
