"""What follows when something that should have happened has not.

A repair is a new connection: the caller's sound, the history and the wish for a reply go over to it (`link_side`).
"""

from __future__ import annotations

from voice.session.books import Books
from voice.session.deadlines import Deadline
from voice.session.effects import CloseLink
from voice.session.ending import CLOSE_BROKEN, Ending
from voice.session.reply_end_side import ReplyEndSide
from voice.session.settings_side import SettingsSide
from voice.session.states import Link, Voice
from voice.session.watch import Trouble, Watch


class Repairs:
    """The rules of what the watches find."""

    def __init__(
        self, books: Books, ending: Ending, watch: Watch, reply_ends: ReplyEndSide, settings: SettingsSide
    ) -> None:
        self._books = books
        self._ending = ending
        self._watch = watch
        self._reply_ends = reply_ends
        self._settings = settings

    @property
    def _may_ask(self) -> bool:
        return self._books.states.link is Link.READY and self._books.updates.are_answered

    def handle_time(self) -> bool:
        """Time passed. Whether there was something to do."""
        books = self._books
        trouble = self._watch.found(books.now)
        if trouble is not None:
            self._handle(trouble)
        elif self._may_ask and self._watch.doubts(books.now):
            self._watch.asked(books.now)
            self._settings.ask_for_sign()
        else:
            return False
        return True

    def _handle(self, trouble: Trouble) -> None:
        """What a watch found."""
        books = self._books
        if trouble is Trouble.LOUD:
            return
        if trouble is Trouble.BROKE_OFF and books.states.voice is not Voice.QUIET:
            self._watch.expect(trouble, books.now)
            return
        books.note("watchdog", trouble=trouble.value, repaired=self._watch.repaired)
        if trouble is Trouble.NO_DONE:
            self._reply_ends.presume_done()
        elif trouble is not Trouble.SILENT_LINE and books.states.link is Link.READY:
            self._repair(trouble)

    def _repair(self, trouble: Trouble) -> None:
        books, watch = self._books, self._watch
        if trouble is Trouble.UNHEARD:
            watch.unheard += 1
            if watch.unheard > 1:
                return  # two engines that live hear nothing in it: our ear is wrong
        elif watch.repaired >= watch.rules.repairs:
            self._ending.end(CLOSE_BROKEN, f"the engine does not work: {trouble.value}")
            return
        else:
            watch.repaired += 1
        watch.forget()
        books.retry.at_once()
        books.emit(CloseLink())

    def deadline(self) -> Deadline | None:
        return self._watch.deadline(may_ask=self._may_ask)
