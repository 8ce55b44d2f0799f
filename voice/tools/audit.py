"""What was called, with what, and how it ended: one record per call.

Arguments are kept with the values of secret-looking names blanked; outputs are counted, not kept.
"""

from __future__ import annotations

import json
import queue
import re
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

SECRET_NAME = re.compile(
    r"pass(word|wd|phrase|code)|secret|token|api_?key|credential|authori[sz]ation|\bpin\b|cvv|card_?number|ssn", re.I
)
REDACTED = "[redacted]"
VALUE_LIMIT_CHARS = 200
DEPTH_LIMIT = 6


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One tool call. `at` is ISO 8601; `arguments` are redacted, None when they were not readable; `approved_by` is who
    allowed it where somebody was asked; `repeated`: it had run before and did nothing this time."""

    at: str
    session_id: str
    call_id: str
    tool: str
    side_effect: str
    arguments: Any
    ok: bool
    code: str
    duration_ms: float
    output_chars: int
    approved_by: str = ""
    repeated: bool = False


class Audit(Protocol):
    """Keeps records. `record` returns at once and never raises."""

    def record(self, record: AuditRecord) -> None: ...

    def close(self) -> None: ...


class AuditRing:
    """The newest records, in memory; the oldest fall out."""

    def __init__(self, size: int = 1000) -> None:
        self._records: deque[AuditRecord] = deque(maxlen=size)

    def record(self, record: AuditRecord) -> None:
        self._records.append(record)

    def close(self) -> None:
        pass

    @property
    def records(self) -> list[AuditRecord]:
        return list(self._records)


class AuditFile:
    """One JSON line per record, appended by a thread of its own.

    When the disk is slower than the calls, the newest records are dropped and counted in `lost`.
    """

    def __init__(self, path: Path, *, queue_size: int = 10_000) -> None:
        self.path = path
        self.lost = 0
        self._queue: queue.Queue[AuditRecord | None] = queue.Queue(queue_size)
        self._writer: threading.Thread | None = None

    def record(self, record: AuditRecord) -> None:
        if self._writer is None:
            self._writer = threading.Thread(target=self._write, name="audit", daemon=True)
            self._writer.start()
        try:
            self._queue.put_nowait(record)
        except queue.Full:
            self.lost += 1

    def close(self) -> None:
        """Write what is left. Blocks for as long as that takes; call it outside the loop."""
        if self._writer is not None:
            self._queue.put(None)
            self._writer.join()
            self._writer = None

    def _write(self) -> None:
        try:
            with self.path.open("a", encoding="utf-8") as file:
                while (record := self._queue.get()) is not None:
                    file.write(json.dumps(asdict(record), ensure_ascii=True) + "\n")
                    if self._queue.empty():
                        file.flush()
        except OSError:
            self._drain()

    def _drain(self) -> None:
        """The disk failed: count instead of writing, so that nobody ever waits for it."""
        self.lost += 1
        while self._queue.get() is not None:
            self.lost += 1


class AuditTee:
    """Records to several places."""

    def __init__(self, audits: Iterable[Audit]) -> None:
        self._audits = tuple(audits)

    def record(self, record: AuditRecord) -> None:
        for audit in self._audits:
            audit.record(record)

    def close(self) -> None:
        for audit in self._audits:
            audit.close()


def redacted(value: object, *, depth: int = 0) -> Any:
    """The value with secret-looking names blanked and long texts cut."""
    if depth >= DEPTH_LIMIT:
        return "…"
    if isinstance(value, dict):
        return {
            str(name): REDACTED if SECRET_NAME.search(str(name)) else redacted(inner, depth=depth + 1)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [redacted(inner, depth=depth + 1) for inner in value[:50]]
    if isinstance(value, str) and len(value) > VALUE_LIMIT_CHARS:
        return value[:VALUE_LIMIT_CHARS] + "…"
    return value
