"""The recordings of `audio_fixtures`, and which half of the speakers each belongs to."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

FIXTURES = Path(__file__).resolve().parents[3] / "audio_fixtures"
RATE_HZ = 16_000
Half = Literal["tune", "report"]
Line = Callable[["Samples"], "Samples"]
"""What it carries of a sound."""
HALVES: tuple[Half, Half] = ("tune", "report")

ALWAYS_REPORTED = {"ami-MEO069", "AntumDeluge"}
"""The only one who says a spontaneous backchannel, and the only one who laughs: never tuned on."""
GROUPS = {
    "command": "talk",
    "command_far": "talk",
    "paused": "talk",
    "digits": "talk",
    "interruption_word": "interruption_word",
    "backchannel": "backchannel",
    "overlap": "aside",
    "dialogue": "aside",
    "vocal": "vocal",
    "read": "reply",
    "line": "reply",
    "room": "room",
}
ONSET_SEARCH_MS, ONSET_STEP_MS, ONSET_BELOW_DB = 200, 5, 28.0


@dataclass(frozen=True, slots=True)
class Clip:
    """A row of the manifest. Spans of speech are in seconds."""

    name: str
    kind: str
    text: str
    speaker: str
    spans_s: tuple[tuple[float, float], ...]

    @property
    def synthetic(self) -> bool:
        return self.kind == "line"


@cache
def clips(*kinds: str) -> tuple[Clip, ...]:
    """Every recording of these kinds, in the manifest's order."""
    rows = tomllib.loads((FIXTURES / "manifest.toml").read_text(encoding="utf-8"))["file"]
    return tuple(
        Clip(
            row["file"],
            row["kind"],
            row["text"],
            row["speaker"] or row["file"],
            tuple((start / 1000, end / 1000) for start, end in row["spans_ms"]),
        )
        for row in rows
        if not kinds or row["kind"] in kinds
    )


def of_half(half: Half, *kinds: str) -> tuple[Clip, ...]:
    """The recordings of these kinds whose speakers belong to that half."""
    halves = speakers_half()
    return tuple(clip for clip in clips(*kinds) if halves[clip.speaker] == half)


@cache
def speakers_half() -> dict[str, Half]:
    """Every speaker's half. People who are heard in one recording share it; groups are split evenly by a hash."""
    circles: list[tuple[set[str], list[Clip]]] = []
    for clip in clips():
        people, said = set(clip.speaker.split(" + ")), [clip]
        for circle in [circle for circle in circles if circle[0] & people]:
            circles.remove(circle)
            people |= circle[0]
            said = circle[1] + said
        circles.append((people, said))
    groups: dict[str, list[tuple[set[str], list[Clip]]]] = defaultdict(list)
    for people, said in circles:
        groups[GROUPS.get(said[0].kind, "noise")].append((people, said))
    halves: dict[str, Half] = {}
    for members in groups.values():
        members.sort(key=lambda circle: sha256(min(circle[0]).encode()).digest())
        for place, (people, said) in enumerate(members):
            half: Half = "report" if people & ALWAYS_REPORTED else HALVES[place % 2]
            halves |= dict.fromkeys((clip.speaker for clip in said), half)
    return halves


@cache
def sound(name: str) -> Samples:
    """A recording at 16 kHz, full scale 1."""
    import numpy as np

    from voice.audio.convert import convert_whole
    from voice.audio.frames import PCM_16K, AudioFormat
    from voice.audio.wav import read_wav

    wav = read_wav((FIXTURES / name).read_bytes())
    pcm = convert_whole(wav.pcm, AudioFormat("pcm16", wav.rate_hz), PCM_16K)
    return np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(32768)


@cache
def active_db(clip: Clip) -> float:
    """Loudness of the speech in a recording, or of all of it where no speech is marked; dBFS."""
    return _active_db(sound(clip.name), clip)


def loudness_db(samples: Samples) -> float:
    import numpy as np

    return float(10 * np.log10(max(float(np.mean(samples.astype(np.float64) ** 2)), 1e-12)))


def unchanged(samples: Samples) -> Samples:
    """A line that carries everything."""
    return samples


@cache
def onset_s(clip: Clip, carried: Line = unchanged) -> float:
    """Where the sound really begins: spans come from a detector, which needs some of it before it is sure.

    The first 5 ms of an unbroken run within 28 dB of the speech's loudness and 6 dB above the recording's own quiet, at
    most 200 ms before or after the span's beginning; what the line does not carry of it does not count."""
    samples = carried(sound(clip.name))
    start_s = clip.spans_s[0][0] if clip.spans_s else 0.0
    step = ONSET_STEP_MS * RATE_HZ // 1000
    at = int(start_s * RATE_HZ)
    search = ONSET_SEARCH_MS * RATE_HZ // 1000
    earliest, latest = max(0, at - search), at + search
    quiet_db = loudness_db(samples[: max(earliest, step)]) + 6
    least_db = max(_active_db(samples, clip) - ONSET_BELOW_DB, quiet_db)
    while at + step <= latest and loudness_db(samples[at : at + step]) < least_db:
        at += step
    while at - step >= earliest and loudness_db(samples[at - step : at]) >= least_db:
        at -= step
    return at / RATE_HZ


def _active_db(samples: Samples, clip: Clip) -> float:
    import numpy as np

    spans = clip.spans_s or ((0.0, len(samples) / RATE_HZ),)
    return loudness_db(np.concatenate([samples[int(start * RATE_HZ) : int(end * RATE_HZ)] for start, end in spans]))
