"""The conversation as a scripted server holds it: items in order, and what the model believes of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from voice.errors import ProtocolError
from voice.testkit.mind import Belief, Believed, Kind

Item = dict[str, Any]
_KINDS: dict[str, Kind] = {"function_call": "call", "function_call_output": "output"}
_ROLES: dict[str, Kind] = {"user": "user", "assistant": "assistant", "system": "system"}


@dataclass(slots=True)
class Held:
    """An item and, where it is sound, its words in time: word n sounds until `ends_ms[n]`."""

    item: Item
    words: list[str] = field(default_factory=list)
    ends_ms: list[float] = field(default_factory=list)
    kept_ms: float | None = None

    @property
    def generated_ms(self) -> float:
        return self.ends_ms[-1] if self.ends_ms else 0.0

    @property
    def is_sound(self) -> bool:
        """Whether the assistant said this aloud."""
        return any(part.get("type") == "output_audio" for part in self.item.get("content") or ())

    def say(self, word: str, duration_ms: float) -> None:
        """One more word was generated."""
        self.ends_ms.append(self.generated_ms + duration_ms)
        self.words.append(word)

    def believed(self) -> Believed:
        """What the model makes of it."""
        item = self.item
        kind = _KINDS.get(item["type"]) or _ROLES.get(item.get("role", ""), "other")
        return Believed(kind, self._text(kind), item.get("name", ""), item.get("call_id", ""), item["id"])

    def _text(self, kind: Kind) -> str:
        if kind == "call":
            return str(self.item["arguments"])
        if kind == "output":
            return str(self.item["output"])
        if self.words:
            kept_ms = self.generated_ms if self.kept_ms is None else self.kept_ms
            # A word counts as heard from three quarters on: a cut falls on a whole ms, not on a word's end.
            starts_ms = [0.0, *self.ends_ms]
            kept = [
                word
                for word, start, end in zip(self.words, starts_ms, self.ends_ms, strict=False)
                if start + 0.75 * (end - start) <= kept_ms
            ]
            return " ".join(kept)
        parts = self.item.get("content") or ()
        return " ".join(text for part in parts if (text := part.get("text") or part.get("transcript")))


class Conversation:
    """The default conversation of one session. Every method that a client can misuse raises ProtocolError."""

    def __init__(self) -> None:
        self.answered_twice: list[str] = []
        self._held: dict[str, Held] = {}
        self._order: list[str] = []

    def __contains__(self, item_id: object) -> bool:
        return item_id in self._held

    def __getitem__(self, item_id: str) -> Held:
        return self._held[item_id]

    @property
    def last_id(self) -> str | None:
        return self._order[-1] if self._order else None

    def belief(self) -> Belief:
        """Everything that the model would be shown now, oldest first."""
        return tuple(self._held[item_id].believed() for item_id in self._order)

    def add(self, item: Item, previous_item_id: str | None = None) -> str | None:
        """A new item; returns the id of the one before it. Behind the last without `previous_item_id`."""
        if item["id"] in self._held:
            raise ProtocolError("There is an item with this id already.", param="item.id")
        at = self._place(previous_item_id)
        if item["type"] == "function_call_output":
            self._answer(item["call_id"])
        self._held[item["id"]] = Held(item)
        self._order.insert(at, item["id"])
        return self._order[at - 1] if at else None

    def _place(self, previous_item_id: str | None) -> int:
        if previous_item_id is None:
            return len(self._order)
        if previous_item_id == "root":
            return 0
        if previous_item_id not in self._held:
            raise ProtocolError("There is no such item to stand behind.", param="previous_item_id")
        return self._order.index(previous_item_id) + 1

    def _answer(self, call_id: str) -> None:
        items = [held.item for held in self._held.values()]
        if not any(item["type"] == "function_call" and item.get("call_id") == call_id for item in items):
            raise ProtocolError("There is no call with this id.", code="invalid_tool_call_id", param="item.call_id")
        if any(item["type"] == "function_call_output" and item["call_id"] == call_id for item in items):
            self.answered_twice.append(call_id)

    def get(self, item_id: str) -> Item:
        """An item as it is held."""
        return self._known(item_id, "item_retrieve_invalid_item_id").item

    def delete(self, item_id: str) -> None:
        """Forget an item."""
        self._known(item_id, "item_delete_invalid_item_id")
        del self._held[item_id]
        self._order.remove(item_id)

    def truncate(self, item_id: str, audio_end_ms: int) -> None:
        """Only so much of an assistant's sound was heard. Once, and never more than was generated."""
        held = self._known(item_id, "item_truncate_invalid_item_id")
        if not held.is_sound:
            raise ProtocolError("Only sound can be truncated.", code="unsupported_content_type", param="item_id")
        if held.kept_ms is not None:
            raise ProtocolError("This item was truncated already.", param="audio_end_ms")
        if audio_end_ms > held.generated_ms:
            raise ProtocolError(
                f"The item's {held.generated_ms:.0f} ms are already shorter than {audio_end_ms} ms.",
                param="audio_end_ms",
            )
        held.kept_ms = audio_end_ms
        for part in held.item["content"]:
            part.pop("transcript", None)

    def _known(self, item_id: str, code: str) -> Held:
        held = self._held.get(item_id)
        if held is None:
            raise ProtocolError("There is no such item.", code=code, param="item_id")
        return held
