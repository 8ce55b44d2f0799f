"""What the person is saying, before it is known in full."""

from __future__ import annotations

REMEMBERED = 8


class PartialWords:
    """The words of the last few items of the person as they are being told, piece by piece."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def add(self, item_id: str, delta: str) -> str:
        """More of an item: its words so far."""
        text = self._texts.pop(item_id, "") + delta
        self._texts[item_id] = text
        while len(self._texts) > REMEMBERED:
            del self._texts[next(iter(self._texts))]
        return text

    def forget(self, item_id: str) -> None:
        """They are known in full."""
        self._texts.pop(item_id, None)
