"""Log lines of the service: a static message, then its values as key=value."""

from __future__ import annotations

import logging
import sys

LEVELS = ("debug", "info", "warning", "error")
TALKATIVE = ("aioice", "aiortc")
"""Libraries whose lines below a warning name people's addresses, and at debug what they say."""
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class KeyValueFormatter(logging.Formatter):
    """`2026-03-02T10:15:00Z info session opened session_id=…`; the values are what `extra` brought."""

    def __init__(self) -> None:
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        values = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        words = [self.formatTime(record, self.datefmt), record.levelname.lower(), record.getMessage()]
        words += [f"{name}={_quoted(value)}" for name, value in values.items()]
        line = " ".join(words)
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(level: str) -> None:
    """Write logs of this level and above to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(KeyValueFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def _quoted(value: object) -> str:
    text = str(value).replace("\n", "\\n")
    return f'"{text}"' if " " in text or not text else text
