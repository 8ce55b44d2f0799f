"""What should happen next, as it follows from what has happened: the watches are armed and disarmed."""

from __future__ import annotations

from voice.session.books import Books
from voice.session.client_turns import ClientTurns
from voice.session.events import CallerLoud, CallerSpeech
from voice.session.states import Floor, Link, Reply, States, Voice
from voice.session.watch import Trouble, Watch

CLEAR_SPEECH_MS = 800.0
"""Speech of such length by our ear is speech to any engine."""
UNHEARD_KEPT_MS = 10_000.0
"""So much of the person's sound is kept behind speech that the engine may not have heard."""
REPLY_TROUBLES = (Trouble.NO_REPLY, Trouble.STALLED, Trouble.BROKE_OFF, Trouble.NO_DONE)
PERSON_TROUBLES = (Trouble.UNHEARD, Trouble.LOUD, Trouble.NO_END, Trouble.NO_COMMIT)


class WatchSide:
    """The watches' part of the session's rules."""

    def __init__(self, books: Books, client_turns: ClientTurns, watch: Watch) -> None:
        self._books = books
        self._client_turns = client_turns
        self._watch = watch
        self._reports = books.config.playout in ("reports", "marks")
        self._spoken_in_gap = False

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
        watch, now = self._watch, self._books.now
        if after.link is Link.DOWN:
            watch.forget()
        elif after.link is Link.READY:
            unheard, self._spoken_in_gap = self._spoken_in_gap or self._books.gap.unsettled, False
            if unheard and not self._client_turns.commits_by_hand:
                watch.expect(Trouble.UNHEARD, now)

    def _reply_changed(self, after: States) -> None:
        watch, now = self._watch, self._books.now
        if after.reply is Reply.STREAMING:
            watch.came(Trouble.NO_REPLY, now)
        watch.forget(*REPLY_TROUBLES)
        if after.reply is Reply.ASKED:
            watch.expect(Trouble.NO_REPLY, now)
        elif after.reply is Reply.STREAMING:
            watch.expect(Trouble.STALLED, now)

    def _floor_changed(self, after: States) -> None:
        watch, now = self._watch, self._books.now
        for trouble in PERSON_TROUBLES:
            watch.came(trouble, now)
        watch.unheard = 0
        if after.floor is Floor.SILENT and after.link is Link.READY:
            watch.expect(Trouble.NO_COMMIT, now)

    def _voice_changed(self, after: States) -> None:
        watch, now = self._watch, self._books.now
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
        self._watch.came(Trouble.NO_COMMIT, self._books.now)

    def engine_spoke(self, *, of_reply: bool) -> None:
        """Anything came from the engine; `of_reply`: of the reply that it makes."""
        watch, now = self._watch, self._books.now
        watch.engine_spoke(now)
        if of_reply:
            watch.progress(Trouble.STALLED, now)
            watch.progress(Trouble.BROKE_OFF, now)

    def reply_goes_on(self) -> None:
        """The engine is at an item of the reply: silence now is no thinking."""
        watch, now = self._watch, self._books.now
        if self._books.states.reply is Reply.STREAMING:
            watch.came(Trouble.STALLED, now)
            watch.forget(Trouble.NO_DONE)
            watch.expect(Trouble.BROKE_OFF, now)

    def reply_complete(self) -> None:
        """Every item of the reply that was begun is done."""
        watch, now = self._watch, self._books.now
        if self._books.states.reply is Reply.STREAMING:
            watch.forget(Trouble.STALLED, Trouble.BROKE_OFF, Trouble.NO_DONE)
            watch.expect(Trouble.NO_DONE, now)

    def played(self) -> None:
        """The far end reported a position."""
        self._watch.progress(Trouble.SILENT_LINE, self._books.now)

    # The person, as we hear them ourselves

    def caller_speech(self, event: CallerSpeech) -> None:
        """Our ear hears the person: so should an engine that listens for turns."""
        books = self._books
        if self._client_turns.commits_by_hand:
            return
        if event.stage == "going" and event.speech_ms >= CLEAR_SPEECH_MS:
            self._should_hear(Trouble.UNHEARD)
        if books.states.floor is Floor.SPEAKING:
            if event.stage == "offset":
                self._watch.by_sense = books.turns.mode == "semantic_vad"
                self._watch.expect(Trouble.NO_END, books.now)
            else:
                self._watch.forget(Trouble.NO_END)

    def handle_caller_loud(self, event: CallerLoud) -> None:
        """It is loud where the person is: reason to ask whether the engine lives, and no more."""
        if not self._client_turns.commits_by_hand:
            self._should_hear(Trouble.LOUD)

    def _should_hear(self, trouble: Trouble) -> None:
        books = self._books
        if books.states.voice is not Voice.QUIET or books.states.floor is not Floor.SILENT:
            return
        if books.states.link is not Link.READY:
            self._spoken_in_gap = trouble is Trouble.UNHEARD
            return
        self._watch.expect(trouble, books.now)
        books.gap.keep_for(UNHEARD_KEPT_MS)
