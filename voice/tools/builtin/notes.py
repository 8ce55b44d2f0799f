"""Remember, recall and forget what a person said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from voice.tools.clock import Clock
from voice.tools.memory import Memory, Note
from voice.tools.spec import Tool, ToolContext

# Words that say nothing about what a note is about.
EMPTY_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a an the is are was were am be been do does did my your our his her their its i you me we it he she they that
        this these those what where when who which how why in on at to of for from with by and or not about into have
        has had put left will would can could should tell remember know please there here again any anything all""",
    )
)


def about(text: str) -> set[str]:
    """The words a text is about, without plural endings."""
    words = re.findall(r"[\w']+", text.casefold())
    return {_stem(word) for word in words} - EMPTY_WORDS


def _stem(word: str) -> str:
    word = word.removesuffix("'s").replace("'", "")
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def matching(notes: list[Note], query: str) -> list[Note]:
    """The notes that share the most words with the question, newest first; none without a shared word."""
    wanted = about(query)
    shared = [(len(wanted & about(note.text)), note) for note in notes]
    best = max((count for count, _ in shared), default=0)
    return [note for count, note in reversed(shared) if count == best] if best else []


def note_tools(memory: Memory, clock: Clock) -> list[Tool]:
    async def remember(arguments: Mapping[str, Any], context: ToolContext) -> object:
        text = " ".join(arguments["text"].split())
        await memory.add(Note(text=text, at=clock.now().isoformat(timespec="seconds")))
        return {"remembered": text}

    async def recall(arguments: Mapping[str, Any], context: ToolContext) -> object:
        notes, query = await memory.notes(), arguments.get("query", "")
        found = matching(notes, query) if query else notes[::-1]
        return {"query": query, "notes": [note.text for note in found[:5]], "total": len(found)}

    async def forget(arguments: Mapping[str, Any], context: ToolContext) -> object:
        query = arguments["query"]
        found = matching(await memory.notes(), query)
        await memory.remove(found)
        return {"query": query, "forgotten": [note.text for note in found]}

    async def forget_notes(arguments: Mapping[str, Any], context: ToolContext) -> object:
        found = await memory.notes()
        await memory.remove(found)
        return {"forgotten": len(found)}

    return [
        Tool(
            name="remember",
            description="Keep a note of something the person wants remembered.",
            parameters={
                "type": "object",
                "properties": {"text": {"type": "string", "minLength": 1, "maxLength": 1000}},
                "required": ["text"],
            },
            handler=remember,
            side_effect="write",
        ),
        Tool(
            name="recall",
            description="Find what the person asked to remember about something, or everything.",
            parameters={"type": "object", "properties": {"query": {"type": "string", "maxLength": 300}}},
            handler=recall,
        ),
        Tool(
            name="forget",
            description="Drop the notes about one thing.",
            parameters={
                "type": "object",
                "properties": {"query": {"type": "string", "minLength": 1, "maxLength": 300}},
                "required": ["query"],
            },
            handler=forget,
            side_effect="write",
        ),
        Tool(
            name="forget_notes",
            description="Drop every note there is, for good.",
            parameters={"type": "object", "properties": {}},
            handler=forget_notes,
            side_effect="irreversible",
        ),
    ]
