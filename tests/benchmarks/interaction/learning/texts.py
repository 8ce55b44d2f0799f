"""What the synthetic voices say, from the data beside this."""

from __future__ import annotations

import tomllib
from pathlib import Path

_TEXTS: dict[str, list[str]] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))

STOPPING = _TEXTS["stopping"]
REQUESTS = _TEXTS["requests"]
AGREEING = _TEXTS["agreeing"]
LAUGHING = _TEXTS["laughing"]
TALKING = _TEXTS["talking"]
SAYING = _TEXTS["saying"]
VARIANTS = _TEXTS["variants"]
