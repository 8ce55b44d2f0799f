"""Where notes are kept: one small seam, in memory or in a JSON file."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from voice.errors import ConfigError, ToolFailed

NOTES_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Note:
    """One thing somebody asked to remember. `at` is ISO 8601."""

    text: str
    at: str


class Memory(Protocol):
    """Notes in the order in which they came."""

    async def add(self, note: Note) -> None:
        """Raises ToolFailed when it is full or cannot be written."""

    async def notes(self) -> list[Note]: ...

    async def remove(self, notes: list[Note]) -> None: ...


class MemoryInProcess:
    """Notes that are gone when the process ends."""

    def __init__(self) -> None:
        self._notes: list[Note] = []

    async def add(self, note: Note) -> None:
        if len(self._notes) >= NOTES_LIMIT:
            raise ToolFailed(f"There are {NOTES_LIMIT} notes already; forget some first.")
        self._notes.append(note)

    async def notes(self) -> list[Note]:
        return list(self._notes)

    async def remove(self, notes: list[Note]) -> None:
        self._notes = [note for note in self._notes if note not in notes]


class MemoryInFile:
    """Notes in one JSON file, replaced whole at every change. One process at a time may own the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = asyncio.Lock()

    async def add(self, note: Note) -> None:
        async with self._lock:
            notes = await asyncio.to_thread(self._read)
            if len(notes) >= NOTES_LIMIT:
                raise ToolFailed(f"There are {NOTES_LIMIT} notes already; forget some first.")
            await asyncio.to_thread(self._write, [*notes, note])

    async def notes(self) -> list[Note]:
        async with self._lock:
            return await asyncio.to_thread(self._read)

    async def remove(self, notes: list[Note]) -> None:
        async with self._lock:
            kept = [note for note in await asyncio.to_thread(self._read) if note not in notes]
            await asyncio.to_thread(self._write, kept)

    def _read(self) -> list[Note]:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ToolFailed("The notes cannot be read.", detail=str(error)) from error
        try:
            return [Note(text=str(one["text"]), at=str(one["at"])) for one in json.loads(text)]
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigError("This is not a file of notes.", path=self.path, fix="Move it away.") from error

    def _write(self, notes: list[Note]) -> None:
        draft = self.path.with_name(self.path.name + ".new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("w", encoding="utf-8") as file:
                draft.chmod(0o600)
                json.dump([asdict(note) for note in notes], file, ensure_ascii=False, indent=1)
            draft.replace(self.path)
        except OSError as error:
            raise ToolFailed("The note cannot be written.", detail=str(error)) from error
