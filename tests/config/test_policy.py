"""Which tools may run, as people write it into the file or the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from voice.app import open_tools
from voice.app.tooling import approval_rules
from voice.config import load
from voice.errors import ConfigError

FILE = """\
[tools]
approval_s = 30
approval_on_interruption = "drop"

[tools.policy]
irreversible = "deny"
set_timer = "ask"
"""


def test_the_table_in_the_file_becomes_the_rules_of_conversations(tmp_path: Path) -> None:
    path = tmp_path / "voice.toml"
    path.write_text(FILE)
    settings = load(path, {})
    rules = approval_rules(settings, open_tools(settings))
    assert (rules.timeout_ms, rules.on_interruption) == (30_000.0, "drop")
    assert [rules.verdicts[name] for name in ("get_time", "set_timer", "remember", "forget_notes")] == [
        "allow",
        "ask",
        "allow",
        "deny",
    ]


def test_the_table_in_the_environment() -> None:
    settings = load(None, {"VOICE_TOOLS_POLICY": "write=ask, forget_notes=allow"})
    assert settings.tools.policy == {"write": "ask", "forget_notes": "allow"}


def test_without_a_table_only_what_cannot_be_undone_is_asked_for() -> None:
    settings = load(None, {})
    rules = approval_rules(settings, open_tools(settings))
    assert {name for name, verdict in rules.verdicts.items() if verdict != "allow"} == {"forget_notes"}
    assert rules.timeout_ms == 60_000.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[tools.policy]\nwrite = "dony"\n', r'2: \[tools\] policy write: expected one of "allow", "ask", "deny"'),
        ("[tools]\npolicy = 5\n", r"2: \[tools\] policy: expected rows like"),
        ('[tools]\napproval_s = "long"\n', "approval_s: expected a number"),
    ],
)
def test_a_table_that_cannot_be_right_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "voice.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message.removeprefix("2: ")):
        load(path, {})


def test_a_row_that_concerns_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="'forget_note', which is neither a tool nor a class"):
        open_tools(load(None, {"VOICE_TOOLS_POLICY": "forget_note=deny"}))
