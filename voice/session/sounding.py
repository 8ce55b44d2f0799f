"""The assistant's voice at the far end: its first sound, how far it was heard, and that it is over."""

from __future__ import annotations

from voice.session.asking import Asking
from voice.session.books import Books
from voice.session.effects import Mark, Play, StopPlayback
from voice.session.events import EngineAudio, Played
from voice.session.extension_side import ExtensionSide
from voice.session.states import Trigger, Voice
from voice.session.watch_side import WatchSide


class Sounding:
    """What follows from sound that is played, and from the far end's reports of it."""

    def __init__(self, books: Books, asking: Asking, extension: ExtensionSide, watch: WatchSide) -> None:
        self._books = books
        self._asking = asking
        self._extension = extension
        self._watch = watch
        self._first_sound_ms = 0.0

    def play(self, event: EngineAudio) -> None:
        """A piece of the reply's sound goes to the far end."""
        books = self._books
        response_id, frame = event.response_id, event.frame
        if response_id != books.sounding_response:
            self._first_sound(event)
        ledger = books.ledger
        wants_mark = ledger.queue(response_id, event.item_id, event.content_index, frame.duration_ms, books.now)
        if books.states.voice is Voice.QUIET:
            books.step(Trigger.SOUND_QUEUED)
        books.effects.append(Play(response_id, event.item_id, event.output_index, event.content_index, frame))
        if wants_mark:
            books.effects.append(Mark(ledger.epoch, ledger.mark()))

    def _first_sound(self, event: EngineAudio) -> None:
        books = self._books
        books.sounding_response = event.response_id
        self._watch.reply_goes_on()
        books.note("first_audio", response_id=event.response_id, item_id=event.item_id)
        if books.times.first_delta_at is None:
            books.times.first_delta_at = books.now
            self._first_sound_ms = books.ledger.queued_ms
            if books.config.playout != "reports":
                self._first_audible()

    def _first_audible(self) -> None:
        """The reply to a turn is heard; what we say of ourselves answers no turn."""
        books = self._books
        times = books.times
        times.first_audible_at = books.now
        if times.speech_stopped_at is not None or times.committed_at is not None:
            books.note("turn", **times.as_values())

    def mark_if_wanted(self) -> None:
        """The far end is to report behind the last of what is queued."""
        ledger = self._books.ledger
        if ledger.wants_mark:
            self._books.emit(Mark(ledger.epoch, ledger.mark()))

    # How far it was heard

    def handle_played(self, event: Played) -> None:
        """The far end reports its position, perhaps of an epoch that is over."""
        books = self._books
        if not books.ledger.played(event.epoch, event.position_ms, event.uncertainty_ms, books.now, event.held_ms):
            books.note("stale_report", epoch=event.epoch, position_ms=round(event.position_ms, 1))
            return
        self._watch.played()
        self._extension.played()
        times = books.times
        waits = times.first_delta_at is not None and times.first_audible_at is None
        if waits and event.position_ms > self._first_sound_ms:
            self._first_audible()
        self.run_dry()

    def run_dry(self) -> None:
        """All that was queued may have been heard by now."""
        books = self._books
        if books.states.voice is Voice.QUIET or not books.ledger.run_dry(books.now):
            return
        books.step(Trigger.SOUND_ENDED)
        self._extension.ran_dry()
        books.ledger.settle()
        books.note("sound_ended")
        self._asking.speak_up()

    def stop(self) -> None:
        """The far end fell silent by itself (a client that keeps its own account), or a client wants it to."""
        books = self._books
        for cut in books.ledger.cut(books.now):
            books.history.cut(cut.item_id, cut.heard_ms, cut.received_ms)
        if not books.client_plays:
            books.emit(StopPlayback(books.ledger.epoch))
        if books.states.voice is not Voice.QUIET:
            books.step(Trigger.SOUND_ENDED)

    def measure_cut(self) -> None:
        """Time passed: how good the account of the last cut was may be known."""
        books = self._books
        error_ms = books.ledger.truncation_error_ms(books.now)
        if error_ms is not None:
            books.note("cut_measured", truncation_error_ms=round(error_ms, 1))
