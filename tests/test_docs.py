"""The documents say what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import diagrams
from voice.config import load

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


def test_the_drawings_of_the_states_are_those_of_the_code() -> None:
    text = diagrams.PAGE.read_text(encoding="utf-8")
    assert diagrams.page_with(text) == text, "python -m docs.diagrams writes it anew"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_settings_for_taking_turns_are_settings() -> None:
    snippet = (ROOT / "docs" / "snippets" / "turns.toml").read_text(encoding="utf-8")
    assert snippet in (ROOT / "docs" / "howto" / "take-turns.md").read_text(encoding="utf-8")
    turns = load(ROOT / "docs" / "snippets" / "turns.toml", {}, {}).turns
    assert (turns.mode, turns.speculate_ms, turns.interruption) == ("local", 250, "auto")
