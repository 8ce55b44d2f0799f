"""Log lines are static words with values beside them."""

from __future__ import annotations

import logging

import pytest

from voice.commands.logs import LEVELS, TALKATIVE, KeyValueFormatter, configure


def line(message: str, **extra: object) -> str:
    record = logging.getLogger("voice").makeRecord("voice", logging.INFO, "f", 1, message, (), None, extra=extra)
    return KeyValueFormatter().format(record)


def test_values_follow_the_message() -> None:
    assert line("session opened", session_id="sess_1", ms=12).endswith(" info session opened session_id=sess_1 ms=12")


def test_a_value_cannot_begin_a_new_line() -> None:
    assert line("x", reason='a "b"\nERROR forged').splitlines()[0].endswith('forged"')


def test_what_libraries_say_of_people_is_not_logged_at_any_level(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    monkeypatch.setattr(root, "level", root.level)
    for level in LEVELS[:2]:
        configure(level)
        assert not any(logging.getLogger(f"{name}.ice").isEnabledFor(logging.INFO) for name in TALKATIVE)
        assert logging.getLogger("voice.app").isEnabledFor(logging.INFO)
