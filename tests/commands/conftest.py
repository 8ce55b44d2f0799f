"""A command has its loop to itself: between a call and its picture it may read and write files."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def blocking_calls_fail() -> None:
    """Not here."""
