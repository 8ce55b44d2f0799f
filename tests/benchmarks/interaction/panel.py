"""All scenes of a run, over some processes, to figures."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from tests.benchmarks.interaction.clips import Half
from tests.benchmarks.interaction.outcomes import Outcome, as_line, outcome
from tests.benchmarks.interaction.policies import POLICIES, SCORED
from tests.benchmarks.interaction.scenes import can_happen, cells, scene
from tests.benchmarks.interaction.scores import figures
from tests.benchmarks.interaction.stage import Stage, near_of

QUICK_EVENTS = 10


@dataclass(frozen=True, slots=True)
class Task:
    """Some scenes of one cell, under every policy asked for."""

    event: str
    condition: str
    half: Half
    numbers: tuple[int, ...]
    seed: int
    policies: tuple[str, ...]
    words: bool = False


def panel(options: argparse.Namespace) -> dict[str, float]:
    """Play everything that was asked for and score it."""
    tasks = tasks_of(options)
    outcomes = list(play_all(tasks, options.jobs))
    if options.dump:
        write_dump(options.dump, outcomes)
    if options.wav:
        from tests.benchmarks.interaction.listening import write_scenes

        write_scenes(options.wav, [task for task in tasks if task.condition in ("clean", "loudspeaker", "snr10")])
    found = figures(outcomes)
    if options.beside:
        known = json.loads(options.beside.read_text(encoding="utf-8").splitlines()[-1])
        found |= {key: value for key, value in known.items() if key.partition(".")[0] in SCORED and key not in found}
    if options.markdown:
        from tests.benchmarks.interaction.tables import page

        options.markdown.write_text(page(found, options.half, options.seed), encoding="utf-8")
    return found


def tasks_of(options: argparse.Namespace) -> list[Task]:
    """One for each cell in which somebody of the half can do something."""
    events = QUICK_EVENTS if options.quick else options.events
    policies = SCORED if options.policy == "all" else (options.policy,)
    return [
        Task(event, condition, options.half, tuple(range(events)), options.seed, policies, options.words)
        for event, condition in cells(tuple(options.only), tuple(options.conditions))
        if can_happen(event, options.half)
    ]


def play_all(tasks: Sequence[Task], jobs: int = 0) -> Iterable[Outcome]:
    """In the order of the tasks, whoever is ready first. One job: in this process."""
    jobs = jobs or min(os.cpu_count() or 1, 8)
    if jobs == 1:
        for task in tasks:
            yield from play(task)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for number, found in enumerate(pool.map(play, tasks), start=1):
            if number % 10 == 0 or number == len(tasks):
                print(f"{number} of {len(tasks)} cells", file=sys.stderr, flush=True)
            yield from found


def play(task: Task) -> list[Outcome]:
    """Every scene of a cell; the policies of a scene hear the same sound."""
    found: list[Outcome] = []
    for number in task.numbers:
        drawn = scene(task.event, task.condition, task.half, number, task.seed)
        near = near_of(drawn)
        memo: dict[int, float] = {}
        for name in task.policies:
            policy = POLICIES[name]()
            stage = Stage(drawn, replace(policy, words=policy.words or task.words), memo, near)
            found += [outcome(drawn, name, stage.play())]
    return found


def write_dump(path: Path, outcomes: Iterable[Outcome]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for result in outcomes:
            file.write(json.dumps(as_line(result), ensure_ascii=False) + "\n")
