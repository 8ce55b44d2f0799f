"""The input buffer of a scripted server: hears marked speech, and finds turns by loudness and silence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from voice.audio.frames import AudioFrame
from voice.testkit.words import WINDOW_MS, Vocabulary, WordReader


@dataclass(frozen=True, slots=True)
class Edge:
    """The person began or stopped speaking at `at_ms` of the sound that was ever appended."""

    what: Literal["started", "stopped"]
    at_ms: int


class InputBuffer:
    """Counts in sound, not in time: a burst of old sound is heard just as the same sound in its time would have been.

    `silence_ms` of quiet end a turn. Without turns (`finds_turns` false) it only listens.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.finds_turns = True
        self.silence_ms = 500.0
        self.prefix_ms = 300.0
        self.heard_ms = 0.0
        self.speaking = False
        self.size_ms = 0.0
        self._reader = WordReader(vocabulary)
        self._quiet_ms = 0.0

    def hear(self, frame: AudioFrame) -> list[Edge]:
        """The next sound: what it means for the turn."""
        loud = self._reader.feed(frame)
        self.size_ms += frame.duration_ms
        if not self.finds_turns or not (self.speaking or any(loud)):
            self.heard_ms += frame.duration_ms
            return []
        began_ms = self.heard_ms
        self.heard_ms += frame.duration_ms
        edges = []
        for index, is_loud in enumerate(loud):
            edge = self._step(is_loud, began_ms + index * WINDOW_MS)
            if edge is not None:
                edges.append(edge)
        return edges

    def _step(self, is_loud: bool, at_ms: float) -> Edge | None:
        if is_loud:
            self._quiet_ms = 0.0
            if self.speaking:
                return None
            self.speaking = True
            return Edge("started", max(0, int(at_ms - self.prefix_ms)))
        if not self.speaking:
            return None
        self._quiet_ms += WINDOW_MS
        if self._quiet_ms < self.silence_ms:
            return None
        self.speaking = False
        return Edge("stopped", int(at_ms))

    def take(self) -> str:
        """The turn's words; the buffer is empty afterwards."""
        self.size_ms = 0.0
        return " ".join(self._reader.take_words())

    def clear(self) -> None:
        """Forget what was appended."""
        self.take()
        self._reader.forget_half()
        self.speaking = False
        self._quiet_ms = 0.0
