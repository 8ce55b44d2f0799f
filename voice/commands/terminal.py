"""Plain words on a terminal."""

from __future__ import annotations

import sys


def say(text: str = "") -> None:
    """A line for whoever started the command."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def remark(text: str) -> None:
    """A line that is not the result."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
