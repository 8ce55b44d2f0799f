"""What follows when the assistant is interrupted: silence, no more generation, and what was heard is the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from voice.protocol.client_events import ConversationItemDelete, ConversationItemTruncate
from voice.session.asking import Asking
from voice.session.books import Books
from voice.session.call_side import CallSide
from voice.session.effects import StopPlayback
from voice.session.extension_side import ExtensionSide
from voice.session.playback import Cut
from voice.session.replies import STALE_PATIENCE_S
from voice.session.states import Link, Reply, Trigger, Turn, Voice
from voice.session.told_items import ToldItems

ASKED_PATIENCE_S = 10.0
"""A reply that was not even begun when it was stopped may take so long to begin and end."""


class Interrupting:
    """The rules of an interruption that is certain. `end_turn` ends a turn that was only guessed to be over."""

    def __init__(
        self,
        books: Books,
        asking: Asking,
        extension: ExtensionSide,
        told: ToldItems,
        calls: CallSide,
        end_turn: Callable[[], None],
    ) -> None:
        self._books = books
        self._asking = asking
        self._extension = extension
        self._told = told
        self._calls = calls
        self._end_turn = end_turn

    def interrupt(self, why: str) -> None:
        """The assistant stops, at the far end and in the engine."""
        books = self._books
        if books.states.turn is Turn.GUESSED:
            self._end_turn()
        audible = books.states.voice is not Voice.QUIET
        if not audible and books.states.reply not in (Reply.ASKED, Reply.STREAMING):
            return
        position_ms = books.ledger.position_ms(books.now)
        cuts: list[Cut] = []
        if audible or books.ledger.items:
            self._extension.stops()
            cuts = books.ledger.cut(books.now)
            books.emit(StopPlayback(books.ledger.epoch))
        if audible:
            books.step(Trigger.SOUND_ENDED)
        self._stop_reply(why, cuts)
        if why != "operator":
            self._say_again(cuts)
        for cut in cuts:
            self._cut(cut, why, position_ms)

    def _stop_reply(self, why: str, cuts: Iterable[Cut]) -> None:
        books = self._books
        if books.states.reply not in (Reply.ASKED, Reply.STREAMING):
            return
        streaming = books.states.reply is Reply.STREAMING
        response_id, wish = books.replies.active_id, books.replies.wish
        books.step(Trigger.REPLY_INTERRUPTED)
        books.replies.stop(books.now + (STALE_PATIENCE_S if streaming else ASKED_PATIENCE_S))
        heard = any(cut.heard_ms > 0 for cut in cuts if cut.response_id == response_id)
        if wish is not None and wish.text and not heard and why != "operator" and wish.protect != "must_be_heard":
            books.replies.want(wish)
        if streaming:
            books.replies.make_stale(response_id)
            self._calls.hush(response_id)
            if books.ours or why != "speech":
                self._asking.cancel(response_id)

    def _say_again(self, cuts: Iterable[Cut]) -> None:
        """What must be heard was not."""
        replies = self._books.replies
        for response_id in dict.fromkeys(cut.response_id for cut in cuts):
            wish = replies.protected.get(response_id)
            if wish is not None and wish.protect == "must_be_heard":
                replies.want(wish)

    def _cut(self, cut: Cut, why: str, position_ms: float) -> None:
        books = self._books
        books.history.cut(cut.item_id, cut.heard_ms, cut.received_ms)
        self._extension.cut(cut)
        self._calls.hush(cut.response_id)
        self._truncate(cut.item_id, cut.content_index, cut.heard_ms)
        books.note(
            "barge_in",
            why=why,
            item_id=cut.item_id,
            heard_ms=cut.heard_ms,
            received_ms=round(cut.received_ms, 1),
            position_ms=round(position_ms, 1),
            uncertainty_ms=books.ledger.uncertainty_ms,
        )

    def _truncate(self, item_id: str, content_index: int, heard_ms: int) -> None:
        books = self._books
        if not books.config.traits.can_truncate or books.client_plays or books.states.link is not Link.READY:
            return
        event_id = books.new_id("cut")
        if self._told.as_text(item_id):
            self._told.tell_anew(item_id)
            return
        if heard_ms <= 0:
            books.history.delete(item_id)
            books.tell(ConversationItemDelete(event_id=event_id, item_id=item_id))
            return
        books.tell(
            ConversationItemTruncate(
                event_id=event_id, item_id=item_id, content_index=content_index, audio_end_ms=heard_ms
            )
        )
        books.note("truncated", item_id=item_id, audio_end_ms=heard_ms)
