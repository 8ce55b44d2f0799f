"""What the service weighs: installed, imported, started."""

from __future__ import annotations

import subprocess
import sys
import time
import tomllib
from pathlib import Path
from statistics import median

METHOD = (
    "A fresh environment with the base dependencies only. `import_s`: `import voice` inside a new interpreter. "
    "`ready_s`: from starting `voice serve` with a remote engine configured until its port accepts. `rss_mb`: resident "
    "set of its process tree half a second later. Medians; the first start, which may compile bytecode, is left out."
)
ROOT = Path(__file__).resolve().parents[2]
STARTS = 5
IMPORTS = 7
CALM_S = 0.5
MEGABYTE = 1_000_000
INSTALLER = ("pip", "setuptools", "wheel", "_distutils_hack", "pkg_resources", "distutils-precedence.pth")
IMPORT = "from time import perf_counter as now; began = now(); import voice; print(now() - began)"


def run() -> dict[str, float]:
    from tests.benchmarks.venvs import python_with

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    python = python_with("base", project["dependencies"])
    starts = [started_once(python) for _ in range(STARTS + 1)][1:]
    imports = [imported_once(python) for _ in range(IMPORTS + 1)][1:]
    return {
        "import_s": median(imports),
        "ready_s": median(ready_s for ready_s, _ in starts),
        "rss_mb": median(rss_mb for _, rss_mb in starts),
        "install_mb": installed_mb(python),
    }


def imported_once(python: Path) -> float:
    """Seconds of `import voice`, interpreter start not counted."""
    child = subprocess.run([str(python), "-c", IMPORT], cwd=ROOT, check=True, capture_output=True, text=True)
    return float(child.stdout)


def started_once(python: Path) -> tuple[float, float]:
    """Seconds until `voice serve` accepts, and its resident MB (2**20 bytes) when it has calmed down."""
    from tests.benchmarks.bridge.systems import System, started
    from tests.benchmarks.machine import tree_usage

    serve = ("-m", "voice", "serve", "--host", "127.0.0.1", "--port", "{port}", "--engine", "{upstream}")
    with started(System("voice", (str(python), *serve)), "ws://127.0.0.1:9/v1/realtime") as running:
        time.sleep(CALM_S)
        return running.ready_s, tree_usage(running.pid).rss_mb


def installed_mb(python: Path) -> float:
    """Size of site-packages and of this package in MB (10**6 bytes), without the installer and compiled bytecode."""
    query = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    child = subprocess.run([str(python), "-c", query], check=True, capture_output=True, text=True)
    return (size_bytes(Path(child.stdout.strip())) + size_bytes(ROOT / "voice")) / MEGABYTE


def size_bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        first = path.relative_to(folder).parts[0]
        skipped = "__pycache__" in path.parts or first in INSTALLER or first.split("-")[0] in INSTALLER
        if path.is_file() and not skipped:
            total += path.stat().st_size
    return total


def table(figures: dict[str, float]) -> list[tuple[str, str]]:
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    return [
        (f"import voice ({python}), s", f"{figures['import_s']:.3f}"),
        ("voice serve until ready, s", f"{figures['ready_s']:.2f}"),
        ("resident after start, MB", f"{figures['rss_mb']:.0f}"),
        ("base install, MB", f"{figures['install_mb']:.0f}"),
    ]
