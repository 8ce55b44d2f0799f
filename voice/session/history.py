"""The conversation as it was heard: what a reconnected engine is told, and what a transcript shows.

Items are kept in the engine's order (`previous_item_id`), with the words that were really heard. The list is
bounded: the oldest turns go first, and a tool call never goes without its result.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator
from dataclasses import dataclass

from voice.protocol.client_events import ConversationItemCreate
from voice.protocol.items import (
    AssistantMessage,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputText,
    Item,
    OutputAudio,
    OutputText,
    UserMessage,
)


@dataclass(slots=True)
class Entry:
    """One item. `text` is what was said, `heard` how much of an assistant's text the person heard (None: all);
    `known`: the present engine has it."""

    item: Item
    text: str = ""
    heard: str | None = None
    complete: bool = False
    known: bool = False

    @property
    def heard_text(self) -> str:
        return self.text if self.heard is None else self.heard

    @property
    def unheard_text(self) -> str:
        return "" if self.heard is None else self.text[len(self.heard) :]


def heard_words(text: str, heard_ms: float, received_ms: float) -> str:
    """The beginning of `text` that fits the share of the sound that was heard, in whole words."""
    if received_ms <= 0 or heard_ms <= 0:
        return ""
    if heard_ms >= received_ms:
        return text
    size = int(len(text) * heard_ms / received_ms)
    if size >= len(text):
        return text
    return text[: text.rfind(" ", 0, size + 1) + 1].rstrip() if " " in text[: size + 1] else ""


class History:
    """The items of the default conversation, oldest first."""

    def __init__(self, limit: int) -> None:
        self.entries: dict[str, Entry] = {}
        self.order: list[str] = []
        self._limit = limit

    def add(self, item: Item, previous_item_id: str | None) -> None:
        """An item exists (or exists with more in it now)."""
        item_id = item.id or ""
        entry = self.entries.get(item_id)
        if entry is not None:
            entry.item = item
        elif isinstance(item, FunctionCallOutput) and not self._has_call(item.call_id):
            return
        else:
            entry = self.entries[item_id] = Entry(item)
            self._place(item_id, previous_item_id)
        entry.text = text_of(item) or entry.text
        self._shrink()

    def complete(self, item: Item, previous_item_id: str | None) -> None:
        """An item is final."""
        self.add(item, previous_item_id)
        if entry := self.entries.get(item.id or ""):
            entry.complete = True

    def text(self, item_id: str) -> str:
        """The words of an item, as far as they are known."""
        entry = self.entries.get(item_id)
        return "" if entry is None else entry.text

    def know(self, item_id: str) -> None:
        """The present engine has this item."""
        if entry := self.entries.get(item_id):
            entry.known = True

    def forget_known(self) -> None:
        """Another engine knows nothing."""
        for entry in self.entries.values():
            entry.known = False

    def forget_calls(self, waiting: Container[str]) -> None:
        """Calls that will never be answered go: they have no output and nobody works on one."""
        outputs = {item.call_id for item in self._items() if isinstance(item, FunctionCallOutput)}
        for item in list(self._items()):
            if isinstance(item, FunctionCall) and item.call_id not in outputs and (item.call_id or "") not in waiting:
                self.delete(item.id or "")

    def _items(self) -> Iterator[Item]:
        return (entry.item for entry in self.entries.values())

    def delete(self, item_id: str) -> None:
        if self.entries.pop(item_id, None) is not None:
            self.order.remove(item_id)

    def known_before(self, item_id: str) -> str | None:
        """The last item before this one that the engine has; None when there is none."""
        for before in reversed(self.order[: self.order.index(item_id)]):
            if self.entries[before].known:
                return before
        return None

    def append_text(self, item_id: str, delta: str) -> None:
        """More of an assistant's transcript."""
        if (entry := self.entries.get(item_id)) is not None and not entry.complete and entry.heard is None:
            entry.text += delta

    def set_text(self, item_id: str, text: str) -> None:
        """The whole transcript of an item."""
        if (entry := self.entries.get(item_id)) is not None and entry.heard is None:
            entry.text = text

    def cut(self, item_id: str, heard_ms: float, received_ms: float) -> None:
        """The item was heard this far and no further."""
        if entry := self.entries.get(item_id):
            entry.heard = heard_words(entry.text, heard_ms, received_ms)

    def replay(self, skip: Collection[str] = ()) -> list[ConversationItemCreate]:
        """What to tell a new connection: every item that still means something, as text, as heard, in order.

        `skip` are items whose sound is sent again instead."""
        wishes = []
        for item_id in self.order:
            item = None if item_id in skip else retold(self.entries[item_id])
            if item is not None:
                wishes.append(ConversationItemCreate(item=item))
        return wishes

    def _place(self, item_id: str, previous_item_id: str | None) -> None:
        if previous_item_id == "root":
            self.order.insert(0, item_id)
        elif (
            previous_item_id is not None and previous_item_id in self.entries and self.order[-1:] != [previous_item_id]
        ):
            self.order.insert(self.order.index(previous_item_id) + 1, item_id)
        else:
            self.order.append(item_id)

    def _shrink(self) -> None:
        while len(self.order) > self._limit:
            item = self.entries[self.order[0]].item
            self.delete(self.order[0])
            if isinstance(item, FunctionCall | FunctionCallOutput):
                self._delete_call(item.call_id)

    def _has_call(self, call_id: str) -> bool:
        return any(isinstance(item, FunctionCall) and item.call_id == call_id for item in self._items())

    def _delete_call(self, call_id: str | None) -> None:
        for item_id in list(self.order):
            item = self.entries[item_id].item
            if isinstance(item, FunctionCall | FunctionCallOutput) and item.call_id == call_id:
                self.delete(item_id)


def text_of(item: Item) -> str:
    """The words of a message, from all of its parts."""
    content = getattr(item, "content", None) or ()
    words = [getattr(part, "text", None) or getattr(part, "transcript", None) or "" for part in content]
    return " ".join(word for word in words if word)


def retold(entry: Entry) -> Item | None:
    """The item in the form in which a client may create it; None when nothing of it can be told."""
    item = entry.item
    if isinstance(item, AssistantMessage):
        words = entry.heard_text
        return AssistantMessage(id=item.id, content=[OutputText(text=words)]) if words else None
    if isinstance(item, UserMessage):
        parts = [part for part in item.content if not isinstance(part, InputAudio | OutputAudio)]
        if len(parts) == len(item.content):
            return UserMessage(id=item.id, content=list(item.content))
        return UserMessage(id=item.id, content=[InputText(text=entry.text), *parts]) if entry.text else None
    if isinstance(item, FunctionCall):
        return FunctionCall(id=item.id, call_id=item.call_id, name=item.name, arguments=item.arguments)
    if isinstance(item, FunctionCallOutput):
        return FunctionCallOutput(id=item.id, call_id=item.call_id, output=item.output)
    return None if not hasattr(item, "content") else item
