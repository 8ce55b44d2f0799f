"""The record of calls."""

from __future__ import annotations

import json
from pathlib import Path

from voice.tools.audit import AuditFile, AuditRecord, AuditRing, AuditTee


def record(call_id: str) -> AuditRecord:
    return AuditRecord(
        at="2026-01-05T09:30:00+00:00",
        session_id="s",
        call_id=call_id,
        tool="t",
        side_effect="read",
        arguments={"city": "Malmö\u2028"},
        ok=True,
        code="",
        duration_ms=1.5,
        output_chars=3,
    )


def test_the_ring_keeps_the_newest() -> None:
    ring = AuditRing(size=2)
    for name in "abc":
        ring.record(record(name))
    assert [one.call_id for one in ring.records] == ["b", "c"]


def test_the_file_has_a_line_for_each_and_is_added_to(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    for names in ("ab", "c"):
        audit = AuditFile(path)
        for name in names:
            audit.record(record(name))
        audit.close()
        audit.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["call_id"] for line in lines] == ["a", "b", "c"]
    assert lines[0]["arguments"] == {"city": "Malmö\u2028"}


def test_a_disk_that_fails_is_counted_and_holds_nobody_up(tmp_path: Path) -> None:
    audit = AuditFile(tmp_path / "missing" / "audit.jsonl")
    for name in "abc":
        audit.record(record(name))
    audit.close()
    assert audit.lost >= 3


def test_a_full_queue_drops_and_counts(tmp_path: Path) -> None:
    audit = AuditFile(tmp_path / "a.jsonl", queue_size=1)
    for number in range(5000):
        audit.record(record(str(number)))
    audit.close()
    kept = len((tmp_path / "a.jsonl").read_text().splitlines())
    assert kept + audit.lost == 5000


def test_a_tee_tells_everybody() -> None:
    rings = [AuditRing(), AuditRing()]
    tee = AuditTee(rings)
    tee.record(record("a"))
    tee.close()
    assert [len(ring.records) for ring in rings] == [1, 1]
