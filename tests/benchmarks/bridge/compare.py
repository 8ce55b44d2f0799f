"""Many runs: systems take turns, medians are taken, the service is set against the bare relays, ladders are climbed."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from statistics import median

from tests.benchmarks.bridge.run_once import Run, run_once
from tests.benchmarks.bridge.systems import System, built_in, from_text

OURS = "voice"
YARDSTICKS = {"limit": "cpu_vs_limit", "limit-pass": "cpu_vs_limit_pass"}
LAG_WARNING_MS = 15.0
UPLINK_LIMIT_MS = 20.0
LADDER_SECONDS = 5.0
LADDER_RAMP = 50.0
RUNG_TRIES = 3


def compare(options: argparse.Namespace) -> dict[str, float]:
    """The figures of every system asked for; `voice` has no prefix."""
    systems = chosen(options)
    runs: dict[str, list[Run]] = {system.name: [] for system in systems}
    for turn in range(options.repeat):
        for system in systems:
            run = run_once(system, calls=options.calls, seconds=options.seconds)
            tell(f"{system.name} {turn + 1}/{options.repeat}", run)
            runs[system.name].append(run)
    medians = {name: medians_of([run.figures for run in each]) for name, each in runs.items()}
    for figures in medians.values():
        add_ratios(figures, medians)
    if options.ladder:
        rungs = [int(rung) for rung in options.ladder.split(",")]
        for system in systems:
            medians[system.name]["max_sessions"] = float(climb(system, rungs))
    return flat(medians)


def chosen(options: argparse.Namespace) -> list[System]:
    known = built_in()
    names = [name for name in options.suts.split(",") if name]
    if unknown := [name for name in names if name not in known]:
        raise SystemExit(f"No such system: {', '.join(unknown)}. Known: {', '.join(known)}.")
    systems = [known[name] for name in names] + [from_text(text) for text in options.sut]
    if options.peers:
        from tests.benchmarks.bridge.peers import peers

        systems += peers(options.peers)
    return systems


def medians_of(figures: list[dict[str, float]]) -> dict[str, float]:
    """Key by key. What was lost is summed: one good run does not undo a loss."""
    keys = dict.fromkeys(key for each in figures for key in each)
    found = {key: median(each[key] for each in figures if key in each) for key in keys}
    return {**found, "lost": sum(each["lost"] for each in figures)}


def add_ratios(figures: dict[str, float], medians: dict[str, dict[str, float]]) -> None:
    for name, key in YARDSTICKS.items():
        if name in medians:
            yardstick = medians[name]["cpu_s_per_session_min"]
            figures[key] = figures["cpu_s_per_session_min"] / max(yardstick, 1e-9)


def climb(system: System, rungs: list[int]) -> int:
    """The most calls with nothing lost and uplink p99 under the limit; a rung that fails is tried again:
    a machine that is busy with something else fails rungs that the system would hold."""
    best = 0
    for calls in rungs:
        for _ in range(RUNG_TRIES):
            run = run_once(system, calls=calls, seconds=LADDER_SECONDS, ramp=LADDER_RAMP)
            tell(f"{system.name} K={calls}", run)
            if holds(run):
                break
        else:
            return best
        best = calls
    return best


def holds(run: Run) -> bool:
    return not run.figures["lost"] and run.figures.get("uplink_p99_ms", UPLINK_LIMIT_MS) < UPLINK_LIMIT_MS


def flat(medians: dict[str, dict[str, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, figures in medians.items():
        prefix = "" if name == OURS else name + "."
        found |= {prefix + key: value for key, value in figures.items()}
    return found


def tell(what: str, run: Run) -> None:
    """One line of progress on stderr, and a warning for a run that measured the harness rather than the system."""
    figures = run.figures
    line = f"{what}: {figures['cpu_s_per_session_min']:.3f} s/min, uplink p99 {figures.get('uplink_p99_ms', -1):.1f} ms"
    if run.lost:
        line += f", lost {run.lost}"
    if run.problems:
        line += f", engine complained {dict(Counter(run.problems).most_common(3))}"
    print(line, file=sys.stderr, flush=True)
    lag_ms = max(figures["callers_lag_p99_ms"], figures["engine_lag_p99_ms"])
    if lag_ms > LAG_WARNING_MS:
        print(f"{what}: the harness itself was {lag_ms:.0f} ms late (p99); do not trust this run.", file=sys.stderr)
