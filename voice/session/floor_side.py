"""What follows when the person makes a sound while the assistant speaks.

With an ear of our own the engine's word for "speech" is only one witness: the floor control judges, and a turn that
was found to be an acknowledgement is not answered. Without an ear, or where the engine keeps the floor, the first
sign of speech interrupts at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voice.session.deadlines import Deadline
from voice.session.effects import Duck, Restore
from voice.session.events import CallerSpeech
from voice.session.floor import FloorControl, Verdict, plain_words
from voice.session.replies import Wish
from voice.session.states import Consequence, Trigger, Voice, consequence, may

if TYPE_CHECKING:
    from voice.session.session import Session

DISMISSED_REMEMBERED = 32


class FloorSide:
    """The floor's part of the session's rules."""

    def __init__(self, session: Session) -> None:
        self._session = session
        rules = session.config.floor
        self._control = FloorControl(rules) if rules is not None and session.ours else None
        self._dismissed_items: dict[str, bool] = {}

    @property
    def judges(self) -> bool:
        """Whether interruptions are judged here, in two stages."""
        return self._control is not None

    def handle_caller_speech(self, event: CallerSpeech) -> None:
        if self._control is not None:
            self._act(self._control.hear(event, self._session.now), "speech")

    def voice_changed(self) -> None:
        """The assistant became audible, or silent."""
        if self._control is not None:
            audible = self._session.states.voice is not Voice.QUIET
            self._control.sounding(self._session.now if audible else None)

    def engine_heard_start(self) -> None:
        """The engine says that somebody speaks."""
        session = self._session
        if session.face is not None or consequence(session.states) is not Consequence.INTERRUPT:
            return
        if self._control is None or session.states.voice is Voice.QUIET:
            session.interrupt("speech")
        else:
            self._act(self._control.engine_started(session.now), "speech")

    def engine_heard_stop(self) -> None:
        """The engine says that the speech is over."""
        if self._control is not None:
            self._act(self._control.engine_stopped(self._session.now), "speech")

    def answers(self, item_id: str) -> bool:
        """Whether a turn that the engine committed wants an answer."""
        if self._control is None or not self._control.dismissed:
            return True
        self._dismissed_items[item_id] = True
        while len(self._dismissed_items) > DISMISSED_REMEMBERED:
            del self._dismissed_items[next(iter(self._dismissed_items))]
        self._session.gap.settle()
        self._session.note("acknowledged", item_id=item_id)
        return False

    def words(self, item_id: str, text: str) -> None:
        """What the person said, by the engine's account so far."""
        if self._control is None:
            return
        session = self._session
        if plain_words(text) in self._control.rules.phrases.holds:
            session.interrupt("hold")
            session.replies.forget("turn")
            session.note("holding", item_id=item_id)
            return
        verdict = self._control.words(text, session.now)
        self._act(verdict, "words")
        if verdict is Verdict.YIELD and self._dismissed_items.pop(item_id, False):
            session.ask(Wish("turn"))

    def handle_time(self) -> None:
        if self._control is not None:
            self._act(self._control.tick(self._session.now), "speech")

    def deadline(self) -> Deadline | None:
        return None if self._control is None else self._control.deadline()

    def _act(self, verdict: Verdict, why: str) -> None:
        session = self._session
        if verdict is Verdict.DUCK and may(session.states, Trigger.SOUND_DUCKED):
            assert self._control is not None
            session.step(Trigger.SOUND_DUCKED)
            session.emit(Duck(self._control.rules.duck_db))
            session.note("ducked")
        elif verdict is Verdict.RESTORE and may(session.states, Trigger.SOUND_RESTORED):
            session.step(Trigger.SOUND_RESTORED)
            session.emit(Restore())
            session.note("restored")
        elif verdict is Verdict.YIELD:
            session.note("yielded", why=why)
            session.interrupt(why)
