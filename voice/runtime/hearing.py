"""What hears the person on our side of a conversation: an ear with its helpers, or at least loudness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple

from voice.audio.frames import AudioFrame
from voice.engines.base import Ear
from voice.protocol.codec import Unknown
from voice.protocol.server_events import (
    ConversationItemInputAudioTranscriptionCompleted,
    ConversationItemInputAudioTranscriptionDelta,
    ServerEvent,
)
from voice.runtime.loudness import Loudness
from voice.runtime.tasks import Tasks
from voice.runtime.turn_watch import TurnSenses, TurnWatch
from voice.session import events as ev
from voice.session.session import Session
from voice.session.states import Floor, Voice


class Hearing:
    """Listens to every frame of the person, behind the session. `is_over`: the conversation has ended meanwhile."""

    def __init__(
        self,
        session: Session,
        post: Callable[[ev.Event], None],
        is_over: Callable[[], bool],
        tasks: Tasks,
        *,
        ear: Ear | None,
        senses: TurnSenses | None,
        words_now: Callable[[], str | None],
    ) -> None:
        self._session = session
        self._post = post
        self._is_over = is_over
        self._ear = ear
        self._loudness = Loudness()
        self._turn = TurnWatch(senses, words_now, post, tasks.spawn) if senses and ear else None

    def hear(self, frame: AudioFrame) -> None:
        """The person's sound."""
        if self._ear is not None:
            self._listen(self._ear, frame)
        elif self._expects_speech() and self._loudness.hear(frame):
            self._post(ev.CallerLoud())

    def read(self, event: ServerEvent | Unknown) -> None:
        """The engine's words of the person, wherever they help to tell how a turn ends."""
        if self._turn is None:
            return
        if isinstance(event, ConversationItemInputAudioTranscriptionDelta):
            self._turn.read(event)
        elif isinstance(event, ConversationItemInputAudioTranscriptionCompleted):
            self._turn.understood(event.transcript)

    def play(self, frame: AudioFrame) -> None:
        """The assistant's sound, which may come back as an echo."""
        if self._ear is not None:
            self._ear.play(frame)

    def stop_playback(self) -> None:
        """What was queued of it is not heard."""
        if self._ear is not None:
            self._ear.stop()

    def duck(self, gain_db: float) -> None:
        """It is turned down."""
        if self._ear is not None:
            self._ear.duck(gain_db)

    def restore(self) -> None:
        """It is at full level again."""
        if self._ear is not None:
            self._ear.restore()

    def close(self) -> None:
        if self._ear is not None:
            self._ear.close()

    def _expects_speech(self) -> bool:
        """Nobody speaks: loudness now may be the person."""
        states = self._session.states
        return states.floor is Floor.SILENT and states.voice is Voice.QUIET and not self._is_over()

    def _listen(self, ear: Ear, frame: AudioFrame) -> None:
        if self._turn is not None:
            self._turn.keep(frame)
        sounding = self._session.states.voice is not Voice.QUIET
        facts = ear.hear(frame, sounding=sounding)
        if facts is None:
            return
        self._post(ev.CallerSpeech(*astuple(facts)))
        if self._turn is not None and facts.stage != "none" and not self._is_over():
            self._turn.hear(facts)
