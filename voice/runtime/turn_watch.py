"""What the person's turn is like so far, for a session that finds turns with our own ear.

Words come from the engine while they are spoken, where it tells them that early; one that can be asked for them is
asked in every quiet, because what was told is sometimes understood otherwise a moment later. The melody is judged by a
model, where there is one, once in each quiet. Both may be wrong and late: the session treats them as advice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from voice.audio.frames import AudioFrame
from voice.engines.base import SpeechFacts, TurnModel
from voice.protocol.server_events import ConversationItemInputAudioTranscriptionDelta
from voice.session.events import TurnSense
from voice.session.rules import Ending

SOUND_MS = 8_000.0
"""As much of the turn's end as a model listens to."""
LOOKS_AGAIN_MS = 2_000.0
"""No quiet inside of a turn is longer."""
SURE = 0.9
"""A melody that is less surely finished says nothing: in a pause of a sentence it often sounds finished, too."""


@dataclass(frozen=True, slots=True)
class TurnSenses:
    """By what a turn's end is told: `words` says how words end, `model` how probable it is that a melody is whole."""

    words: Callable[[str], Ending] | None = None
    model: TurnModel | None = None


class TurnWatch:
    """Watches one conversation. `words_now` asks the engine (None: it cannot be asked), `spawn` runs a coroutine as a
    task that its caller owns, `post` tells the session."""

    def __init__(
        self,
        senses: TurnSenses,
        words_now: Callable[[], str | None],
        post: Callable[[TurnSense], None],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._senses = senses
        self._words_now = words_now
        self._post = post
        self._spawn = spawn
        self._item_id = ""
        self._text = ""
        self._judged = ""
        self._quiet_ms: float | None = None
        self._frames: deque[AudioFrame] = deque()
        self._kept_ms = 0.0
        self._stretch = 0

    def read(self, said: ConversationItemInputAudioTranscriptionDelta) -> None:
        """The engine tells more of the person's words."""
        if self._senses.words is None:
            return
        if said.item_id != self._item_id:
            self._item_id, self._text = said.item_id, ""
        self._text += said.delta or ""
        now = self._words_now()
        self._judge(now or self._text)

    def understood(self, words: str) -> None:
        """The engine knows all words of what it was given: after a commit that was perhaps too soon, too."""
        if words:
            self._judge(words)

    def _look_again(self) -> None:
        """Has the engine understood anything else since?"""
        now = self._words_now()
        if now and now != self._judged:
            self._judge(now)

    def _judge(self, words: str) -> None:
        if self._senses.words is not None:
            self._judged = words
            self._post(TurnSense("words", self._senses.words(words)))

    def keep(self, frame: AudioFrame) -> None:
        """The person's sound, every frame of it."""
        if self._quiet_ms is not None and self._quiet_ms < LOOKS_AGAIN_MS:
            self._quiet_ms += frame.duration_ms
            self._look_again()
        if self._senses.model is None:
            return
        self._frames.append(frame)
        self._kept_ms += frame.duration_ms
        while self._kept_ms > SOUND_MS:
            self._kept_ms -= self._frames.popleft().duration_ms

    def hear(self, facts: SpeechFacts) -> None:
        """News from the ear: in a quiet words are looked at again, and the melody is judged once."""
        if facts.stage == "onset":
            self._stretch += 1
            self._judged = ""
        self._quiet_ms = 0.0 if facts.stage == "offset" else None
        model = self._senses.model
        if facts.stage == "offset" and model is not None:
            self._spawn(self._ask(model, list(self._frames), self._stretch))

    async def _ask(self, model: TurnModel, frames: list[AudioFrame], stretch: int) -> None:
        probability = await model.finished(frames)
        if probability is not None and stretch == self._stretch:
            self._post(TurnSense("sound", "finished" if probability >= SURE else "open"))
