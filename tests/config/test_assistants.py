"""Several assistants in one settings file: each is whole, and what it leaves out is as in general."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from voice.config import Settings, load
from voice.errors import ConfigError

FILE = """\
[server]
default_assistant = "reception"

[session]
voice = "alto"
greeting = "Hello."

[turns]
silence_ms = 600

[overrides]
voice = "key"

[assistants.reception]
description = "Answers the telephone"
instructions = "Be brief."
greeting = ""
tools = ["set_timer"]
model = "gpt-realtime-2.1"

[assistants.reception.turns]
mode = "semantic_vad"

[assistants.reception.overrides]
instructions = "nobody"

[assistants.plain]
"""
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "voice.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_what_an_assistant_says_wins_and_what_it_leaves_out_is_as_in_general(write: Write) -> None:
    settings = load(write(FILE), {})
    assert list(settings.assistants) == ["reception", "plain"]
    reception = settings.assistants["reception"]
    assert (reception.description, reception.model) == ("Answers the telephone", "gpt-realtime-2.1")
    assert (reception.session.instructions, reception.session.greeting) == ("Be brief.", "")
    assert reception.session.voice == "alto"
    assert (reception.turns.mode, reception.turns.silence_ms) == ("semantic_vad", 600)
    assert (reception.overrides.instructions, reception.overrides.voice) == ("nobody", "key")
    assert reception.tools.enabled == ("set_timer",)


def test_an_assistant_that_says_nothing_is_the_general_one(write: Write) -> None:
    settings = load(write(FILE), {})
    plain = settings.assistants["plain"]
    assert (plain.session, plain.turns, plain.tools) == (settings.session, settings.turns, settings.tools)
    assert plain.overrides == settings.overrides


def test_a_variable_changes_what_no_assistant_says(write: Write) -> None:
    settings = load(write(FILE), {"VOICE_TURNS_SILENCE_MS": "900", "VOICE_TURNS_MODE": "off"})
    turns = settings.assistants["reception"].turns
    assert (turns.silence_ms, turns.mode) == (900, "semantic_vad")


def test_without_assistants_there_are_none() -> None:
    assert load(None, {}).assistants == Settings().assistants == {}


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[assistants.a]\nvioce = 1\n", 2, "Did you mean voice?"),
        ("[assistants.a.turns]\nmood = 1\n", 2, "Did you mean mode?"),
        ("[assistants.a]\nvoice = 1\n", 2, "[assistants.a] voice: expected text in quotes"),
        ("[assistants.a.overrides]\nvoice = 'everybody'\n", 2, 'expected one of "anyone", "key", "nobody"'),
        ("[assistants.'a b']\n", 1, "letters, digits, _ and -"),
        ("[assistants]\nreception = 1\n", 2, "expected a section"),
        ("assistants = 1\n", 1, "expected every setting in a section"),
        ("[server]\ndefault_assistant = 'b'\n[assistants.a]\n", 2, "there are: a"),
        ("[server]\ntls_cert = 'x'\n", 2, "server.tls_key beside it"),
    ],
)
def test_a_mistake_names_its_line(write: Write, text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(write(text), {})
    assert words in refused.value.person
    assert refused.value.line == line
