"""K telephone calls through the service to a scripted engine, against a bare relay in the same run."""

from __future__ import annotations

import argparse

METHOD = (
    "Callers speak Twilio Media Streams (µ-law 8 kHz, 20 ms frames, real-time pace); a scripted Realtime engine "
    "answers at 5x real time in 100 ms deltas; all on loopback in separate processes. Latency is that of markers in "
    "the sound; CPU is user + system of the system's process tree; medians of interleaved runs."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-k", "--calls", type=int, default=25, help="concurrent calls (default 25)")
    parser.add_argument("--seconds", type=float, default=7.0, help="length of a window (default 7)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each system, interleaved (default 3)")
    parser.add_argument("--suts", default="voice,limit,limit-pass", help="systems by name, comma between")
    parser.add_argument(
        "--sut", action="append", default=[], metavar="NAME=COMMAND", help="one more; {port} is filled in"
    )
    parser.add_argument(
        "--peers", default="", metavar="NAMES", help="pipecat, livekit, agents or all; installed on demand"
    )
    parser.add_argument("--ladder", default="", metavar="K,K,…", nargs="?", const="50,100,150,200,250,300,350,400")


def run(options: argparse.Namespace | None = None) -> dict[str, float]:
    """The service's figures under their own names, everybody else's as `system.figure`."""
    from tests.benchmarks.bridge.compare import compare

    if options is None:
        parser = argparse.ArgumentParser()
        add_options(parser)
        options = parser.parse_args([])
    return compare(options)


def table(figures: dict[str, float]) -> list[tuple[str, str]]:
    from tests.benchmarks.bridge.rows import rows

    return rows(figures)
