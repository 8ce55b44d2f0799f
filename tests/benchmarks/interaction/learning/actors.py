"""Actors who laugh, cough, hum and shout: the voices of the game Hedgewars, as Debian's `hedgewars-data` installs them
(GFDL 1.3). They are learned from where they lie; nothing of them is kept. Wants soundfile."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from tests.benchmarks.interaction.learning.voices import trimmed
from voice.audio.convert import convert_whole
from voice.audio.frames import PCM_16K, AudioFormat

if TYPE_CHECKING:
    from tests.benchmarks.interaction.clips import Samples

FOLDER = Path("/usr/share/games/hedgewars/Data/Sounds/voices")
MACHINES = {"Robot"}
KINDS = {
    "laugh": ("Laugh",),
    "cough": ("PoisonCough",),
    "hum": ("Hmm",),
    "shout": (
        *("Nooo", "Hello", "Cutitout", "Watchit", "Leavemealone", "Whatthe", "Hurry", "Runaway", "Comeonthen"),
        *("Stupid", "Coward", "Illgetyou", "Youllregretthat", "Takecover", "Incoming", "Sameteam", "Traitor"),
        *("Byebye", "Solong", "Boring", "Fire", "Melon"),
    ),
}


def acted(kind: str, random: Random, part: int, parts: int) -> Samples:
    """One sound of a kind by an actor of this part, from its beginning to its end."""
    return _read(random.choice(_files(kind, part, parts)))


@cache
def _files(kind: str, part: int, parts: int) -> tuple[Path, ...]:
    if not FOLDER.is_dir():
        raise FileNotFoundError(f"The actors are not there ({FOLDER}): install hedgewars-data.")
    people = sorted(
        (folder.name for folder in FOLDER.iterdir() if folder.name not in MACHINES),
        key=lambda name: sha256(name.encode()).digest(),
    )
    files = [FOLDER / name / f"{said}.ogg" for name in people[part::parts] for said in KINDS[kind]]
    return tuple(file for file in files if file.is_file())


@cache
def _read(file: Path) -> Samples:
    import numpy as np
    import soundfile

    samples, rate_hz = soundfile.read(file, dtype="int16", always_2d=True)
    pcm = convert_whole(samples[:, 0].tobytes(), AudioFormat("pcm16", rate_hz), PCM_16K)
    return trimmed(np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(32768))
