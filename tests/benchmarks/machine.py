"""The machine a figure was measured on, and what a tree of processes used of it."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib import metadata

import psutil

PACKAGES = ("voice", "websockets", "numpy", "pydantic", "httpx", "starlette", "uvicorn", "uvloop")
MEBIBYTE = 1 << 20


def versions() -> dict[str, str]:
    """Python and the packages that figures depend on; packages that are not installed are left out."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, str]:
    """What else a reader needs to judge an absolute figure: system, cores, and how busy they were."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": str(os.cpu_count() or 0),
        "load_1min": f"{load:.2f}",
    }


@dataclass(frozen=True, slots=True)
class Usage:
    """User and system CPU seconds so far, and resident MB (2**20 bytes) now."""

    cpu_s: float
    rss_mb: float


def tree_usage(pid: int) -> Usage:
    """Usage of a process and all its descendants; one that has just ended counts nothing."""
    cpu_s = rss_bytes = 0.0
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return Usage(0.0, 0.0)
    for process in processes:
        try:
            times = process.cpu_times()
            rss_bytes += process.memory_info().rss
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        cpu_s += times.user + times.system
    return Usage(cpu_s, rss_bytes / MEBIBYTE)
