"""Log lines are static words with values beside them."""

from __future__ import annotations

import logging

from voice.commands.logs import KeyValueFormatter


def line(message: str, **extra: object) -> str:
    record = logging.getLogger("voice").makeRecord("voice", logging.INFO, "f", 1, message, (), None, extra=extra)
    return KeyValueFormatter().format(record)


def test_values_follow_the_message() -> None:
    assert line("session opened", session_id="sess_1", ms=12).endswith(" info session opened session_id=sess_1 ms=12")


def test_a_value_cannot_begin_a_new_line() -> None:
    assert line("x", reason='a "b"\nERROR forged').splitlines()[0].endswith('forged"')
