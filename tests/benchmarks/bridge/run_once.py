"""One run: an engine, a system under test and a crowd of callers in three processes, for one window of time."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from tests.benchmarks.bridge.measure import Window, measure
from tests.benchmarks.bridge.systems import ROOT, System, started
from tests.benchmarks.machine import tree_usage

PACKAGE = "tests.benchmarks.bridge"


@dataclass(frozen=True, slots=True)
class Run:
    """What one window gave: figures, what was lost by kind, and the engine's complaints about the system."""

    figures: dict[str, float]
    lost: dict[str, int]
    problems: list[str]


def run_once(system: System, *, calls: int, seconds: float, ramp: float = 25.0) -> Run:
    """Raises NotReadyError when the system does not start and HarnessError when a process of ours ends early."""
    with helper("upstream") as engine:
        url = f"ws://127.0.0.1:{engine.ask('', 'port ')}/v1/realtime"
        with started(system, url) as running:
            base = tree_usage(running.pid)
            place = ("--port", str(running.port), "--path", system.path)
            with helper("caller", *place, "--calls", str(calls), "--ramp", str(ramp)) as callers:
                callers.ask("", "first")
                one = tree_usage(running.pid)
                callers.ask("go", "warm")
                before, begin_s = tree_usage(running.pid), time.monotonic()
                engine_before, callers_before = tree_usage(engine.pid), tree_usage(callers.pid)
                time.sleep(seconds)
                after, end_s = tree_usage(running.pid), time.monotonic()
                engine_after, callers_after = tree_usage(engine.pid), tree_usage(callers.pid)
                report = json.loads(callers.ask("stop", ""))
            connections = json.loads(engine.ask("report", ""))
    samples = measure(report, connections, Window(begin_s, end_s))
    took_s = end_s - begin_s
    late = sorted(value for connection in connections for value in connection["late_ms"]) or [0.0]
    figures = {
        "cpu_s_per_session_min": (after.cpu_s - before.cpu_s) / took_s / calls * 60,
        "cpu_percent": (after.cpu_s - before.cpu_s) / took_s * 100,
        **samples.figures(),
        "rss_base_mb": base.rss_mb,
        "rss_first_mb": one.rss_mb,
        "rss_mb": after.rss_mb,
        "ready_s": running.ready_s,
        "callers_lag_p99_ms": report["lag_p99_ms"],
        "engine_lag_p99_ms": late[int(len(late) * 0.99)],
        "callers_cpu_percent": (callers_after.cpu_s - callers_before.cpu_s) / took_s * 100,
        "engine_cpu_percent": (engine_after.cpu_s - engine_before.cpu_s) / took_s * 100,
        "load": float(calls),
    }
    if calls > 1:
        figures["rss_mb_per_session"] = (after.rss_mb - one.rss_mb) / (calls - 1)
    return Run(figures, samples.lost, samples.problems)


class HarnessError(RuntimeError):
    """One of the harness' own processes ended before it answered."""


class Helper:
    """A process of the harness, spoken to in lines."""

    def __init__(self, process: subprocess.Popen[str], stdin: IO[str], stdout: IO[str]) -> None:
        self.pid = process.pid
        self._stdin = stdin
        self._stdout = stdout

    def ask(self, command: str, prefix: str) -> str:
        """Say a line (unless empty) and answer the next line that begins so, without that beginning."""
        if command:
            self._stdin.write(command + "\n")
            self._stdin.flush()
        for line in self._stdout:
            if line.startswith(prefix):
                return line.removeprefix(prefix).strip()
        raise HarnessError(f"no answer to {command or prefix!r}")


@contextmanager
def helper(name: str, *arguments: str) -> Iterator[Helper]:
    """Start a module of this package; it ends when its stdin does."""
    command = [sys.executable, "-m", f"{PACKAGE}.{name}", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Helper(process, process.stdin, process.stdout)
        finally:
            process.stdin.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
