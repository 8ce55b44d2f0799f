"""The built page as it ships: complete, small, and from nowhere else."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from voice.server.page.built import DIST

CLIENT = Path(__file__).parents[2] / "clients" / "browser"
MOST_BYTES = 150_000


def test_what_the_page_names_is_there() -> None:
    named = re.findall(r'(?:src|href)="/([^"]+)"', (DIST / "index.html").read_text())
    assert len(named) >= 3
    for name in named:
        assert (DIST / name).is_file(), name


def test_it_is_small() -> None:
    sizes = {path.name: len(gzip.compress(path.read_bytes())) for path in DIST.rglob("*") if path.is_file()}
    assert sum(sizes.values()) < MOST_BYTES, sizes


def test_nothing_is_fetched_from_elsewhere() -> None:
    for path in (DIST / "assets").glob("*.[jc]s*"):
        elsewhere = set(re.findall(r"https?://[\w.-]+", path.read_text())) - {"http://www.w3.org", "http://localhost."}
        assert not elsewhere, path.name


def test_the_lock_names_no_package_host() -> None:
    resolved = re.findall(r'"resolved": "([^"]+)"', (CLIENT / "package-lock.json").read_text())
    assert resolved == ["voice-client"]


def test_whose_work_it_contains_is_told() -> None:
    told = (DIST / "licences.txt").read_text()
    for work in ("preact", "@preact/signals", "Inter", "SIL OPEN FONT LICENSE"):
        assert work in told
