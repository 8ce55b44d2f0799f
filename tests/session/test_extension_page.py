"""The page of extension events says what the code says, and nothing else."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from voice.session.extension import EXTENSIONS, Extension, as_event

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "extension-events.md"
SECTION = re.compile(r"^## `(voice\.\w+)`\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| .+ \|$", re.MULTILINE)
WORDS = {str: "string", int: "integer", float: "number", bool: "boolean"}


def page() -> dict[str, dict[str, str]]:
    """Per event its fields and their types, as the page has them."""
    return {kind: dict(ROW.findall(text)) for kind, text in SECTION.findall(PAGE.read_text(encoding="utf-8"))}


def in_words(hint: object) -> str:
    if get_origin(hint) is Literal:
        return ", ".join(f"`{word}`" for word in get_args(hint))
    known = [WORDS[kind] for kind in (get_args(hint) or (hint,)) if kind is not type(None)]
    return " or ".join([*known, *(["null"] if type(None) in get_args(hint) else [])])


def test_the_page_has_every_event() -> None:
    assert set(page()) == set(EXTENSIONS)


@pytest.mark.parametrize("kind", EXTENSIONS.values(), ids=list(EXTENSIONS))
def test_the_page_has_every_field_and_its_type(kind: type[Extension]) -> None:
    hints = get_type_hints(kind)
    assert page()[kind.TYPE] == {field.name: in_words(hints[field.name]) for field in fields(kind)}


@pytest.mark.parametrize("kind", EXTENSIONS.values(), ids=list(EXTENSIONS))
def test_an_event_is_flat_and_has_type_and_id(kind: type[Extension]) -> None:
    nothing: list[Any] = [None for _ in fields(kind)]
    raw = as_event(kind(*nothing), "vx_1").raw
    assert list(raw) == ["type", "event_id", *(field.name for field in fields(kind))]
    assert (raw["type"], raw["event_id"]) == (kind.TYPE, "vx_1")
