"""What follows when something that should have happened has not, and when a connection gets too old.

A repair is a new connection: the caller's sound, the history and the wish for a reply go over to it (`link_side`). The
roll-over before an engine's session cap is the same, at a moment when nobody speaks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voice.session.deadlines import Deadline, soonest
from voice.session.effects import CloseLink
from voice.session.events import CallerSpeech
from voice.session.states import Consequence, Floor, Link, Reply, States, Voice, consequence
from voice.session.watch import Trouble, Watch

if TYPE_CHECKING:
    from voice.session.session import Session

CLOSE_BROKEN = 1011
CLEAR_SPEECH_MS = 800.0
ROLL_OVER_MARGIN_S = 300.0
ROLL_OVER_LAST_S = 20.0


class WatchSide:
    """The watches' part of the session's rules."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._watch = Watch(session.config.watch)
        self._reports = session.config.playout in ("reports", "marks")
        self._greeted_at: float | None = None

    # What happens

    def stepped(self, before: States, after: States) -> None:
        """The joint state changed: arm and disarm."""
        watch, now = self._watch, self._session.now
        if after.link is not before.link:
            self._greeted_at = now if after.link is Link.READY else None
            if after.link is Link.DOWN:
                watch.forget()
        if after.reply is not before.reply:
            watch.came(Trouble.NO_REPLY, Trouble.STALLED)
            if after.reply is Reply.ASKED:
                watch.expect(Trouble.NO_REPLY, now)
            elif after.reply is Reply.STREAMING:
                watch.expect(Trouble.STALLED, now)
        if after.floor is not before.floor:
            watch.came(Trouble.UNHEARD, Trouble.NO_END, Trouble.NO_COMMIT)
            if after.floor is Floor.SILENT and after.link is Link.READY:
                watch.expect(Trouble.NO_COMMIT, now)
        if after.voice is not before.voice:
            if after.voice is Voice.QUIET:
                watch.came(Trouble.SILENT_LINE)
            elif self._reports:
                watch.expect(Trouble.SILENT_LINE, now)

    def answered(self) -> None:
        """The engine made a response to its end."""
        self._watch.all_well()

    def committed(self) -> None:
        """The engine made a turn of what it heard, or was told to forget it."""
        self._watch.came(Trouble.NO_COMMIT)

    def engine_spoke(self) -> None:
        """Anything came from the engine."""
        self._watch.progress(Trouble.STALLED, self._session.now)

    def played(self) -> None:
        """The far end reported a position."""
        self._watch.progress(Trouble.SILENT_LINE, self._session.now)

    def caller_speech(self, event: CallerSpeech) -> None:
        """Our ear hears the person: so should an engine that listens for turns."""
        session = self._session
        listens = session.states.link is Link.READY and not session.engine.settings.commits_by_hand()
        silent = session.states.voice is Voice.QUIET and session.states.floor is Floor.SILENT
        if listens and silent and event.stage == "going" and event.speech_ms >= CLEAR_SPEECH_MS:
            self._watch.expect(Trouble.UNHEARD, session.now)
            session.gap.begin_turn()
        if session.states.floor is Floor.SPEAKING and not session.turns.by_hand:
            if event.stage == "offset":
                self._watch.expect(Trouble.NO_END, session.now)
            else:
                self._watch.came(Trouble.NO_END)

    # Time

    def handle_time(self) -> None:
        session = self._session
        trouble = self._watch.found(session.now)
        if trouble is not None:
            self._repair(trouble)
        elif self._roll_over_due():
            session.note("roll_over")
            session.retry.at_once()
            self._greeted_at = None
            session.emit(CloseLink())

    def _repair(self, trouble: Trouble) -> None:
        session = self._session
        session.note("watchdog", trouble=trouble.value, repaired=self._watch.repaired)
        if trouble is Trouble.SILENT_LINE or session.states.link is not Link.READY:
            return
        if self._watch.repaired >= self._watch.rules.repairs:
            session.end(CLOSE_BROKEN, f"the engine does not work: {trouble.value}")
            return
        self._watch.repaired += 1
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
        return soonest((self._watch.deadline(), roll_over))
