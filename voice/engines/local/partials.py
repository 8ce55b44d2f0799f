"""The words of an utterance while it is spoken, told as they become certain.

What was told cannot be taken back: a recogniser that changes its mind about it is believed from the next word on, and
in the final transcript. It changes its mind while more is said; what stands in a pause stands.
"""

from __future__ import annotations

from typing import Literal

Delay = Literal["minimal", "low", "medium", "high", "xhigh"]

PATIENCE_MS: dict[Delay, float] = {"minimal": 0.0, "low": 250.0, "medium": 400.0, "high": 700.0, "xhigh": 1_200.0}
"""How long a word must have been the same before it is told: the protocol names the steps, not the times."""
IN_A_PAUSE = 0.25
"""That share of it is enough where nothing more is said."""


class Partials:
    """The words of one utterance so far, and how many of them were told."""

    def __init__(self, delay: Delay) -> None:
        self._patience_ms = PATIENCE_MS[delay]
        self._text = ""
        self._words: list[str] = []
        self._ages_ms: list[float] = []
        self.told = 0

    def news(self, text: str, passed_ms: float, *, pause: bool = False) -> str:
        """What to tell after `passed_ms` more of sound, of which the recogniser has made these words so far."""
        patience_ms = self._patience_ms * (IN_A_PAUSE if pause else 1.0)
        if text != self._text:
            self._take(text)
        self._ages_ms = [age_ms + passed_ms for age_ms in self._ages_ms]
        certain = self.told
        while certain < len(self._words) and self._ages_ms[certain] >= patience_ms:
            certain += 1
        return self._tell(certain)

    def rest(self, text: str) -> str:
        """The utterance is over and these are its words: what is left to tell."""
        if text != self._text:
            self._take(text)
        return self._tell(len(self._words))

    def _take(self, text: str) -> None:
        """Words that are as they were keep their age, up to the first one that is not."""
        words = text.split()
        same = 0
        while same < min(len(words), len(self._words)) and words[same] == self._words[same]:
            same += 1
        self._ages_ms = self._ages_ms[:same] + [0.0] * (len(words) - same)
        self._text, self._words = text, words

    def _tell(self, until: int) -> str:
        if until <= self.told:
            return ""
        said = " ".join(self._words[self.told : until])
        before, self.told = self.told, until
        return f" {said}" if before else said
