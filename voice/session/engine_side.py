"""What follows from what the engine says.

One method per server event that means something to the conversation; every other event only passes to the client.
Surprises (an event that does not fit the state, an error code nobody knows) are noted and change nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from voice.protocol import server_events as se
from voice.protocol.client_events import (
    ClientEvent,
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemRetrieve,
    ResponseCancel,
)
from voice.protocol.codec import Unknown
from voice.protocol.items import AssistantMessage, FunctionCall, InputAudio, Item, UserMessage
from voice.session.effects import CloseLink, SendToClient, SendToEngine
from voice.session.events import EngineSaid
from voice.session.history import retold, text_of
from voice.session.orders import Orders, Told
from voice.session.partial_words import PartialWords
from voice.session.refusals import Action, action_for
from voice.session.replies import Wish
from voice.session.reply_side import CLIENT_ID, ReplySide
from voice.session.settings_side import SettingsSide
from voice.session.states import Floor, Link, Trigger
from voice.session.turns import TurnTimes
from voice.session.wordless import Wordless

if TYPE_CHECKING:
    from voice.session.session import Session

SHOW, HIDE = True, False
REMEMBERED = 64


class EngineSide:
    """The engine's half of the session's rules."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.settings = SettingsSide(session)
        self.replies = ReplySide(session)
        self.orders = Orders()
        self.told_as_text: set[str] = set()
        self._partial_words = PartialWords()
        self._committed_items: dict[str, None] = {}
        self._announced = ""
        self._unannounced = ""
        self.wordless = Wordless()
        self._creating: dict[str, ConversationItemCreate] = {}
        self._retelling: set[str] = set()
        self._deleting: set[str] = set()
        self._handlers: dict[type, Callable[[Any], bool]] = {
            se.SessionCreated: self.settings.session_created,
            se.SessionUpdated: self.settings.session_updated,
            se.ConversationCreated: self.settings.conversation_created,
            se.ErrorEvent: self._error,
            se.InputAudioBufferSpeechStarted: self._speech_started,
            se.InputAudioBufferSpeechStopped: self._speech_stopped,
            se.InputAudioBufferCommitted: self._committed,
            se.InputAudioBufferCleared: self._cleared,
            se.ConversationItemAdded: self._item_added,
            se.ConversationItemCreated: self._item_added,
            se.ConversationItemDone: self._item_done,
            se.ConversationItemDeleted: self._item_deleted,
            se.ConversationItemRetrieved: self._item_retrieved,
            se.ConversationItemInputAudioTranscriptionDelta: self._heard_words,
            se.ConversationItemInputAudioTranscriptionCompleted: self._transcribed,
            se.ConversationItemInputAudioTranscriptionFailed: self._not_transcribed,
            se.ResponseCreated: self._response_created,
            se.ResponseOutputItemAdded: self._output_item_added,
            se.ResponseOutputItemDone: self._output_item_done,
            se.ResponseOutputAudioDone: self._audio_done,
            se.ResponseOutputAudioTranscriptDelta: self._words,
            se.ResponseOutputTextDelta: self._words,
            se.ResponseOutputAudioTranscriptDone: self._all_words,
            se.ResponseOutputTextDone: self._all_text,
            se.ResponseDone: self._response_done,
        }

    def handle(self, event: EngineSaid) -> None:
        """One server event: its consequences, and the client's view of it."""
        said = event.event
        if self._session.states.link is not Link.READY and not isinstance(said, se.SessionCreated | se.ErrorEvent):
            self._session.note("surprise", type=said.type)
            return
        self._session.watch.engine_spoke(of_reply=said.type.startswith("response."))
        if self._session.speculation.takes(event):
            return
        handler = self._handlers.get(type(said))
        if handler is not None:
            if handler(said) is SHOW:
                self.show(said)
            return
        if isinstance(said, Unknown):
            self._session.note("unknown_event", type=said.type, problem=said.problem)
        self.show(said)

    def show(self, said: se.ServerEvent | Unknown) -> None:
        """What a client sees of this."""
        face = self._session.face
        if face is not None and not self._session.ended:
            for shown in face.show(said):
                self._session.emit(SendToClient(shown))

    # Orders and items on their way

    def tell(self, event: ClientEvent, *, again: Told | None = None) -> None:
        """Tell the engine to do this; if it refuses for a passing reason it is told again."""
        self.orders.tell(event, again=again)
        self._session.emit(SendToEngine(event))

    def expect_item(self, event: ConversationItemCreate) -> None:
        """A client's item goes out: it is said again if the connection dies before the engine has it."""
        self._creating[event.item.id or ""] = event

    def expect_deleted(self, item_id: str) -> None:
        """An item is being deleted of which nobody but us and the engine ever knew."""
        self._deleting.add(item_id)

    def retold(self, item_id: str) -> None:
        """This item goes to a new connection: the client knows it already."""
        self._retelling.add(item_id)
        self.told_as_text.add(item_id)
        self._session.history.know(item_id)

    def tell_anew(self, item_id: str) -> None:
        """This connection knows an item as text only: tell it the words that were heard instead. A client that knows
        the item goes on knowing it by its name."""
        session = self._session
        entry = session.history.entries.get(item_id)
        if entry is None:
            return
        before = session.history.known_before(item_id) or "root"
        item = retold(entry)
        self.tell(ConversationItemDelete(event_id=session.new_id("cut"), item_id=item_id))
        self._deleting.add(item_id)
        if session.face is None or item is None:
            session.history.delete(item_id)
        if item is None:
            return
        if session.face is None:
            item = item.model_copy(update={"id": session.new_id("item")})
            session.history.complete(item, before)
        self.retold(item.id or "")
        event_id = session.new_id("retell")
        self.tell(ConversationItemCreate(event_id=event_id, item=item, previous_item_id=before))

    def forget_item(self, item_id: str) -> None:
        """This item is to have never been: nobody heard it, and nothing came of it."""
        session = self._session
        session.history.delete(item_id)
        self.tell(ConversationItemDelete(event_id=session.new_id("forget"), item_id=item_id))

    # Errors

    def _error(self, event: se.ErrorEvent) -> bool:
        session = self._session
        detail = event.error
        event_id = detail.event_id or ""
        action = action_for(detail.code)
        session.note("error", code=detail.code, action=action.value, param=detail.param)
        self._refused(event_id, detail.code, action)
        ours = bool(event_id) and f"_{session.config.session_id[-12:]}_" in event_id
        if not ours or event_id.startswith(CLIENT_ID):
            hidden_id = None if ours else detail.event_id
            self.show(event.model_copy(update={"error": detail.model_copy(update={"event_id": hidden_id})}))
        if event_id and event_id == session.replies.asked_event_id:
            self.replies.refused(action)
        self.act(action, detail.message)
        return HIDE

    def _refused(self, event_id: str, code: str | None, action: Action) -> None:
        """What was asked for with this event did not happen."""
        speculated = self._session.speculation.commit_refused(event_id)
        if code == "input_audio_buffer_commit_empty" and not speculated:
            self._session.gap.commit_refused()
        for item_id, create in self._creating.items():
            if event_id and create.event_id == event_id:
                del self._creating[item_id]
                return
        self.replies.aside_refused(event_id)
        self.settings.refused(event_id)
        told = self.orders.refused(event_id)
        if told is None or self._session.states.link is not Link.READY:
            return
        if isinstance(told.event, ConversationItemCreate):
            self._give_again(told, told.event)
        elif action is Action.RETRY and not self._is_past(told.event):
            self.tell(told.event.model_copy(update={"event_id": self._session.new_id("again")}), again=told)

    def _is_past(self, event: ClientEvent) -> bool:
        return isinstance(event, ResponseCancel) and self._session.replies.is_over(event.response_id or "")

    def _give_again(self, told: Told, event: ConversationItemCreate) -> None:
        """The model does not know an item that it should: it is given again, in its place, and a reply that was asked
        for without it is asked for anew."""
        session = self._session
        item_id = event.item.id or ""
        before = event.previous_item_id
        if entry := session.history.entries.get(item_id):
            entry.known = False
            before = (session.history.known_before(item_id) or "root") if told.times == 1 else None
        changes = {"event_id": session.new_id("again"), "previous_item_id": before}
        self.tell(event.model_copy(update=changes), again=told)
        session.history.know(item_id)
        self.replies.withdraw()

    def act(self, action: Action, message: str) -> None:
        """Do what an error calls for, beyond the reply that it concerns."""
        if action is Action.RECONNECT and self._session.states.link is Link.READY:
            self._session.emit(CloseLink())
        elif action is Action.END:
            self._session.end(1011, message)

    # The person's turn

    def _speech_started(self, event: se.InputAudioBufferSpeechStarted) -> bool:
        session = self._session
        self._announced = event.item_id
        session.step(Trigger.SPEECH_STARTED)
        session.idle.person_spoke()
        session.times = TurnTimes(speech_started_at=session.now)
        session.gap.begin_turn()
        session.note("speech_started", item_id=event.item_id, audio_start_ms=event.audio_start_ms)
        self.show(event)  # before what comes of it: a client whose sound stops must know why
        session.floor.engine_heard_start()
        return HIDE

    def _speech_stopped(self, event: se.InputAudioBufferSpeechStopped) -> bool:
        session = self._session
        self._announced = event.item_id
        session.step(Trigger.SPEECH_STOPPED)
        session.times.speech_stopped_at = session.now
        session.floor.engine_heard_stop()
        session.note("speech_stopped", item_id=event.item_id, audio_end_ms=event.audio_end_ms)
        return SHOW

    def _committed(self, event: se.InputAudioBufferCommitted) -> bool:
        if event.item_id in self._committed_items or self._comes_from_nowhere(event.item_id):
            self._session.note("surprise", type=event.type)
            return HIDE
        return SHOW if self._turn_is_made(event.item_id) else HIDE

    def _comes_from_nowhere(self, item_id: str) -> bool:
        """Whether an engine that finds turns by itself has made one of which it told neither beginning nor end, right
        behind another one: such a turn is believed in when its item comes."""
        session = self._session
        engine_finds = session.face is None and not session.turns.by_hand
        heard = item_id == self._announced or session.states.floor is Floor.SPEAKING or session.gap.turn_open
        if not engine_finds or heard or not self._committed_items:
            return False
        self._unannounced = item_id
        return True

    def _turn_is_made(self, item_id: str) -> bool:
        """The engine made this item of what it heard. False when the client is not to see that."""
        session = self._session
        self._committed_items[item_id] = None
        while len(self._committed_items) > REMEMBERED:
            del self._committed_items[next(iter(self._committed_items))]
        self._turn_ended()
        session.echoes.all_read()
        session.watch.committed()
        if not session.speculation.committed(item_id):
            return HIDE
        session.times.committed_at = session.now
        session.gap.committed(item_id)
        if self.settings.transcribes:
            self.wordless.expect(item_id)
        session.note("committed", item_id=item_id)
        creates = session.ours or (session.face is None and session.turns.by_hand)
        if creates and self.settings.client_turns.creates and session.floor.answers(item_id):
            if not session.person.wants_reply():
                return SHOW
            session.ask(Wish("turn"))
        return SHOW

    def _is_turn(self, item: Item) -> bool:
        """Whether an item is a turn of the person whose `committed` did not come: the item itself says as much."""
        item_id = item.id or ""
        if self._session.face is not None or item_id in self._committed_items or self.orders.creating(item_id):
            return False
        spoken = isinstance(item, UserMessage) and any(isinstance(part, InputAudio) for part in item.content)
        return spoken and item_id in (self._announced, self._unannounced)

    def _cleared(self, event: se.InputAudioBufferCleared) -> bool:
        self._turn_ended()
        self._session.watch.committed()
        return SHOW

    def _turn_ended(self) -> None:
        """Whatever ends a turn ends the speaking, also where the engine does not say so. The button says so itself."""
        if not self._session.talk.open:
            self._session.step(Trigger.SPEECH_STOPPED)

    def _heard_words(self, event: se.ConversationItemInputAudioTranscriptionDelta) -> bool:
        """What the person is saying, where the engine tells it that early."""
        words = self._partial_words.add(event.item_id, event.delta or "")
        if event.item_id not in self._committed_items:
            self._session.floor.words_so_far(words)
        return SHOW

    def _transcribed(self, event: se.ConversationItemInputAudioTranscriptionCompleted) -> bool:
        self._partial_words.forget(event.item_id)
        self._session.history.set_text(event.item_id, event.transcript)
        self._session.floor.words(event.item_id, event.transcript)
        self.wordless.came(event.item_id)
        return SHOW

    def _not_transcribed(self, event: se.ConversationItemInputAudioTranscriptionFailed) -> bool:
        self.wordless.came(event.item_id)
        return SHOW

    def _item_retrieved(self, event: se.ConversationItemRetrieved) -> bool:
        item_id = event.item.id or ""
        if not self.wordless.was_asked(item_id):
            return SHOW
        self.wordless.came(item_id)
        self._session.history.set_text(item_id, text_of(event.item))
        return HIDE

    def handle_time(self) -> None:
        """Time passed: words that have not come are asked for."""
        session = self._session
        for item_id in self.wordless.due(session.now):
            session.emit(SendToEngine(ConversationItemRetrieve(event_id=session.new_id("words"), item_id=item_id)))

    # Items

    def _item_added(self, event: se.ConversationItemAdded | se.ConversationItemCreated) -> bool:
        item_id = event.item.id or ""
        belongs = self._belongs(event.item)
        self.orders.created(item_id)
        self._session.echoes.read(event.item)
        if item_id in self._retelling or not belongs:
            return HIDE
        if self._is_turn(event.item):
            self._session.note("surprise", type="input_audio_buffer.committed missing")
            self._turn_is_made(item_id)
        self._creating.pop(item_id, None)
        self._session.history.add(event.item, event.previous_item_id)
        self._session.history.know(item_id)
        return SHOW

    def _belongs(self, item: Item) -> bool:
        """Whether an item can be of this conversation. An engine writes no words of the person, and says nothing of its
        own but in a response; what it says it was told by us must have been."""
        session, item_id = self._session, item.id or ""
        if session.face is not None or item_id in session.history.entries or self.orders.creating(item_id):
            return True
        if isinstance(item, AssistantMessage):
            belongs = bool(session.replies.active_id)
        elif isinstance(item, UserMessage) and item.content:
            belongs = any(isinstance(part, InputAudio) for part in item.content)
        else:
            belongs = True
        if not belongs:
            session.note("surprise", type="item of nobody")
        return belongs

    def _item_done(self, event: se.ConversationItemDone) -> bool:
        self.orders.created(event.item.id or "")
        self._session.echoes.read(event.item)
        if event.item.id in self._retelling:
            self._retelling.discard(event.item.id)
            return HIDE
        if not self._belongs(event.item):
            return HIDE
        self._session.history.complete(event.item, event.previous_item_id)
        if isinstance(event.item, AssistantMessage):
            self.replies.item_ended(event.item.id or "")
            self.replies.item_status(event.item)
        return SHOW

    def _item_deleted(self, event: se.ConversationItemDeleted) -> bool:
        if event.item_id in self._deleting:
            self._deleting.discard(event.item_id)
            return HIDE
        self._session.history.delete(event.item_id)
        self.told_as_text.discard(event.item_id)
        return SHOW

    # The reply

    def _response_created(self, event: se.ResponseCreated) -> bool:
        self.replies.created(event)
        return SHOW

    def _response_done(self, event: se.ResponseDone) -> bool:
        self.replies.done(event)
        return HIDE

    def _output_item_added(self, event: se.ResponseOutputItemAdded) -> bool:
        self.replies.item_begun(event.response_id, event.item.id or "")
        if event.item.id not in self._session.history.entries and event.response_id == self._session.replies.active_id:
            self._session.history.add(event.item, None)
        return SHOW

    def _output_item_done(self, event: se.ResponseOutputItemDone) -> bool:
        self._finish_item(event.item.id or "")
        self.replies.item_status(event.item)
        self.replies.keep(event.response_id, event.item)
        if isinstance(event.item, FunctionCall) and event.item.status in (None, "completed"):
            self.show(event)
            self.replies.call(event.response_id, event.output_index, event.item)
            return HIDE
        return SHOW

    def _audio_done(self, event: se.ResponseOutputAudioDone) -> bool:
        self._finish_item(event.item_id)
        return SHOW

    def _finish_item(self, item_id: str) -> None:
        self._session.ledger.finish(item_id)
        self.replies.item_ended(item_id)
        self._session.mark_if_wanted()

    def _words(self, event: se.ResponseOutputAudioTranscriptDelta | se.ResponseOutputTextDelta) -> bool:
        self._session.history.append_text(event.item_id, event.delta)
        return SHOW

    def _all_words(self, event: se.ResponseOutputAudioTranscriptDone) -> bool:
        self._session.history.set_text(event.item_id, event.transcript)
        return SHOW

    def _all_text(self, event: se.ResponseOutputTextDone) -> bool:
        self._session.history.set_text(event.item_id, event.text)
        return SHOW

    # A lost connection

    def forget_pending(self, response_id: str) -> bool:
        """The connection and its answers are gone. True when the broken response had called tools: those go on."""
        session = self._session
        self.settings.forget_pending()
        self.orders.forget()
        self.wordless.forget()
        self._announced = self._unannounced = ""
        self._retelling.clear()
        self._deleting.clear()
        self.told_as_text.clear()
        session.history.forget_known()
        session.history.forget_calls(session.calls.open)
        creating, self._creating = self._creating, {}
        for event in creating.values():
            session.link.hold(event)
        return self.replies.forget_pending(response_id)
