"""What follows from the pieces in which a response comes: items, words, sound."""

from __future__ import annotations

from voice.protocol import server_events as se
from voice.protocol.items import FunctionCall
from voice.session.books import Books
from voice.session.events import EngineAudio
from voice.session.face import HIDE, SHOW
from voice.session.reply_side import ReplySide
from voice.session.sounding import Sounding
from voice.session.speculation import Speculation
from voice.session.states import Turn
from voice.session.watch_side import WatchSide


class OutputSide:
    """The rules of a response's pieces. Handlers of events answer whether a client sees the event as it came."""

    def __init__(
        self, books: Books, watch: WatchSide, sounding: Sounding, replies: ReplySide, speculation: Speculation
    ) -> None:
        self._books = books
        self._watch = watch
        self._sounding = sounding
        self._replies = replies
        self._speculation = speculation

    def handle_audio(self, event: EngineAudio) -> None:
        """A piece of sound: it is played, waits, or is dropped for its identity. Some fifty come each second."""
        books, response_id = self._books, event.response_id
        replies = books.replies
        if replies.is_stale(response_id) or replies.is_over(response_id):
            books.note("stale_dropped", response_id=response_id, ms=event.frame.duration_ms)
            return
        self._watch.engine_spoke(of_reply=True)
        if books.states.turn is Turn.GUESSED and self._speculation.takes_audio(event):
            return
        if response_id != replies.active_id and self._replies.adopt(response_id):
            self.handle_audio(event)
            return
        self._sounding.play(event)

    def handle_item_added(self, event: se.ResponseOutputItemAdded) -> bool:
        books = self._books
        self._replies.item_begun(event.response_id, event.item.id or "")
        if event.item.id not in books.history.entries and event.response_id == books.replies.active_id:
            books.history.add(event.item, None)
        return SHOW

    def handle_item_done(self, event: se.ResponseOutputItemDone) -> bool:
        """An item of the response is final; a call is shown before what comes of it."""
        self._finish(event.item.id or "")
        self._replies.item_status(event.item)
        self._replies.keep(event.response_id, event.item)
        if isinstance(event.item, FunctionCall) and event.item.status in (None, "completed"):
            self._books.show(event)
            self._replies.call(event.response_id, event.output_index, event.item)
            return HIDE
        return SHOW

    def handle_audio_done(self, event: se.ResponseOutputAudioDone) -> bool:
        self._finish(event.item_id)
        return SHOW

    def _finish(self, item_id: str) -> None:
        self._books.ledger.finish(item_id)
        self._replies.item_ended(item_id)
        self._sounding.mark_if_wanted()

    def handle_words(self, event: se.ResponseOutputAudioTranscriptDelta | se.ResponseOutputTextDelta) -> bool:
        self._books.history.append_text(event.item_id, event.delta)
        return SHOW

    def handle_transcript_done(self, event: se.ResponseOutputAudioTranscriptDone) -> bool:
        self._books.history.set_text(event.item_id, event.transcript)
        return SHOW

    def handle_text_done(self, event: se.ResponseOutputTextDone) -> bool:
        self._books.history.set_text(event.item_id, event.text)
        return SHOW
