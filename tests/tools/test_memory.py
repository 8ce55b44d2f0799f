"""Notes, in memory and in a file: the same behaviour."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from voice.errors import ConfigError, ToolFailed
from voice.tools.memory import NOTES_LIMIT, Memory, MemoryInFile, MemoryInProcess, Note

Make = Callable[[Path], Memory]
BOTH: list[Make] = [lambda path: MemoryInProcess(), lambda path: MemoryInFile(path / "deep" / "notes.json")]


@pytest.mark.parametrize("make", BOTH, ids=["process", "file"])
def test_notes_are_kept_in_order_and_removed(make: Make, tmp_path: Path) -> None:
    async def scene() -> None:
        memory = make(tmp_path)
        assert await memory.notes() == []
        notes = [Note(text, "2026-01-05") for text in ("keys", "çar", "cat")]
        for note in notes:
            await memory.add(note)
        await memory.remove([notes[1]])
        assert await memory.notes() == [notes[0], notes[2]]

    asyncio.run(scene())


def test_the_file_outlives_its_reader_and_is_nobody_elses(tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    asyncio.run(MemoryInFile(path).add(Note("keys", "now")))
    assert asyncio.run(MemoryInFile(path).notes()) == [Note("keys", "now")]
    assert path.stat().st_mode & 0o077 == 0


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    async def scene() -> None:
        memory = MemoryInFile(tmp_path / "notes.json")
        await asyncio.gather(*(memory.add(Note(str(number), "now")) for number in range(20)))
        assert len(await memory.notes()) == 20

    asyncio.run(scene())


@pytest.mark.parametrize("text", ["nonsense", "5", '[{"text": 1}]', '{"a": 1}'])
def test_a_file_of_something_else_is_said_and_left_alone(text: str, tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    path.write_text(text)
    with pytest.raises(ConfigError):
        asyncio.run(MemoryInFile(path).add(Note("x", "now")))
    assert path.read_text() == text


def test_it_is_full_at_some_point(tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    path.write_text(json.dumps([{"text": str(number), "at": ""} for number in range(NOTES_LIMIT)]))
    with pytest.raises(ToolFailed):
        asyncio.run(MemoryInFile(path).add(Note("x", "now")))
