"""The tests of the how-to pass as they stand in the docs."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

import voice.tools.builtin  # noqa: F401 -- reads its files, as a service has done before its doors open
from voice.protocol.codec import build_models

build_models()  # as a service does before its doors open
SNIPPET = Path(__file__).parent.parent.parent / "docs" / "snippets" / "test_assistant.py"
NAMESPACE = runpy.run_path(str(SNIPPET))


@pytest.mark.parametrize("name", [name for name in NAMESPACE if name.startswith("test_")])
def test_the_snippet(name: str) -> None:
    NAMESPACE[name]()
