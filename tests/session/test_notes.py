"""The page of notes says what the code notes, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from voice.runtime.observe import PERSONAL
from voice.session.turns import TurnTimes

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "notes.md"
ROW = re.compile(r"^\| `(\w+)` \| (.+) \| (.*) ?\|$", re.MULTILINE)


def noted() -> dict[str, set[str]]:
    """Every kind that the session notes, with the names of its values."""
    kinds: dict[str, set[str]] = {}
    for path in (ROOT / "voice" / "session").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "note":
                for kind in words_of(node.args[0]):
                    kinds.setdefault(kind, set()).update(names_of(node))
    return kinds


def words_of(node: ast.expr) -> Iterator[str]:
    """The fixed words that an expression may be."""
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def names_of(call: ast.Call) -> set[str]:
    names = {keyword.arg for keyword in call.keywords if keyword.arg is not None}
    unpacked = [keyword for keyword in call.keywords if keyword.arg is None]
    return names | set(TurnTimes.__slots__) if unpacked else names


def page() -> dict[str, str]:
    return {kind: values for kind, _, values in ROW.findall(PAGE.read_text(encoding="utf-8"))}


def test_the_page_lists_every_kind_in_order() -> None:
    assert list(page()) == sorted(noted())


def test_the_page_lists_the_values_of_every_kind() -> None:
    assert {kind: set(re.findall(r"`(\w+)`", values)) for kind, values in page().items()} == noted()


def test_the_page_marks_what_is_left_out_of_logs() -> None:
    for kind, values in page().items():
        marked = set(re.findall(r"`(\w+)` \(personal\)", values))
        assert marked == noted()[kind] & PERSONAL, kind
