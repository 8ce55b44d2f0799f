"""Where the generated pages are."""

from __future__ import annotations

from pathlib import Path

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
CONFORMANCE = REFERENCE / "conformance.md"
ERRORS = REFERENCE / "errors.md"
HOW = "run: python -m tests.conformance"
