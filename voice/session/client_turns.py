"""A realtime client's wishes about turns, where we and not the engine keep the floor for it.

The protocol says who creates a response and who stops one by two flags of `turn_detection`. When we judge
interruptions, the engine must do neither, whatever the client asked for: what it asked for is what we do, and what it
is shown.
"""

from __future__ import annotations

from typing import Any

from voice.protocol.settings import AudioInput, AudioSettings, SemanticVad, ServerVad, merge
from voice.protocol.settings import Session as Settings
from voice.session.books import Books

HELD_BACK = {"create_response": False, "interrupt_response": False}


class ClientTurns:
    """Whose turn it is, as the client of this session would have it."""

    def __init__(self, books: Books) -> None:
        self._books = books

    @property
    def wanted(self) -> Settings:
        """The settings with every update that was not refused yet."""
        return self._books.updates.over(self._books.settings)

    @property
    def commits_by_hand(self) -> bool:
        """Whether turns are committed by hand."""
        if self._books.face is None:
            return self._books.turns.by_hand
        said, detection = detection_in(self.wanted)
        return said and detection is None

    @property
    def transcribes(self) -> bool:
        """Whether the engine was asked for the words of the person's turns."""
        audio = self._books.settings.audio
        return audio is not None and audio.input is not None and audio.input.transcription is not None

    @property
    def judged_here(self) -> bool:
        """Whether there is a client and the floor is ours all the same."""
        return self._books.face is not None and self._books.ours

    @property
    def creates(self) -> bool:
        """Whether the end of the person's turn asks for a reply by itself."""
        return self._wishes("create_response")

    @property
    def interrupts(self) -> bool:
        """Whether the person's voice stops the assistant's by itself."""
        return self._wishes("interrupt_response")

    def opening(self, settings: Settings) -> Settings:
        """What a fresh connection is asked for: turns found as the client wants, and nothing done about them."""
        said, wanted = detection_in(settings)
        if not self.judged_here or (said and wanted is None):
            return settings
        kept = wanted if isinstance(wanted, ServerVad | SemanticVad) else ServerVad()
        return _with_detection(settings, kept.model_copy(update=HELD_BACK))

    def for_engine(self, settings: object) -> object:
        """A client's update as the engine gets it."""
        if not self.judged_here or not isinstance(settings, Settings):
            return settings
        _, wanted = detection_in(settings)
        if not isinstance(wanted, ServerVad | SemanticVad):
            return settings
        return _with_detection(settings, wanted.model_copy(update=HELD_BACK))

    def as_asked(self, settings: object) -> object:
        """The engine's settings as the client is shown them."""
        if not self.judged_here or not isinstance(settings, Settings):
            return settings
        _, detection = detection_in(settings)
        if not isinstance(detection, ServerVad | SemanticVad):
            return settings
        flags = {flag: self._wishes(flag) for flag in HELD_BACK}
        return _with_detection(settings, detection.model_copy(update=flags))

    def _wishes(self, flag: str) -> bool:
        if self._books.face is None:
            return True
        said, wanted = detection_in(self.wanted)
        if said and wanted is None:
            return False
        return getattr(wanted, flag, None) is not False


def detection_in(settings: Settings) -> tuple[bool, Any]:
    """Whether settings say anything of turn detection, and what."""
    audio = settings.audio
    given = audio.input if audio is not None else None
    if given is None or "turn_detection" not in given.model_fields_set:
        return False, None
    return True, given.turn_detection


def _with_detection(settings: Settings, detection: Any) -> Settings:
    return merge(settings, Settings(audio=AudioSettings(input=AudioInput(turn_detection=detection))))
