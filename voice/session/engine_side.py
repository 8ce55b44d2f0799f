"""What the engine says, given to those whom it concerns.

Every event that means something to the conversation has its handler; every other one only passes to the client.
Surprises (an event that does not fit the state, an error code nobody knows) are noted and change nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from voice.protocol import server_events as se
from voice.protocol.codec import Unknown
from voice.session.books import Books
from voice.session.error_side import ErrorSide
from voice.session.events import EngineSaid
from voice.session.face import HIDE, SHOW
from voice.session.item_side import ItemSide
from voice.session.link_side import LinkSide
from voice.session.output_side import OutputSide
from voice.session.reply_end_side import ReplyEndSide
from voice.session.reply_side import ReplySide
from voice.session.settings_side import SettingsSide
from voice.session.speculation import Speculation
from voice.session.states import Link
from voice.session.turn_side import TurnSide
from voice.session.watch_side import WatchSide


class EngineSide:
    """The engine's half of the session's rules."""

    def __init__(
        self,
        books: Books,
        watch: WatchSide,
        speculation: Speculation,
        settings: SettingsSide,
        link: LinkSide,
        errors: ErrorSide,
        turns: TurnSide,
        items: ItemSide,
        output: OutputSide,
        replies: ReplySide,
        reply_ends: ReplyEndSide,
    ) -> None:
        self._books = books
        self._watch = watch
        self._speculation = speculation
        self.settings = settings
        self._replies = replies
        self._reply_ends = reply_ends
        self._handlers: dict[type, Callable[[Any], bool]] = {
            se.SessionCreated: link.handle_greeted,
            se.SessionUpdated: settings.handle_updated,
            se.ConversationCreated: settings.handle_conversation_created,
            se.ErrorEvent: errors.handle_error,
            se.InputAudioBufferSpeechStarted: turns.handle_speech_started,
            se.InputAudioBufferSpeechStopped: turns.handle_speech_stopped,
            se.InputAudioBufferCommitted: turns.handle_committed,
            se.InputAudioBufferCleared: turns.handle_cleared,
            se.ConversationItemInputAudioTranscriptionDelta: turns.handle_words,
            se.ConversationItemInputAudioTranscriptionCompleted: turns.handle_transcribed,
            se.ConversationItemInputAudioTranscriptionFailed: turns.handle_not_transcribed,
            se.ConversationItemAdded: items.handle_added,
            se.ConversationItemCreated: items.handle_added,
            se.ConversationItemDone: items.handle_done,
            se.ConversationItemDeleted: items.handle_deleted,
            se.ConversationItemRetrieved: items.handle_retrieved,
            se.ResponseCreated: self._response_created,
            se.ResponseOutputItemAdded: output.handle_item_added,
            se.ResponseOutputItemDone: output.handle_item_done,
            se.ResponseOutputAudioDone: output.handle_audio_done,
            se.ResponseOutputAudioTranscriptDelta: output.handle_words,
            se.ResponseOutputTextDelta: output.handle_words,
            se.ResponseOutputAudioTranscriptDone: output.handle_transcript_done,
            se.ResponseOutputTextDone: output.handle_text_done,
            se.ResponseDone: self._response_done,
        }

    def handle(self, event: EngineSaid) -> None:
        """One server event: its consequences, and the client's view of it."""
        books, said = self._books, event.event
        if books.states.link is not Link.READY and not isinstance(said, se.SessionCreated | se.ErrorEvent):
            books.note("surprise", type=said.type)
            return
        self._watch.engine_spoke(of_reply=said.type.startswith("response."))
        if self._speculation.takes(event):
            return
        handler = self._handlers.get(type(said))
        if handler is None and isinstance(said, Unknown):
            books.note("unknown_event", type=said.type, problem=said.problem)
        if handler is None or handler(said) is SHOW:
            books.show(said)

    def _response_created(self, event: se.ResponseCreated) -> bool:
        self._replies.created(event)
        return SHOW

    def _response_done(self, event: se.ResponseDone) -> bool:
        self._reply_ends.done(event)
        return HIDE
