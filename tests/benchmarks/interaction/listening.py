"""Some scenes for a person: a WAV (left the microphone, right the loudspeaker), the trace, and its timeline."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.interaction.clips import RATE_HZ
from tests.benchmarks.interaction.microphone import FRAME
from tests.benchmarks.interaction.policies import POLICIES
from tests.benchmarks.interaction.scenes import scene
from tests.benchmarks.interaction.stage import Played, Stage, near_of
from voice.runtime.trace import TraceWriter
from voice.timeline import render

if TYPE_CHECKING:
    from tests.benchmarks.interaction.panel import Task

SCENES = 1


def write_scenes(folder: Path, tasks: Sequence[Task]) -> None:
    """The first scene of each task under each of its policies."""
    folder.mkdir(parents=True, exist_ok=True)
    for task in tasks:
        for number in task.numbers[:SCENES]:
            drawn = scene(task.event, task.condition, task.half, number, task.seed)
            near = near_of(drawn)
            for policy in task.policies:
                played = Stage(drawn, POLICIES[policy](), {}, near).play(keep_sound=True, to_the_end=True)
                write_scene(folder / f"{drawn.name}-{policy}", played)


def write_scene(stem: Path, played: Played) -> None:
    """`stem`.wav, .jsonl and .svg."""
    _write_wav(stem.with_suffix(".wav"), played)
    trace = stem.with_suffix(".jsonl")
    with trace.open("w", encoding="utf-8") as file:
        writer = TraceWriter(file, played.config, started="1970-01-01T00:00:00+00:00")
        for line in played.log:
            writer.watch(line.at, line.event, line.effects)
    with trace.open(encoding="utf-8") as lines:
        stem.with_suffix(".svg").write_text(render(lines), encoding="utf-8")


def _write_wav(path: Path, played: Played) -> None:
    import numpy as np

    frames = len(played.person)
    both = np.zeros((frames * FRAME, 2), dtype="<i2")
    for number, (person, assistant) in enumerate(zip(played.person, played.assistant, strict=True)):
        at = number * FRAME
        heard = np.frombuffer(person, dtype="<i2")
        both[at : at + len(heard), 0] = heard
        if assistant is not None:
            both[at : at + FRAME, 1] = np.rint(np.clip(assistant, -1, 1) * 32767)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(both.tobytes())
