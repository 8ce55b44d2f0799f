"""The service as a user starts it: a process of its own, with the embedded engine and everything real."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
GOODBYE_S = 10


@contextmanager
def served(*arguments: str, keys_file: str = "") -> Iterator[str]:
    """`voice serve --port 0` until the end of the block; gives its base address for SDKs."""
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("VOICE_", "OPENAI_"))}
    nobodys_keys = {"XDG_CONFIG_HOME": str(ROOT / "tests"), "VOICE_SERVER_KEYS_FILE": keys_file}
    ours = {"PYTHONPATH": str(ROOT), "VOICE_SERVER_GRACE_S": "0", "PYTHONUNBUFFERED": "1"}
    environment = {**settings, **nobodys_keys, **ours}
    process = subprocess.Popen(
        [sys.executable, "-m", "voice", "serve", "--port", "0", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield f"{_address(process)}/v1"
    finally:
        process.terminate()
        rest, _ = process.communicate(timeout=GOODBYE_S)
    assert process.returncode == 0, rest
    assert "Traceback" not in rest, rest


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    words = [word for word in line.split() if word.startswith(("http://", "https://"))]
    assert words, f"no address in {line!r}{process.stdout.read()}"
    return words[0]
