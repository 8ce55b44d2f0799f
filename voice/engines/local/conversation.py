"""The conversation as the far end knows it: ordered items, and of each what was really heard.

Pure. What the client may not do raises ProtocolError with the wire's code. Bounded: beyond `most_sound_bytes` the
sound of the oldest items is dropped (their words stay); beyond `most_items` the oldest items themselves, a function
call never without its output.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil

from voice.engines.local.spoken import SpokenText
from voice.engines.local.usage import Tokens, assistant_audio_tokens, text_tokens, user_audio_tokens
from voice.engines.local.words import text_of
from voice.errors import ProtocolError, VoiceError
from voice.protocol.items import (
    AssistantMessage,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    Item,
    OutputAudio,
    UserMessage,
)


@dataclass(slots=True)
class Entry:
    """An item and what the wire does not show of it.

    `sound` is a person's voice (PCM16, 16 kHz) by content index, `spoken` the assistant's words with their time,
    `unrecognised` why there is no transcript, `confidence` the recogniser's in the one there is.
    """

    item: Item
    sound: dict[int, bytes] = field(default_factory=dict)
    sound_ms: float = 0.0
    spoken: dict[int, SpokenText] = field(default_factory=dict)
    unrecognised: VoiceError | None = None
    confidence: float | None = None

    @property
    def id(self) -> str:
        return self.item.id or ""


class Conversation:
    """Items in order."""

    def __init__(self, *, most_items: int = 2000, most_sound_bytes: int = 16 * 1024 * 1024) -> None:
        self._entries: dict[str, Entry] = {}
        self._order: list[str] = []
        self._most_items = most_items
        self._most_sound_bytes = most_sound_bytes
        self._sound_bytes = 0

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._entries

    def __len__(self) -> int:
        return len(self._order)

    def holds(self, entry: Entry) -> bool:
        """Whether it is still this one: a client may delete an item and make another with the same id."""
        return self._entries.get(entry.id) is entry

    @property
    def ids(self) -> list[str]:
        """A copy of the order."""
        return list(self._order)

    @property
    def last_id(self) -> str | None:
        return self._order[-1] if self._order else None

    def add(self, entry: Entry, previous_item_id: str | None = None) -> str | None:
        """Put an item after another (None: at the end, `"root"`: in front). Returns the id before it, None if first."""
        if entry.id in self._entries:
            raise ProtocolError(f"There is already an item '{entry.id}'.", code="item_already_exists", param="item.id")
        if isinstance(entry.item, FunctionCallOutput) and self._call(entry.item.call_id) is None:
            raise ProtocolError(
                f"No function call '{entry.item.call_id}' is in the conversation.",
                code="invalid_tool_call_id",
                param="item.call_id",
            )
        place = self._place_after(previous_item_id)
        self._order.insert(place, entry.id)
        self._entries[entry.id] = entry
        self._sound_bytes += sum(map(len, entry.sound.values()))
        self._drop_old_sound()
        return self._order[place - 1] if place else None

    def get(self, item_id: str, param: str = "item_id") -> Entry:
        """Raises ProtocolError `item_not_found`."""
        entry = self._entries.get(item_id)
        if entry is None:
            raise ProtocolError(f"There is no item '{item_id}'.", code="item_not_found", param=param)
        return entry

    def replace(self, item: Item) -> None:
        """The item is now like this. One that was deleted meanwhile stays deleted."""
        entry = self._entries.get(item.id or "")
        if entry is not None:
            entry.item = item

    def previous_of(self, item_id: str) -> str | None:
        """The id before an item that is there."""
        place = self._order.index(item_id)
        return self._order[place - 1] if place else None

    def delete(self, item_id: str) -> None:
        """Raises ProtocolError `item_not_found`."""
        entry = self.get(item_id)
        self._order.remove(item_id)
        del self._entries[item_id]
        self._sound_bytes -= sum(map(len, entry.sound.values()))

    def overflow(self) -> list[str]:
        """Delete what is too much, oldest first; returns the ids."""
        gone: list[str] = []
        while len(self._order) > self._most_items:
            oldest = self._entries[self._order[0]]
            gone.append(oldest.id)
            self.delete(oldest.id)
            if isinstance(oldest.item, FunctionCall):
                outputs = [entry.id for entry in self._entries.values() if _answers(entry.item, oldest.item)]
                for output_id in outputs:
                    gone.append(output_id)
                    self.delete(output_id)
        return gone

    def truncate(self, item_id: str, content_index: int, audio_end_ms: int) -> None:
        """The far end heard the item only so far. Raises ProtocolError, and then nothing is changed."""
        entry = self.get(item_id)
        if not isinstance(entry.item, AssistantMessage) or not entry.spoken:
            raise ProtocolError(
                "Only an assistant's message with audio can be truncated.",
                code="unsupported_content_type",
                param="item_id",
            )
        spoken = entry.spoken.get(content_index)
        if spoken is None:
            raise ProtocolError(f"The item has no audio at content {content_index}.", param="content_index")
        if not 0 <= audio_end_ms <= ceil(spoken.length_ms):
            raise ProtocolError(
                f"The item has {ceil(spoken.length_ms)} ms of audio; it cannot be truncated at {audio_end_ms} ms.",
                param="audio_end_ms",
            )
        spoken.cut(audio_end_ms)
        entry.item = as_heard(entry)

    def recognise(self, item_id: str, content_index: int, transcript: str, confidence: float | None = None) -> None:
        """The words of a person's sound are known. An item that was deleted meanwhile stays deleted."""
        entry = self._entries.get(item_id)
        if entry is None or not isinstance(entry.item, UserMessage):
            return
        content = list(entry.item.content)
        content[content_index] = InputAudio(transcript=transcript)
        entry.item = entry.item.model_copy(update={"content": content})
        entry.confidence = confidence

    def heard(self, item_ids: Sequence[str]) -> list[Item]:
        """Those of the items that are still there, with the words that were heard. What nobody heard is left out."""
        items = (as_heard(self._entries[item_id]) for item_id in item_ids if item_id in self._entries)
        return [item for item in items if not isinstance(item, AssistantMessage) or text_of(item)]

    def tokens(self, item_ids: Sequence[str]) -> Tokens:
        """What it costs to be told of these items."""
        return sum((_tokens(self._entries[item_id]) for item_id in item_ids if item_id in self._entries), Tokens())

    def _call(self, call_id: str) -> FunctionCall | None:
        for entry in self._entries.values():
            if isinstance(entry.item, FunctionCall) and entry.item.call_id == call_id:
                return entry.item
        return None

    def _place_after(self, previous_item_id: str | None) -> int:
        if previous_item_id is None:
            return len(self._order)
        if previous_item_id == "root":
            return 0
        self.get(previous_item_id, "previous_item_id")
        return self._order.index(previous_item_id) + 1

    def _drop_old_sound(self) -> None:
        for entry in self._oldest_with_sound():
            if self._sound_bytes <= self._most_sound_bytes:
                return
            self._sound_bytes -= sum(map(len, entry.sound.values()))
            entry.sound.clear()

    def _oldest_with_sound(self) -> Iterator[Entry]:
        if self._sound_bytes > self._most_sound_bytes:
            yield from (self._entries[item_id] for item_id in self._order if self._entries[item_id].sound)


def as_heard(entry: Entry) -> Item:
    """The item with the words of its sound that the far end heard."""
    item = entry.item
    if not isinstance(item, AssistantMessage) or not entry.spoken:
        return item
    content = list(item.content)
    for index, spoken in entry.spoken.items():
        content[index : index + 1] = [OutputAudio(transcript=spoken.heard())]
    return item.model_copy(update={"content": content})


def _answers(item: Item, call: FunctionCall) -> bool:
    return isinstance(item, FunctionCallOutput) and item.call_id == call.call_id


def _tokens(entry: Entry) -> Tokens:
    """Sound counts as sound and not as its words too."""
    if entry.sound_ms:
        return Tokens(text_tokens(text_of(entry.item, written_only=True)), user_audio_tokens(entry.sound_ms))
    if entry.spoken:
        return Tokens(0, sum(assistant_audio_tokens(spoken.length_ms) for spoken in entry.spoken.values()))
    return Tokens(text_tokens(text_of(entry.item)))
