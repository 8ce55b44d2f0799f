"""Sound for the ear's benchmark: recordings of a folder, telephone lines, rooms with a loudspeaker in them."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voice.audio.convert import convert_whole
from voice.audio.frames import PCM_16K, AudioFormat
from voice.audio.wav import read_wav

Sound = NDArray[np.float64]
"""Samples in PCM16 steps at 16 kHz."""

RATE_HZ = 16_000
GRAIN = 160
SPEECH_KINDS = ("command", "read", "interruption_word", "backchannel")


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording. `begin_ms` is where its manifest says that speech begins, -1 where there is none."""

    name: str
    kind: str
    sound: Sound
    begin_ms: float


def load(folder: Path) -> list[Clip]:
    """All recordings of a folder with a `manifest.toml` or `manifest.jsonl`."""
    clips = []
    for row in _rows(folder):
        wav = read_wav((folder / row["file"]).read_bytes())
        pcm = convert_whole(wav.pcm, AudioFormat("pcm16", wav.rate_hz), PCM_16K)
        spans = row.get("spans_ms") or [[1000 * at for at in span] for span in row.get("speech_segments") or []]
        sound = np.frombuffer(pcm, dtype="<i2").astype(np.float64)
        clips.append(Clip(row["file"], row["kind"], sound, float(spans[0][0]) if spans else -1.0))
    return clips


def _rows(folder: Path) -> list[dict[str, Any]]:
    toml = folder / "manifest.toml"
    if toml.exists():
        rows: list[dict[str, Any]] = tomllib.loads(toml.read_text(encoding="utf-8"))["file"]
        return rows
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line]


def grain_levels_db(sound: Sound) -> Sound:
    """dBFS of every 10 ms."""
    grains = sound[: len(sound) // GRAIN * GRAIN].reshape(-1, GRAIN)
    levels: Sound = 10 * np.log10((grains**2).mean(axis=1) / 32768**2 + 1e-10)
    return levels


def levelled(sound: Sound, level_db: float) -> Sound:
    """So loud where it is loud: over the grains within 30 dB of the loudest."""
    levels = grain_levels_db(sound)
    loud = levels[levels > levels.max() - 30]
    return sound * float(10 ** ((level_db - 10 * np.log10((10 ** (loud / 10)).mean())) / 20))


def noise(level_db: float, samples: int, seed: int) -> Sound:
    white: Sound = np.random.default_rng(seed).normal(size=samples) * 32768 * 10 ** (level_db / 20)
    return white


def pcm16(sound: Sound) -> bytes:
    return bytes(np.clip(np.rint(sound), -32768, 32767).astype("<i2"))


@dataclass(frozen=True, slots=True)
class Utterance:
    """Somebody begins to speak on a line: the line's sound and where that is to be heard, ms."""

    pcm: bytes
    onset_ms: float


def utterance(clip: Clip, line: AudioFormat, bed_db: float, seed: int, lead_ms: int = 800) -> Utterance | None:
    """A clip faded in over line noise. None when the clip is itself too noisy to say where its speech begins.

    The reference is the first 10 ms, near where the manifest says, that stand 6 dB over all noise (at most 30 dB
    under the loudest) and are followed by more of it, as the line carries them.
    """
    first = max(0, int(clip.begin_ms - 120) * 16)
    sound = levelled(clip.sound[first:], -24.0)
    own_db = float(np.percentile(grain_levels_db(sound), 10))
    loudest_db = float(np.percentile(grain_levels_db(sound), 95))
    if loudest_db - own_db < 25:
        return None
    fade = min(int(clip.begin_ms * 16) - first, 960)
    sound[:fade] *= np.linspace(0, 1, fade)
    whole = np.concatenate((np.zeros(lead_ms * 16), sound, np.zeros(RATE_HZ // 2)))
    pcm = pcm16(whole + noise(bed_db, len(whole), seed))
    carried = convert_whole(convert_whole(pcm, PCM_16K, line), line, PCM_16K)
    levels = grain_levels_db(np.frombuffer(carried, dtype="<i2").astype(np.float64))
    audible = levels > max(bed_db + 6, own_db + 6, loudest_db - 30)
    for grain in range(lead_ms // 10, len(levels) - 4):
        if audible[grain] and audible[grain : grain + 4].sum() >= 3:
            return Utterance(pcm, grain * 10.0)
    return None


def rooms(clips: list[Clip]) -> list[Sound]:
    """Impulse responses: those recorded in the folder, or else made ones of 0.15 to 0.5 s."""
    recorded = [clip.sound / 32768 for clip in clips if clip.kind == "rir"]
    if recorded:
        return [response[int(np.argmax(np.abs(response))) :][: RATE_HZ // 2] for response in recorded]
    return [_made_room(seed, reverberation_s) for seed, reverberation_s in enumerate((0.15, 0.25, 0.35, 0.5))]


def _made_room(seed: int, reverberation_s: float) -> Sound:
    samples = int(reverberation_s * RATE_HZ)
    response: Sound = np.random.default_rng(seed).normal(size=samples) * np.exp(-np.arange(samples) * 6.9 / samples)
    response *= 0.1
    response[0] = 1.0
    return response


@dataclass(frozen=True, slots=True)
class Duet:
    """A loudspeaker talks, twice somebody talks over it: both ends, and whose the near end is (dBFS per 10 ms)."""

    far: bytes
    near: bytes
    echo_db: Sound
    person_db: Sound
    barge_ms: tuple[float, ...]


def duet(far: list[Clip], people: list[Clip], room: Sound, coupling_db: float, delay_ms: float, seed: int) -> Duet:
    """Nine seconds. The loudspeaker distorts (a soft clip) in every other scene; the quiet is at -62 dBFS."""
    draw = np.random.default_rng(seed)
    samples = 9 * RATE_HZ
    played = np.zeros(0)
    while len(played) < samples:
        played = np.concatenate((played, levelled(far[draw.integers(len(far))].sound, -22.0)))
    played = played[:samples]
    sounded = np.tanh(played / 8192) * 8192 if seed % 2 else played
    echo = np.convolve(sounded, room)[:samples]
    echo *= 10 ** (coupling_db / 20) * np.sqrt((played**2).mean() / (echo**2).mean())
    echo = np.concatenate((np.zeros(int(delay_ms * 16)), echo))[:samples]
    person, barges = np.zeros(samples), []
    for at_ms in (3000, 6200):
        clip = people[draw.integers(len(people))]
        said = levelled(clip.sound[max(0, int(clip.begin_ms - 50)) * 16 :], -25.0)[: samples - at_ms * 16]
        person[at_ms * 16 : at_ms * 16 + len(said)] += said
        barges.append(at_ms + min(clip.begin_ms, 50.0))
    near = pcm16(echo + person + noise(-62, samples, seed))
    return Duet(pcm16(played), near, grain_levels_db(echo), grain_levels_db(person), tuple(barges))
