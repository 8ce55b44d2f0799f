"""What follows when something that should have happened has not, and when a connection gets too old.

A repair is a new connection: the caller's sound, the history and the wish for a reply go over to it (`link_side`). The
roll-over before an engine's session cap is the same, at a moment when nobody speaks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voice.session.deadlines import Deadline, soonest
from voice.session.effects import CloseLink
from voice.session.events import CallerLoud, CallerSpeech
from voice.session.states import Consequence, Floor, Link, Reply, States, Voice, consequence
from voice.session.watch import Trouble, Watch

if TYPE_CHECKING:
    from voice.session.session import Session

CLOSE_BROKEN = 1011
CLEAR_SPEECH_MS = 800.0
UNHEARD_KEPT_MS = 10_000.0
ROLL_OVER_MARGIN_S = 300.0
ROLL_OVER_LAST_S = 20.0
REPLY_TROUBLES = (Trouble.NO_REPLY, Trouble.STALLED, Trouble.BROKE_OFF, Trouble.NO_DONE)
PERSON_TROUBLES = (Trouble.UNHEARD, Trouble.LOUD, Trouble.NO_END, Trouble.NO_COMMIT)


class WatchSide:
    """The watches' part of the session's rules."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._watch = Watch(session.config.watch)
        self._reports = session.config.playout in ("reports", "marks")
        self._greeted_at: float | None = None
        self._spoken_in_gap = False
        self._unheard = 0

    # What happens

    def stepped(self, before: States, after: States) -> None:
        """The joint state changed: arm and disarm."""
        if after.link is not before.link:
            self._link_changed(after)
        if after.reply is not before.reply:
            self._reply_changed(after)
        if after.floor is not before.floor:
            self._floor_changed(after)
        if after.voice is not before.voice:
            self._voice_changed(after)

    def _link_changed(self, after: States) -> None:
        watch, now = self._watch, self._session.now
        self._greeted_at = now if after.link is Link.READY else None
        if after.link is Link.DOWN:
            watch.forget()
        elif after.link is Link.READY:
            unheard, self._spoken_in_gap = self._spoken_in_gap or self._session.gap.unsettled, False
            if unheard and not self._session.engine.settings.commits_by_hand():
                watch.expect(Trouble.UNHEARD, now)

    def _reply_changed(self, after: States) -> None:
        watch, now = self._watch, self._session.now
        if after.reply is Reply.STREAMING:
            watch.came(Trouble.NO_REPLY, now)
        watch.forget(*REPLY_TROUBLES)
        if after.reply is Reply.ASKED:
            watch.expect(Trouble.NO_REPLY, now)
        elif after.reply is Reply.STREAMING:
            watch.expect(Trouble.STALLED, now)

    def _floor_changed(self, after: States) -> None:
        watch, now = self._watch, self._session.now
        for trouble in PERSON_TROUBLES:
            watch.came(trouble, now)
        self._unheard = 0
        if after.floor is Floor.SILENT and after.link is Link.READY:
            watch.expect(Trouble.NO_COMMIT, now)

    def _voice_changed(self, after: States) -> None:
        watch, now = self._watch, self._session.now
        if after.voice is Voice.QUIET:
            watch.came(Trouble.SILENT_LINE, now)
            watch.progress(Trouble.BROKE_OFF, now)
        elif self._reports:
            watch.expect(Trouble.SILENT_LINE, now)

    def answered(self) -> None:
        """The engine made a response to its end."""
        self._watch.all_well()

    def committed(self) -> None:
        """The engine made a turn of what it heard, or was told to forget it."""
        self._watch.came(Trouble.NO_COMMIT, self._session.now)

    def engine_spoke(self, *, of_reply: bool) -> None:
        """Anything came from the engine; `of_reply`: of the reply that it makes."""
        watch, now = self._watch, self._session.now
        watch.engine_spoke(now)
        if of_reply:
            watch.progress(Trouble.STALLED, now)
            watch.progress(Trouble.BROKE_OFF, now)

    def reply_goes_on(self) -> None:
        """The engine is at an item of the reply: silence now is no thinking."""
        watch, now = self._watch, self._session.now
        if self._session.states.reply is Reply.STREAMING:
            watch.came(Trouble.STALLED, now)
            watch.forget(Trouble.NO_DONE)
            watch.expect(Trouble.BROKE_OFF, now)

    def reply_complete(self) -> None:
        """Every item of the reply that was begun is done."""
        watch, now = self._watch, self._session.now
        if self._session.states.reply is Reply.STREAMING:
            watch.forget(Trouble.STALLED, Trouble.BROKE_OFF, Trouble.NO_DONE)
            watch.expect(Trouble.NO_DONE, now)

    def played(self) -> None:
        """The far end reported a position."""
        self._watch.progress(Trouble.SILENT_LINE, self._session.now)

    # The person, as we hear them ourselves

    def caller_speech(self, event: CallerSpeech) -> None:
        """Our ear hears the person: so should an engine that listens for turns."""
        session = self._session
        if session.engine.settings.commits_by_hand():
            return
        if event.stage == "going" and event.speech_ms >= CLEAR_SPEECH_MS:
            self._should_hear(Trouble.UNHEARD)
        if session.states.floor is Floor.SPEAKING:
            if event.stage == "offset":
                self._watch.by_sense = session.turns.mode == "semantic_vad"
                self._watch.expect(Trouble.NO_END, session.now)
            else:
                self._watch.forget(Trouble.NO_END)

    def caller_loud(self, event: CallerLoud) -> None:
        """It is loud where the person is: reason to ask whether the engine lives, and no more."""
        if not self._session.engine.settings.commits_by_hand():
            self._should_hear(Trouble.LOUD)

    def _should_hear(self, trouble: Trouble) -> None:
        session = self._session
        if session.states.voice is not Voice.QUIET or session.states.floor is not Floor.SILENT:
            return
        if session.states.link is not Link.READY:
            self._spoken_in_gap = trouble is Trouble.UNHEARD
            return
        self._watch.expect(trouble, session.now)
        session.gap.keep_for(UNHEARD_KEPT_MS)

    # Time

    @property
    def _may_ask(self) -> bool:
        return self._session.states.link is Link.READY and self._session.engine.settings.are_answered

    def handle_time(self) -> None:
        session = self._session
        trouble = self._watch.found(session.now)
        if trouble is not None:
            self._handle(trouble)
        elif self._may_ask and self._watch.doubts(session.now):
            self._watch.asked(session.now)
            session.engine.settings.ask_for_sign()
        elif self._roll_over_due():
            session.note("roll_over")
            session.retry.at_once()
            self._greeted_at = None
            session.emit(CloseLink())

    def _handle(self, trouble: Trouble) -> None:
        """What a watch found."""
        session = self._session
        if trouble is Trouble.LOUD:
            return
        if trouble is Trouble.BROKE_OFF and session.states.voice is not Voice.QUIET:
            self._watch.expect(trouble, session.now)
            return
        session.note("watchdog", trouble=trouble.value, repaired=self._watch.repaired)
        if trouble is Trouble.NO_DONE:
            session.engine.replies.presume_done()
        elif trouble is not Trouble.SILENT_LINE and session.states.link is Link.READY:
            self._repair(trouble)

    def _repair(self, trouble: Trouble) -> None:
        session, watch = self._session, self._watch
        if trouble is Trouble.UNHEARD:
            self._unheard += 1
            if self._unheard > 1:
                return  # two engines that live hear nothing in it: our ear is wrong
        elif watch.repaired >= watch.rules.repairs:
            session.end(CLOSE_BROKEN, f"the engine does not work: {trouble.value}")
            return
        else:
            watch.repaired += 1
        watch.forget()
        session.retry.at_once()
        session.emit(CloseLink())

    def _roll_over_at(self) -> tuple[float, float] | None:
        """From when on the connection is to be renewed in a quiet moment, and when in any case."""
        cap_s = self._session.config.traits.max_session_s
        if cap_s is None or self._greeted_at is None:
            return None
        last_s = max(cap_s - ROLL_OVER_LAST_S, cap_s * 0.9)
        return self._greeted_at + max(cap_s - ROLL_OVER_MARGIN_S, cap_s / 2), self._greeted_at + last_s

    def _roll_over_due(self) -> bool:
        when = self._roll_over_at()
        if when is None or self._session.now < when[0]:
            return False
        return self._quiet() or self._session.now >= when[1]

    def _quiet(self) -> bool:
        session = self._session
        settled = not session.calls.open and not session.gap.unsettled and not session.replies.wishes
        return settled and consequence(session.states) is Consequence.SPEAK_UP

    def deadline(self) -> Deadline | None:
        when = self._roll_over_at()
        roll_over = None
        if when is not None:
            due = when[0] if self._session.now < when[0] or self._quiet() else when[1]
            roll_over = Deadline(due, "roll over to a new connection")
        return soonest((self._watch.deadline(may_ask=self._may_ask), roll_over))
