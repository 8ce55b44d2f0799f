"""Updates of the settings that an engine was sent and has not answered. Its answers come in their order."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

from voice.protocol.settings import Session as Settings
from voice.protocol.settings import TranscriptionSession, merge

Whose = Literal["first", "ours", "client", "sign"]
"""Who sent it: we, as the first word of the first connection or later; the client; or we, to see whether it lives."""


@dataclass(frozen=True, slots=True)
class Update:
    """One update on its way."""

    event_id: str
    whose: Whose
    settings: Settings | TranscriptionSession


class Updates:
    """The updates on their way, oldest first. `are_answered`: this kind of engine is known to answer them."""

    def __init__(self) -> None:
        self.are_answered = False
        self._sent: deque[Update] = deque()

    def sent(self, update: Update) -> None:
        """It went out."""
        self._sent.append(update)

    def answered(self) -> Update | None:
        """The engine answers: which one. None when nobody asked."""
        self.are_answered = True
        return self._sent.popleft() if self._sent else None

    def refused(self, event_id: str) -> Update | None:
        """The engine would not have it. None when it was none of these."""
        for update in self._sent:
            if update.event_id == event_id:
                self._sent.remove(update)
                return update
        return None

    def over(self, settings: Settings) -> Settings:
        """These settings as they are once every update is true."""
        for update in self._sent:
            if isinstance(update.settings, Settings):
                settings = merge(settings, update.settings)
        return settings

    def forget(self) -> None:
        """The connection is gone."""
        self._sent.clear()

    def __len__(self) -> int:
        return len(self._sent)
