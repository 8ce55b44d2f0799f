"""What follows from what the engine says.

One method per server event that means something to the conversation; every other event only passes to the client.
Surprises (an event that does not fit the state, an error code nobody knows) are noted and change nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voice.protocol import server_events as se
from voice.protocol.client_events import (
    InputAudioBufferCommit,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
)
from voice.protocol.codec import Unknown
from voice.protocol.items import FunctionCall
from voice.protocol.settings import AudioInput, AudioSettings, Response, ServerVad, merge
from voice.protocol.settings import Session as Settings
from voice.session.calls import Stage, ToolCall
from voice.session.effects import CloseLink, RunTool, SendToClient, SendToEngine
from voice.session.events import EngineSaid
from voice.session.refusals import Action, action_for
from voice.session.replies import Wish
from voice.session.states import Consequence, Floor, Link, Reply, Trigger, consequence, may
from voice.session.turns import TurnTimes

if TYPE_CHECKING:
    from voice.session.session import Session

SHOW, HIDE = True, False
RECEIVED_REMEMBERED = 64
CREATES_HELD = 16
CLIENT_ID = "vc"


@dataclass(slots=True)
class CallingResponse:
    """A response that called tools, until the model was asked to go on."""

    done: bool = False
    hushed: bool = False
    with_client: bool = False


class EngineSide:
    """The engine's half of the session's rules."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._greeted = False
        self._held_created: se.SessionCreated | None = None
        self._updates: deque[tuple[str, str]] = deque()
        self._retelling: set[str] = set()
        self.told_as_text: set[str] = set()
        self._calling: dict[str, CallingResponse] = {}
        self._held_creates: deque[ResponseCreate] = deque(maxlen=CREATES_HELD)
        self._received: dict[str, float] = {}
        self._commit_wanted = False
        self._handlers: dict[type, Callable[[Any], bool]] = {
            se.SessionCreated: self._session_created,
            se.SessionUpdated: self._session_updated,
            se.ErrorEvent: self._error,
            se.InputAudioBufferSpeechStarted: self._speech_started,
            se.InputAudioBufferSpeechStopped: self._speech_stopped,
            se.InputAudioBufferCommitted: self._committed,
            se.ConversationItemAdded: self._item_added,
            se.ConversationItemCreated: self._item_added,
            se.ConversationItemDone: self._item_done,
            se.ConversationItemDeleted: self._item_deleted,
            se.ConversationItemInputAudioTranscriptionCompleted: self._transcribed,
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
        handler = self._handlers.get(type(said))
        if handler is not None:
            if handler(said) is SHOW:
                self._show(said)
            return
        if isinstance(said, Unknown):
            self._session.note("unknown_event", type=said.type, problem=said.problem)
        self._show(said)

    def _show(self, said: se.ServerEvent | Unknown) -> None:
        face = self._session.face
        if face is not None and not self._session.ended:
            for shown in face.show(said):
                self._session.emit(SendToClient(shown))

    # The session and its settings

    def opening_settings(self) -> Settings:
        """What we ask of a fresh connection: our settings, our tools, and who keeps the floor."""
        session = self._session
        settings = session.settings
        ours = list(session.config.tools)
        if ours:
            known = [tool for tool in settings.tools or () if tool not in ours]
            settings = settings.model_copy(update={"tools": [*known, *ours]})
        if session.face is not None:
            return settings
        return merge(settings, Settings(audio=AudioSettings(input=AudioInput(turn_detection=self._detection()))))

    def _detection(self) -> Any:
        session = self._session
        if session.config.turns.mode == "push_to_talk":
            return None
        audio = session.settings.audio
        wanted = audio.input.turn_detection if audio is not None and audio.input is not None else None
        engine_decides = not session.ours
        flags = {"create_response": engine_decides, "interrupt_response": engine_decides}
        return (wanted or ServerVad()).model_copy(update=flags)

    def expect_update(self, event: SessionUpdate, *, ours: bool = False) -> SessionUpdate:
        """An update goes out: its answer belongs to whoever sent it. Answers come in order."""
        if not event.event_id:
            event = event.model_copy(update={"event_id": self._session.new_id(CLIENT_ID)})
        self._updates.append((event.event_id or "", "ours" if ours else "client"))
        return event

    def _session_created(self, event: se.SessionCreated) -> bool:
        session = self._session
        if session.states.link is not Link.OPENING:
            session.note("surprise", type=event.type)
            return HIDE
        first, self._greeted = not self._greeted, True
        settings = self.opening_settings()
        speaks = bool(settings.model_fields_set - {"type"})
        if speaks:
            update = SessionUpdate(event_id=session.new_id("update"), session=settings)
            self._updates.append((update.event_id or "", "first" if first else "ours"))
            session.emit(SendToEngine(update))
        session.restore()
        session.greeted()
        self.commit_if_wanted()
        session.speak_up()
        if not first:
            return HIDE
        if speaks:
            self._held_created = event
            return HIDE
        return SHOW

    def _session_updated(self, event: se.SessionUpdated) -> bool:
        _, whose = self._updates.popleft() if self._updates else ("", "client")
        if whose == "first":
            self._introduce(event.session)
        return SHOW if whose == "client" else HIDE

    def _introduce(self, settings: Any) -> None:
        created, self._held_created = self._held_created, None
        if created is not None:
            self._show(created.model_copy(update={"session": settings}))

    def forget_pending(self) -> None:
        """The connection is gone: its answers will not come."""
        session = self._session
        self._updates.clear()
        self._retelling.clear()
        self.told_as_text.clear()
        self._calling.clear()
        self._held_creates.clear()
        said = all(
            entry is not None and entry.text
            for entry in (session.history.entries.get(item_id) for item_id in session.unsettled_items)
        )
        if session.unsettled and session.unsettled_items and said and session.states.floor is Floor.SILENT:
            self._settle()
            session.gap.clear()
            session.replies.want(Wish("restored"))
        elif session.unsettled_items and self._detection_is_off():
            self._commit_wanted = True

    def _detection_is_off(self) -> bool:
        """Whether turns are committed by hand."""
        if self._session.face is None:
            return self._session.config.turns.mode == "push_to_talk"
        audio = self._session.settings.audio
        given = audio.input if audio is not None else None
        return given is not None and "turn_detection" in given.model_fields_set and given.turn_detection is None

    def retold(self, item_id: str) -> None:
        """This item goes to a new connection: the client knows it already."""
        self._retelling.add(item_id)
        self.told_as_text.add(item_id)

    def _settle(self) -> None:
        self._session.unsettled = False
        self._session.unsettled_items = set()

    # Errors

    def _error(self, event: se.ErrorEvent) -> bool:
        session = self._session
        detail = event.error
        event_id = detail.event_id or ""
        action = action_for(detail.code)
        session.note("error", code=detail.code, action=action.value, param=detail.param)
        self._settings_refused(event_id)
        if event_id and event_id == session.replies.asked_event_id:
            self._reply_refused(again=action is Action.RETRY)
        ours = bool(event_id) and f"_{session.config.session_id[-12:]}_" in event_id
        if not ours or event_id.startswith(CLIENT_ID):
            hidden_id = None if ours else detail.event_id
            self._show(event.model_copy(update={"error": detail.model_copy(update={"event_id": hidden_id})}))
        if action is Action.RECONNECT:
            session.emit(CloseLink())
        elif action is Action.END:
            session.end(1011, detail.message)
        return HIDE

    def _settings_refused(self, event_id: str) -> None:
        for update in self._updates:
            if update[0] == event_id:
                self._updates.remove(update)
                if update[1] == "first" and self._held_created is not None:
                    self._introduce(self._held_created.session)
                return

    def _reply_refused(self, *, again: bool) -> None:
        session = self._session
        if may(session.states, Trigger.REPLY_REFUSED):
            session.step(Trigger.REPLY_REFUSED)
        session.stale_until = None
        if not session.replies.refused(session.now, again=again):
            session.note("reply_given_up")
        session.speak_up()

    # The person's turn

    def _speech_started(self, event: se.InputAudioBufferSpeechStarted) -> bool:
        session = self._session
        session.step(Trigger.SPEECH_STARTED)
        session.times = TurnTimes(speech_started_at=session.now)
        session.unsettled = True
        session.note("speech_started", item_id=event.item_id, audio_start_ms=event.audio_start_ms)
        if session.face is None and consequence(session.states) is Consequence.INTERRUPT:
            session.interrupt("speech")
        return SHOW

    def _speech_stopped(self, event: se.InputAudioBufferSpeechStopped) -> bool:
        session = self._session
        session.step(Trigger.SPEECH_STOPPED)
        session.times.speech_stopped_at = session.now
        session.note("speech_stopped", item_id=event.item_id, audio_end_ms=event.audio_end_ms)
        return SHOW

    def _committed(self, event: se.InputAudioBufferCommitted) -> bool:
        session = self._session
        session.times.committed_at = session.now
        session.unsettled = True
        session.unsettled_items.add(event.item_id)
        session.note("committed", item_id=event.item_id)
        if session.face is None and (session.ours or session.config.turns.mode == "push_to_talk"):
            session.ask(Wish("turn"))
        return SHOW

    def want_commit(self) -> None:
        """A talk-button turn is complete: commit it now, or as soon as there is an engine."""
        self._commit_wanted = True
        self.commit_if_wanted()

    def commit_if_wanted(self) -> None:
        session = self._session
        if self._commit_wanted and session.states.link is Link.READY:
            self._commit_wanted = False
            session.emit(SendToEngine(InputAudioBufferCommit(event_id=session.new_id("commit"))))

    def _transcribed(self, event: se.ConversationItemInputAudioTranscriptionCompleted) -> bool:
        self._session.history.set_text(event.item_id, event.transcript)
        return SHOW

    # Items

    def _item_added(self, event: se.ConversationItemAdded | se.ConversationItemCreated) -> bool:
        if event.item.id in self._retelling:
            return HIDE
        self._session.history.add(event.item, event.previous_item_id)
        return SHOW

    def _item_done(self, event: se.ConversationItemDone) -> bool:
        if event.item.id in self._retelling:
            self._retelling.discard(event.item.id)
            return HIDE
        self._session.history.complete(event.item, event.previous_item_id)
        return SHOW

    def _item_deleted(self, event: se.ConversationItemDeleted) -> bool:
        self._session.history.delete(event.item_id)
        return SHOW

    # The reply

    def _response_created(self, event: se.ResponseCreated) -> bool:
        session = self._session
        if _out_of_band(event.response):
            return SHOW
        response_id = event.response.id
        if session.states.reply is Reply.STALE:
            session.replies.make_stale(response_id)
            session.replies.active_id = response_id
            if session.ours:
                cancel = ResponseCancel(event_id=session.new_id("cancel"), response_id=response_id)
                session.emit(SendToEngine(cancel))
            return SHOW
        if may(session.states, Trigger.REPLY_CREATED):
            session.step(Trigger.REPLY_CREATED)
        else:
            session.note("surprise", type=event.type)
        session.replies.created(response_id)
        session.times.first_delta_at = None
        return SHOW

    def _output_item_added(self, event: se.ResponseOutputItemAdded) -> bool:
        if event.item.id not in self._session.history.entries and event.response_id == self._session.replies.active_id:
            self._session.history.add(event.item, None)
        return SHOW

    def _output_item_done(self, event: se.ResponseOutputItemDone) -> bool:
        self._finish_item(event.item.id or "")
        if isinstance(event.item, FunctionCall) and event.item.status in (None, "completed"):
            self._show(event)
            self._call(event.response_id, event.output_index, event.item)
            return HIDE
        return SHOW

    def _audio_done(self, event: se.ResponseOutputAudioDone) -> bool:
        self._finish_item(event.item_id)
        return SHOW

    def _finish_item(self, item_id: str) -> None:
        ledger = self._session.ledger
        if spoken := ledger.items.get(item_id):
            self._received[item_id] = spoken.received_ms
            while len(self._received) > RECEIVED_REMEMBERED:
                del self._received[next(iter(self._received))]
        ledger.finish(item_id)
        self._session.mark_if_wanted()

    def received_ms(self, item_id: str) -> float:
        """How much sound of an item came, for an item that is complete."""
        return self._received.get(item_id, 0.0)

    def _words(self, event: se.ResponseOutputAudioTranscriptDelta | se.ResponseOutputTextDelta) -> bool:
        self._session.history.append_text(event.item_id, event.delta)
        return SHOW

    def _all_words(self, event: se.ResponseOutputAudioTranscriptDone) -> bool:
        self._session.history.set_text(event.item_id, event.transcript)
        return SHOW

    def _all_text(self, event: se.ResponseOutputTextDone) -> bool:
        self._session.history.set_text(event.item_id, event.text)
        return SHOW

    def _response_done(self, event: se.ResponseDone) -> bool:
        session = self._session
        response = event.response
        session.usage.add(response.usage)
        if response.usage is not None:
            session.note("usage", response_id=response.id, cost_usd=round(session.usage.cost_usd, 6))
        if _out_of_band(response):
            return SHOW
        self._show(event)
        if response.id in (session.replies.active_id, "") and may(session.states, Trigger.REPLY_DONE):
            session.step(Trigger.REPLY_DONE)
            session.replies.done()
            session.stale_until = None
        session.note("reply_done", response_id=response.id, status=response.status)
        if response.status == "completed":
            self._settle()
        elif response.status == "cancelled":
            session.replies.make_stale(response.id)
            if session.face is not None:
                session.stop_voice()
        if calling := self._calling.get(response.id):
            calling.done = True
        self.go_on(response.id)
        session.speak_up()
        return HIDE

    def give_up_stale(self) -> None:
        """The cancelled reply never said that it is done: go on without it."""
        session = self._session
        session.stale_until = None
        if session.states.reply is Reply.STALE:
            session.step(Trigger.REPLY_DONE)
            session.replies.done()
            session.note("surprise", type="response.done missing")

    # Tool calls

    def _call(self, response_id: str, output_index: int, item: FunctionCall) -> None:
        session = self._session
        if session.replies.is_stale(response_id):
            return
        ours = session.face is None or any(tool.name == item.name for tool in session.config.tools)
        stage = Stage.RUNNING if ours else Stage.WITH_CLIENT
        call = ToolCall(
            item.call_id or "",
            response_id,
            item.id or "",
            item.name,
            item.arguments,
            output_index,
            stage,
            session.now,
        )
        if not session.calls.start(call):
            session.note("surprise", type="repeated call", call_id=call.call_id)
            return
        calling = self._calling.setdefault(response_id, CallingResponse())
        calling.with_client |= not ours
        session.note("tool_started", call_id=call.call_id, name=call.name, ours=ours)
        if ours:
            session.emit(RunTool(call.call_id, call.name, call.arguments))

    def hold_create(self, event: ResponseCreate) -> bool:
        """A client asks for a reply while tools of ours run: it waits for their results. False: nothing to wait for."""
        if not self._session.calls.running:
            return False
        self._held_creates.append(event)
        return True

    def go_on(self, response_id: str, *, hushed: bool = False) -> None:
        """Something of a calling response ended: when all of it has, the model goes on."""
        session = self._session
        calling = self._calling.get(response_id)
        if calling is None:
            return
        calling.hushed |= hushed
        if not calling.done or session.calls.waiting_for(response_id):
            return
        del self._calling[response_id]
        if self._held_creates and not session.calls.running:
            while self._held_creates:
                session.emit(SendToEngine(self._held_creates.popleft()))
        elif not calling.hushed and not calling.with_client:
            session.ask(Wish("tool"))


def _out_of_band(response: Response) -> bool:
    return "conversation_id" in response.model_fields_set and response.conversation_id is None
