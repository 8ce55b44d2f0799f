"""Whose a voice was, when it is gone: how much it was like our own while it sounded."""

from __future__ import annotations

from collections import deque

from voice.session.events import CallerSpeech

_MOMENTS = 4
"""So many tell: the measure of echo jumps from one to the next."""
_PRESENT_MS = 32.0
"""A voice that was heard so lately, one window ago, is there."""


class VoicedEcho:
    """The echo of the last moments in which there was a voice."""

    def __init__(self) -> None:
        self._moments: deque[float] = deque(maxlen=_MOMENTS)
        self._of_before = False

    def forget(self) -> None:
        """The assistant fell silent, or speaks again."""
        self._moments.clear()
        self._of_before = False

    def hear(self, facts: CallerSpeech) -> None:
        """The newest moment."""
        if facts.stage == "onset":
            self._of_before = True
        elif facts.stage == "going" and facts.late_ms < _PRESENT_MS:
            if self._of_before:
                self.forget()
            self._moments.append(facts.echo)

    def of_what_is_gone(self, facts: CallerSpeech) -> float:
        """How much that voice was like our own. What is left of it tells little. Of a stretch that began too late to
        hear any voice in it, the voice before may have been the same one, or another: the liker counts."""
        if not self._moments:
            return facts.echo
        mean = sum(self._moments) / len(self._moments)
        return max(mean, facts.echo) if self._of_before else mean
