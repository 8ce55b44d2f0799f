"""What follows from what the engine says.

One method per server event that means something to the conversation; every other event only passes to the client.
Surprises (an event that does not fit the state, an error code nobody knows) are noted and change nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from voice.protocol import server_events as se
from voice.protocol.client_events import ConversationItemCreate, ResponseCreate, SessionUpdate
from voice.protocol.codec import Unknown
from voice.protocol.items import FunctionCall
from voice.protocol.settings import (
    AudioInput,
    AudioSettings,
    Response,
    ResponseError,
    ServerVad,
    StatusDetails,
    merge,
)
from voice.protocol.settings import Session as Settings
from voice.session.calls import Stage, ToolCall
from voice.session.effects import CloseLink, RunTool, SendToClient, SendToEngine
from voice.session.events import EngineSaid
from voice.session.refusals import Action, action_for
from voice.session.replies import Wish
from voice.session.states import Consequence, Link, Reply, Trigger, consequence, may
from voice.session.turns import TurnTimes

if TYPE_CHECKING:
    from voice.session.session import Session

SHOW, HIDE = True, False
CLIENT_ID = "vc"
STALE_PATIENCE_S = 3.0
Whose = Literal["first", "ours", "client"]
NOT_RUN = "This was not run: the person interrupted before it began."


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
        self._introduced = False
        self._conversation_shown = False
        self._held_created: se.SessionCreated | None = None
        self._held_conversation: se.ConversationCreated | None = None
        self._updates: deque[tuple[str, Whose, Any]] = deque()
        self._creating: dict[str, ConversationItemCreate] = {}
        self._retelling: set[str] = set()
        self.told_as_text: set[str] = set()
        self._calling: dict[str, CallingResponse] = {}
        self._held_create: ResponseCreate | None = None
        self._open: dict[str, Response] = {}
        self._handlers: dict[type, Callable[[Any], bool]] = {
            se.SessionCreated: self._session_created,
            se.SessionUpdated: self._session_updated,
            se.ConversationCreated: self._conversation_created,
            se.ErrorEvent: self._error,
            se.InputAudioBufferSpeechStarted: self._speech_started,
            se.InputAudioBufferSpeechStopped: self._speech_stopped,
            se.InputAudioBufferCommitted: self._committed,
            se.InputAudioBufferCleared: self._cleared,
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
        settings = self._with_our_tools(session.settings)
        if session.face is not None:
            return settings
        return merge(
            settings, Settings(audio=AudioSettings(input=AudioInput(turn_detection=self._detection(settings))))
        )

    def _with_our_tools(self, settings: Settings) -> Settings:
        ours = list(self._session.config.tools)
        if not ours:
            return settings
        known = [tool for tool in settings.tools or () if tool not in ours]
        return settings.model_copy(update={"tools": [*known, *ours]})

    def _detection(self, settings: Settings) -> Any:
        session = self._session
        if session.push_to_talk:
            return None
        audio = settings.audio
        wanted = audio.input.turn_detection if audio is not None and audio.input is not None else None
        engine_decides = not session.ours
        flags = {"create_response": engine_decides, "interrupt_response": engine_decides}
        return (wanted or ServerVad()).model_copy(update=flags)

    def change(self, settings: Settings) -> None:
        """The operator changes the settings: what is unset stays, and so do our tools and who keeps the floor."""
        session = self._session
        if session.states.link is not Link.READY:
            session.settings = merge(session.settings, settings)
            return
        if "tools" in settings.model_fields_set:
            settings = self._with_our_tools(settings)
        if session.face is None and _says_detection(settings):
            detection = AudioSettings(input=AudioInput(turn_detection=self._detection(settings)))
            settings = merge(settings, Settings(audio=detection))
        update = SessionUpdate(event_id=session.new_id("update"), session=settings)
        session.emit(SendToEngine(self.expect_update(update, "ours")))

    def expect_update(self, event: SessionUpdate, whose: Whose) -> SessionUpdate:
        """An update goes out; it is true once it is answered. Answers come in order, to whoever sent it."""
        if not event.event_id:
            event = event.model_copy(update={"event_id": self._session.new_id(CLIENT_ID)})
        self._updates.append((event.event_id or "", whose, event.session))
        self._session.gap.by_hand = self._session.face is not None and self.commits_by_hand()
        return event

    def _wanted_settings(self) -> Settings:
        """The settings with every update that was not refused yet."""
        settings = self._session.settings
        for _, _, update in self._updates:
            if isinstance(update, Settings):
                settings = merge(settings, update)
        return settings

    def _session_created(self, event: se.SessionCreated) -> bool:
        session = self._session
        if session.states.link is not Link.OPENING:
            session.note("surprise", type=event.type)
            return HIDE
        session.step(Trigger.LINK_GREETED)
        session.retry.greeted(session.now)
        first = not self._introduced
        settings = self.opening_settings()
        speaks = bool(settings.model_fields_set - {"type"})
        if speaks:
            update = SessionUpdate(event_id=session.new_id("update"), session=settings)
            session.emit(SendToEngine(self.expect_update(update, "first" if first else "ours")))
        session.link.restore()
        session.speak_up()
        if not first:
            return HIDE
        if speaks:
            self._held_created = event
            return HIDE
        self._introduced = True
        return SHOW

    def _conversation_created(self, event: se.ConversationCreated) -> bool:
        """Shown once, and behind `session.created`, which is the first thing a client hears."""
        if self._held_created is not None:
            self._held_conversation = event
            return HIDE
        first, self._conversation_shown = not self._conversation_shown, True
        return SHOW if first else HIDE

    def _session_updated(self, event: se.SessionUpdated) -> bool:
        if not self._updates:
            return SHOW
        _, whose, update = self._updates.popleft()
        if whose != "first" and isinstance(update, Settings):
            self._session.settings = merge(self._session.settings, update)
        if whose == "first":
            self._introduce(event.session)
        return SHOW if whose == "client" else HIDE

    def _introduce(self, settings: Any) -> None:
        created, self._held_created = self._held_created, None
        conversation, self._held_conversation = self._held_conversation, None
        if created is not None:
            self._introduced = True
            self._show(created.model_copy(update={"session": settings}))
        if conversation is not None:
            self._conversation_shown = True
            self._show(conversation)

    def commits_by_hand(self) -> bool:
        """Whether turns are committed by hand."""
        if self._session.face is None:
            return self._session.push_to_talk
        settings = self._wanted_settings()
        return _says_detection(settings) and _detection_of(settings) is None

    def forget_pending(self, response_id: str) -> bool:
        """The connection and its answers are gone. True when the broken response had called tools: those go on."""
        session = self._session
        if self._held_created is not None:
            self._held_created = self._held_conversation = None
        session.settings = self._wanted_settings()
        self._updates.clear()
        self._retelling.clear()
        self.told_as_text.clear()
        session.history.forget_known()
        session.history.forget_calls(session.calls.open)
        creating, self._creating = self._creating, {}
        for event in creating.values():
            session.link.hold(event)
        self._end_open_responses()
        was_calling = response_id in self._calling
        for calling_id, calling in list(self._calling.items()):
            calling.done = True
            self.go_on(calling_id)
        return was_calling

    def _end_open_responses(self) -> None:
        """A client saw these begin and must see them end: the engine that made them cannot say so any more."""
        lost = ResponseError(type="server_error", code="connection_lost")
        for response in self._open.values():
            details = StatusDetails(type="failed", error=lost)
            ended = response.model_copy(update={"status": "failed", "status_details": details})
            self._show(se.ResponseDone(response=ended))
        self._open.clear()

    # Items on their way

    def expect_item(self, event: ConversationItemCreate) -> None:
        """A client's item goes out: it is said again if the connection dies before the engine has it."""
        self._creating[event.item.id or ""] = event

    def retold(self, item_id: str) -> None:
        """This item goes to a new connection: the client knows it already."""
        self._retelling.add(item_id)
        self.told_as_text.add(item_id)
        self._session.history.know(item_id)

    def known_before(self, item_id: str) -> str | None:
        """The last item before this one that the present engine has; `root` when there is none."""
        return self._session.history.known_before(item_id) or "root"

    # Errors

    def _error(self, event: se.ErrorEvent) -> bool:
        session = self._session
        detail = event.error
        event_id = detail.event_id or ""
        action = action_for(detail.code)
        session.note("error", code=detail.code, action=action.value, param=detail.param)
        self._refused(event_id, detail.code)
        ours = bool(event_id) and f"_{session.config.session_id[-12:]}_" in event_id
        if not ours or event_id.startswith(CLIENT_ID):
            hidden_id = None if ours else detail.event_id
            self._show(event.model_copy(update={"error": detail.model_copy(update={"event_id": hidden_id})}))
        if event_id and event_id == session.replies.asked_event_id:
            self._reply_refused(action)
        self._act(action, detail.message)
        return HIDE

    def _refused(self, event_id: str, code: str | None) -> None:
        """What was asked for with this event did not happen."""
        if code == "input_audio_buffer_commit_empty":
            self._session.gap.commit_refused()
        for item_id, create in self._creating.items():
            if event_id and create.event_id == event_id:
                del self._creating[item_id]
                return
        for update in self._updates:
            if update[0] == event_id:
                self._updates.remove(update)
                if update[1] == "first" and self._held_created is not None:
                    self._introduce(self._held_created.session)
                return

    def _reply_refused(self, action: Action) -> None:
        session = self._session
        wish = session.replies.wish
        stands = session.states.reply is Reply.ASKED and wish is not None and wish.reason != "client"
        if may(session.states, Trigger.REPLY_REFUSED):
            session.step(Trigger.REPLY_REFUSED)
        session.stale_until = None
        if not session.replies.refused(session.now, again=stands and action is Action.RETRY) and stands:
            session.note("reply_given_up")
        session.speak_up()

    def _act(self, action: Action, message: str) -> None:
        if action is Action.RECONNECT and self._session.states.link is Link.READY:
            self._session.emit(CloseLink())
        elif action is Action.END:
            self._session.end(1011, message)

    # The person's turn

    def _speech_started(self, event: se.InputAudioBufferSpeechStarted) -> bool:
        session = self._session
        session.step(Trigger.SPEECH_STARTED)
        session.times = TurnTimes(speech_started_at=session.now)
        session.gap.begin_turn()
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
        self._turn_ended()
        session.times.committed_at = session.now
        session.gap.committed(event.item_id)
        session.note("committed", item_id=event.item_id)
        if session.face is None and (session.ours or session.push_to_talk):
            session.ask(Wish("turn"))
        return SHOW

    def _cleared(self, event: se.InputAudioBufferCleared) -> bool:
        self._turn_ended()
        return SHOW

    def _turn_ended(self) -> None:
        """Whatever ends a turn ends the speaking, also where the engine does not say so. The button says so itself."""
        if not self._session.talk.open:
            self._session.step(Trigger.SPEECH_STOPPED)

    def _transcribed(self, event: se.ConversationItemInputAudioTranscriptionCompleted) -> bool:
        self._session.history.set_text(event.item_id, event.transcript)
        return SHOW

    # Items

    def _item_added(self, event: se.ConversationItemAdded | se.ConversationItemCreated) -> bool:
        item_id = event.item.id or ""
        if item_id in self._retelling:
            return HIDE
        self._creating.pop(item_id, None)
        self._session.history.add(event.item, event.previous_item_id)
        self._session.history.know(item_id)
        return SHOW

    def _item_done(self, event: se.ConversationItemDone) -> bool:
        if event.item.id in self._retelling:
            self._retelling.discard(event.item.id)
            return HIDE
        self._session.history.complete(event.item, event.previous_item_id)
        return SHOW

    def _item_deleted(self, event: se.ConversationItemDeleted) -> bool:
        self._session.history.delete(event.item_id)
        self.told_as_text.discard(event.item_id)
        return SHOW

    # The reply

    def _response_created(self, event: se.ResponseCreated) -> bool:
        session = self._session
        response_id = event.response.id
        if session.face is not None:
            self._open[response_id] = event.response
        if _out_of_band(event.response):
            return SHOW
        if session.states.reply is Reply.STALE:
            if not session.replies.active_id:
                self._stale_created(response_id)
                return SHOW
            self.give_up_stale()
        if may(session.states, Trigger.REPLY_CREATED):
            session.step(Trigger.REPLY_CREATED)
        else:
            session.note("surprise", type=event.type)
        session.replies.created(response_id)
        session.gap.answering(response_id)
        return SHOW

    def _stale_created(self, response_id: str) -> None:
        """A reply that was interrupted before it began: now it has a name by which it can be stopped."""
        session = self._session
        session.replies.make_stale(response_id)
        session.replies.created(response_id)
        session.stale_until = session.now + STALE_PATIENCE_S
        session.cancel(response_id)

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
        self._session.ledger.finish(item_id)
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

    def _response_done(self, event: se.ResponseDone) -> bool:
        session = self._session
        response = event.response
        if not session.replies.end(response.id):
            session.note("surprise", type=event.type)
            return HIDE
        self._open.pop(response.id, None)
        session.usage.add(response.usage)
        if response.usage is not None:
            session.note("usage", response_id=response.id, cost_usd=round(session.usage.cost_usd, 6))
        if _out_of_band(response):
            return SHOW
        self._show(event)
        wish = session.replies.wish
        was_active = response.id == session.replies.active_id and session.states.reply is not Reply.STALE
        if response.id in (session.replies.active_id, "") and may(session.states, Trigger.REPLY_DONE):
            session.step(Trigger.REPLY_DONE)
            session.replies.done()
            session.stale_until = None
        session.note("reply_done", response_id=response.id, status=response.status)
        self._settle(response)
        if calling := self._calling.get(response.id):
            calling.done = True
        elif response.status == "failed":
            self._failed(response, wish, was_active=was_active)
        self.go_on(response.id)
        session.speak_up()
        return HIDE

    def _settle(self, response: Response) -> None:
        """Which turns need not be heard again now."""
        session = self._session
        if response.status in ("completed", "incomplete"):
            session.replies.answered()
            session.gap.answered(response.id)
        elif response.status == "cancelled":
            session.replies.make_stale(response.id)
            if session.face is not None:
                session.stop_voice()
            if not session.gap.turn_open and all(turn.response_id == response.id for turn in session.gap.commits):
                session.gap.answered(response.id)

    def _failed(self, response: Response, wish: Wish | None, *, was_active: bool) -> None:
        """The engine could not make it. Nobody is left without an answer for a passing trouble."""
        session = self._session
        error = response.status_details.error if response.status_details is not None else None
        code = (error.code or error.type) if error is not None else None
        action = action_for(code)
        session.note("error", code=code, action=action.value, param=None)
        if was_active and session.face is None and action is not Action.END:
            session.replies.ask(wish or Wish("turn"), "")
            if not session.replies.refused(session.now, again=True):
                session.note("reply_given_up")
        self._act(action, (error.message if error is not None else None) or "the engine cannot answer")

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
        ours = session.face is None or any(tool.name == item.name for tool in session.config.tools)
        call = ToolCall(
            item.call_id or "",
            response_id,
            item.id or "",
            item.name,
            item.arguments,
            output_index,
            Stage.RUNNING if ours else Stage.WITH_CLIENT,
            session.now,
        )
        if not session.calls.start(call):
            session.note("surprise", type="repeated call", call_id=call.call_id)
            return
        session.note("tool_started", call_id=call.call_id, name=call.name, ours=ours)
        if session.replies.is_stale(response_id):
            if ours and session.calls.answer(call.call_id):
                session.answer(call, NOT_RUN, ok=False)
            return
        calling = self._calling.setdefault(response_id, CallingResponse())
        calling.with_client |= not ours
        if ours:
            session.emit(RunTool(call.call_id, call.name, call.arguments))

    def hush(self, response_id: str) -> None:
        """The person interrupted this response: what it called finishes in silence."""
        self._session.calls.hush(response_id)
        if calling := self._calling.get(response_id):
            calling.hushed = True

    def create(self, event: ResponseCreate) -> None:
        """A client asks for a reply. While tools of ours run it waits for their results, and when we have already
        asked the engine to go on from those, that is the reply."""
        session = self._session
        if event.response is not None and event.response.conversation == "none":
            session.emit(SendToEngine(event))
            return
        if not event.event_id:
            event = event.model_copy(update={"event_id": session.new_id(CLIENT_ID)})
        if session.calls.running:
            if self._held_create is not None:
                session.note("create_merged")
            self._held_create = event
            return
        wish = session.replies.wish
        bare = event.response is None or not event.response.model_fields_set
        if bare and wish is not None and wish.reason == "tool":
            session.note("create_merged")
            return
        session.replies.forget("tool", "restored")
        if may(session.states, Trigger.REPLY_ASKED):
            session.step(Trigger.REPLY_ASKED)
            session.replies.ask(Wish("client", create=event), event.event_id or "")
            session.times.asked_at = session.now
        session.emit(SendToEngine(event))

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
        if self._held_create is not None and not session.calls.running:
            create, self._held_create = self._held_create, None
            session.ask(Wish("client", create=create))
        elif not calling.hushed and not calling.with_client:
            session.ask(Wish("tool"))


def _says_detection(settings: Settings) -> bool:
    audio = settings.audio
    given = audio.input if audio is not None else None
    return given is not None and "turn_detection" in given.model_fields_set


def _detection_of(settings: Settings) -> Any:
    assert settings.audio is not None
    assert settings.audio.input is not None
    return settings.audio.input.turn_detection


def _out_of_band(response: Response) -> bool:
    return "conversation_id" in response.model_fields_set and response.conversation_id is None
