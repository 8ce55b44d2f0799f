"""The session's files stand on each other: none knows those above it."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOM = Path(__file__).resolve().parent.parent.parent / "voice" / "session"
PREFIX = "voice.session."


def uses() -> dict[str, set[str]]:
    """Which files each file names in its imports, those for types included."""
    graph = {}
    for path in ROOM.glob("*.py"):
        nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
        named = {
            alias.name if node.module == "voice.session" else (node.module or "").removeprefix(PREFIX)
            for node in nodes
            if f"{node.module}.".startswith(PREFIX)
            for alias in node.names
        }
        graph[path.stem] = named
    return graph


def test_no_file_needs_one_that_needs_it() -> None:
    try:
        tuple(TopologicalSorter(uses()).static_order())
    except CycleError as error:
        pytest.fail(f"a circle: {' → '.join(error.args[1])}")


def test_only_the_session_stands_on_everything() -> None:
    graph = uses()
    assert not [name for name, used in graph.items() if "session" in used]
    assert {"books", "engine_side", "repairs"} <= graph["session"]


@pytest.mark.parametrize("path", sorted(ROOM.glob("*.py")), ids=lambda path: path.stem)
def test_a_file_is_small_enough_to_hold_one_noun(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 330
