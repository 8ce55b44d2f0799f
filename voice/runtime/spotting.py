"""When our own spotter is asked for the words of a stretch, and who waits for its answer.

A stretch is looked at twice: while it goes on, early enough to tell "mm-hm" from "stop" before the clock does, and once
it is over. One question of a conversation is under way at a time; a newer one is asked when that is answered, and what
concerns a stretch that is past is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from voice.engines.base import Ear, SpeechFacts, Spotter
from voice.session.events import CallerWords

FIRST_LOOK_MS = 270.0
LONGEST_MS = 1_600.0
"""Who speaks longer than this has taken the floor or is somebody else: no list of short phrases tells."""


class LookTimes:
    """The two moments of each stretch at which its words are looked for. Pure."""

    def __init__(self) -> None:
        self._looked = False

    def wanted(self, facts: SpeechFacts) -> bool:
        """Whether to look now."""
        if facts.stage == "onset":
            self._looked = False
        if facts.stage == "offset":
            return facts.speech_ms <= LONGEST_MS
        if self._looked or facts.speech_ms < FIRST_LOOK_MS:
            return False
        self._looked = True
        return True


class WordWatch:
    """Asks for one conversation. `spawn` runs a coroutine as a task that its caller owns; `post` tells the session."""

    def __init__(
        self,
        spotter: Spotter,
        ear: Ear,
        post: Callable[[CallerWords], None],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._spotter = spotter
        self._ear = ear
        self._post = post
        self._spawn = spawn
        self._times = LookTimes()
        self._stretch = 0
        self._waiting: tuple[int, bytes, bool] | None = None
        self._asking = False

    def hear(self, facts: SpeechFacts) -> None:
        """News of a stretch while the assistant sounds."""
        if facts.stage == "onset":
            self._stretch += 1
            self._waiting = None
        if not self._times.wanted(facts):
            return
        self._waiting = (self._stretch, self._ear.stretch(), facts.stage == "offset")
        if not self._asking:
            self._asking = True
            self._spawn(self._ask())

    async def _ask(self) -> None:
        try:
            while self._waiting is not None:
                (stretch, pcm, ended), self._waiting = self._waiting, None
                found = await self._spotter.spot(pcm)
                if found is not None and stretch == self._stretch:
                    self._post(CallerWords(found.text, found.confidence, ended))
        finally:
            self._asking = False
