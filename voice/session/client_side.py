"""What is said to the engine for the person, at its place in their sound: a client's events, and our own commits."""

from __future__ import annotations

from collections import deque

from voice.protocol.client_events import (
    ClientEvent,
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemTruncate,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    OutputAudioBufferClear,
    ResponseCreate,
    SessionUpdate,
)
from voice.protocol.items import FunctionCallOutput
from voice.protocol.server_events import ConversationItemTruncated
from voice.session.approval_side import ApprovalSide
from voice.session.books import CLIENT_ID, Books
from voice.session.calling import Calling
from voice.session.effects import SendToEngine
from voice.session.ending import CLOSE_BROKEN, Ending
from voice.session.events import ClientSaid
from voice.session.extension_side import ExtensionSide
from voice.session.interrupting import Interrupting
from voice.session.replies import Wish
from voice.session.reply_side import ReplySide
from voice.session.settings_side import SettingsSide
from voice.session.sounding import Sounding
from voice.session.states import Link, Trigger, Voice, may
from voice.session.told_items import ToldItems

HELD_LIMIT = 256
"""Events that wait for the next connection. They are never dropped: more than this ends the call."""


class ClientSide:
    """The client's part of the session's rules."""

    def __init__(
        self,
        books: Books,
        ending: Ending,
        extension: ExtensionSide,
        told: ToldItems,
        sounding: Sounding,
        calling: Calling,
        approvals: ApprovalSide,
        replies: ReplySide,
        interrupting: Interrupting,
        settings: SettingsSide,
    ) -> None:
        self._books = books
        self._ending = ending
        self._extension = extension
        self._told = told
        self._sounding = sounding
        self._calling = calling
        self._approvals = approvals
        self._replies = replies
        self._interrupting = interrupting
        self._settings = settings
        self._held: deque[tuple[float, ClientEvent]] = deque()

    def handle_client_said(self, event: ClientSaid) -> None:
        """A client's event: for us, for a question of ours, or for the engine."""
        if isinstance(event.event, OutputAudioBufferClear) and not self._books.client_plays:
            self._hush()
        elif not self._approvals.takes(event.event):
            self.say(event.event)

    def _hush(self) -> None:
        """A client whose sound we play wants silence, and no more of what was sounding."""
        if self._books.states.voice is not Voice.QUIET:
            self._interrupting.interrupt("client")

    # Now, or to the next engine

    def say(self, event: ClientEvent) -> None:
        """Say this to the engine, or to the next one, at its place in the person's sound."""
        if self._books.states.link is Link.READY:
            self._forward(event, self._books.gap.ended_ms)
        else:
            self.hold(event)

    def hold(self, event: ClientEvent, at_ms: float | None = None) -> None:
        """Keep this for the next connection. Nothing that was asked for is dropped: too much of it ends the call."""
        if len(self._held) >= HELD_LIMIT:
            self._ending.end(CLOSE_BROKEN, "the engine is away and too much was asked of it")
            return
        self._held.append((self._books.gap.ended_ms if at_ms is None else at_ms, event))

    def say_held(self, before_ms: float) -> None:
        """Say what was kept and belongs before this position in the person's sound."""
        while self._held and self._held[0][0] < before_ms:
            at_ms, event = self._held.popleft()
            self._forward(event, at_ms)

    def _forward(self, event: ClientEvent, at_ms: float) -> None:
        """Say this to the engine. `at_ms` is the event's place in the person's sound."""
        books = self._books
        if books.face is not None:
            event = books.face.admit(event)
        match event:
            case SessionUpdate():
                event = self._settings.expect_update(event, "client")
            case ConversationItemCreate():
                self._create_item(event)
                return
            case ConversationItemDelete():
                books.history.delete(event.item_id)
            case ConversationItemTruncate():
                self._truncate(event)
                return
            case InputAudioBufferClear():
                books.gap.forget_turn(at_ms)
            case InputAudioBufferCommit():
                books.gap.commit(at_ms)
                if books.face is None:
                    books.tell(event)
                    return
            case ResponseCreate():
                self._create_response(event)
                return
            case _:
                pass
        books.emit(SendToEngine(event))

    # What more than passes on

    def _create_item(self, event: ConversationItemCreate) -> None:
        books = self._books
        if not event.item.id:
            event = event.model_copy(update={"item": event.item.model_copy(update={"id": books.new_id("item")})})
        self._told.expect(event)
        books.emit(SendToEngine(event))
        if isinstance(event.item, FunctionCallOutput) and (call := books.calls.answer(event.item.call_id)):
            self._calling.go_on(call.response_id)

    def _truncate(self, event: ConversationItemTruncate) -> None:
        """What a client says was heard, was heard: it keeps its own account, or knows its own loudspeaker."""
        books = self._books
        if books.client_plays or event.item_id in books.ledger.items:
            self._sounding.stop()
        books.history.cut(event.item_id, event.audio_end_ms, books.ledger.received_ms(event.item_id))
        self._extension.truncated(event.item_id, event.content_index, event.audio_end_ms)
        if not self._told.as_text(event.item_id):
            books.emit(SendToEngine(event))
            return
        self._told.tell_anew(event.item_id)
        books.show(
            ConversationItemTruncated(
                item_id=event.item_id, content_index=event.content_index, audio_end_ms=event.audio_end_ms
            )
        )

    def _create_response(self, event: ResponseCreate) -> None:
        """While tools of ours run a reply waits for their results, and when we have already asked the engine to go on
        from those, that is the reply."""
        books = self._books
        if not event.event_id:
            event = event.model_copy(update={"event_id": books.new_id(CLIENT_ID)})
        if event.response is not None and event.response.conversation == "none":
            self._replies.asides.ask(event.event_id or "")
            books.emit(SendToEngine(event))
            return
        if self._calling.hold(event):
            return
        wish = books.replies.wish
        bare = event.response is None or not event.response.model_fields_set
        if bare and wish is not None and wish.reason == "tool":
            books.note("create_merged")
            return
        books.replies.forget("tool", "restored")
        if may(books.states, Trigger.REPLY_ASKED):
            books.step(Trigger.REPLY_ASKED)
            books.replies.ask(Wish("client", create=event), event.event_id or "")
            books.times.asked_at = books.now
        books.emit(SendToEngine(event))
