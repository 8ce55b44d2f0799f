"""Virtual environments of a benchmark's own, made on request and kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/voice-benchmarks`, by default under `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "voice-benchmarks"


def python_with(name: str, requirements: Sequence[str]) -> Path:
    """The interpreter of an environment with exactly these requirements. Raises CalledProcessError from pip.

    It is made once for each set of requirements and interpreter version; half a one is never left behind."""
    key = hashlib.sha256("\n".join([sys.version, *requirements]).encode()).hexdigest()[:12]
    folder = cache_folder() / f"{name}-{key}"
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    done = folder / "complete"
    if done.exists():
        return python
    print(f"making an environment for {name}: {' '.join(requirements)}", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, stdout=sys.stderr)
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
    subprocess.run([str(python), *install], check=True, stdout=sys.stderr)
    done.touch()
    return python
