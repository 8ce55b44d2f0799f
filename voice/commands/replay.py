"""Run a recorded conversation through the core again and compare every decision with the recorded one."""

from __future__ import annotations

import argparse
from pathlib import Path

from voice.commands.terminal import say
from voice.errors import TraceUnreadable

EXAMPLES = """\
examples:
  voice call question.wav --trace t.jsonl     record one
  voice replay t.jsonl                        0: identical · 1: the first difference · 2: not a trace
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The words of this command."""
    parser.add_argument("trace", type=Path, metavar="TRACE", help="a file written by --trace")


def run(arguments: argparse.Namespace) -> int:
    """Exit code 0 when the effects are identical."""
    if not arguments.trace.is_file():
        raise TraceUnreadable(
            f"There is no file {arguments.trace}.", fix="Record one with: voice call IN.wav --trace t.jsonl"
        )
    from voice.app import replay

    result = replay(arguments.trace)
    if result.equal:
        say(f"Identical: {result.events} events led to the same effects.")
        return 0
    say(f"Different after {result.events} events: {result.first_difference}")
    return 1
