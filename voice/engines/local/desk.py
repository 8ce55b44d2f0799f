"""Where every client event gets its answer: one handler for each kind, over the parts of the conversation."""

from __future__ import annotations

from collections.abc import Callable

from voice.audio.frames import AudioFrame
from voice.engines.endings import IsWhole
from voice.engines.local.conversation import Conversation, as_heard
from voice.engines.local.idle import Idle
from voice.engines.local.items import accepted, with_sound
from voice.engines.local.listening import Listening
from voice.engines.local.mcp import Mcp
from voice.engines.local.outlet import Outlet
from voice.engines.local.plan import mcp_labels
from voice.engines.local.replies import Replies
from voice.engines.local.reply import Reply, Stages
from voice.engines.local.settings import Settings
from voice.engines.local.tasks import Tasks
from voice.engines.stages import Brain, Recogniser, Speaker, SpeechProbability
from voice.errors import ProtocolError
from voice.protocol.client_events import (
    ClientEvent,
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemRetrieve,
    ConversationItemTruncate,
    InputAudioBufferAppend,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    OutputAudioBufferClear,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
)
from voice.protocol.ids import Ids
from voice.protocol.server_events import (
    Conversation as ConversationObject,
)
from voice.protocol.server_events import (
    ConversationCreated,
    ConversationItemAdded,
    ConversationItemDeleted,
    ConversationItemDone,
    ConversationItemRetrieved,
    ConversationItemTruncated,
    InputAudioBufferTimeoutTriggered,
    SessionCreated,
    SessionUpdated,
)
from voice.protocol.settings import ServerVad, Session


class Desk:
    """One conversation's parts, wired. Handlers raise ProtocolError for what may not be; then nothing has changed."""

    def __init__(
        self,
        *,
        recogniser: Recogniser,
        speaker: Speaker,
        brain: Brain,
        vad: SpeechProbability,
        settings: Settings,
        outlet: Outlet,
        tasks: Tasks,
        ids: Ids,
        now: Callable[[], float],
        stall_s: float,
        input_limit_ms: int,
        idle_changed: Callable[[Idle | None], None],
        is_whole: IsWhole | None = None,
    ) -> None:
        self._settings = settings
        self._outlet = outlet
        self._ids = ids
        self._now = now
        self._idle_changed = idle_changed
        self._idle: Idle | None = None
        self._owes_reply = False
        self._conversation = Conversation()
        self._mcp = Mcp(self._conversation, outlet, ids)
        self.listening = Listening(
            vad=vad,
            recogniser=recogniser,
            settings=settings,
            conversation=self._conversation,
            outlet=outlet,
            tasks=tasks,
            ids=ids,
            floor=self,
            limit_ms=input_limit_ms,
            stall_s=stall_s,
            is_whole=is_whole,
        )
        self._replies = Replies(
            stages=Stages(brain, speaker, stall_s),
            settings=settings,
            conversation=self._conversation,
            outlet=outlet,
            tasks=tasks,
            ids=ids,
            known=self.listening.transcripts.words_of,
            over=self._reply_is_over,
        )

    def greet(self) -> None:
        """The first words."""
        self._outlet.say(SessionCreated(session=self._settings.session))
        self._outlet.say(ConversationCreated(conversation=ConversationObject(id=self._ids.conversation)))
        self._mcp.refuse(mcp_labels(self._settings.session.tools))

    def hear(self, frame: AudioFrame) -> None:
        """The person's sound."""
        self.check_idle()
        self.listening.hear(frame)

    def handle(self, event: ClientEvent) -> None:
        """Any event but sound."""
        match event:
            case SessionUpdate():
                self._update_session(event)
            case InputAudioBufferAppend():
                raise AssertionError("sound has its own way")
            case InputAudioBufferCommit():
                self._set_idle(None)
                self.listening.commit()
                self._drop_overflow()
            case InputAudioBufferClear():
                self.listening.clear()
            case OutputAudioBufferClear():
                raise ProtocolError("This server plays no sound; the client does.", param="type")
            case ConversationItemCreate():
                self._create_item(event)
            case ConversationItemRetrieve():
                self._retrieve_item(event)
            case ConversationItemTruncate():
                self._truncate_item(event)
            case ConversationItemDelete():
                self._conversation.delete(event.item_id)
                self._outlet.say(ConversationItemDeleted(item_id=event.item_id))
            case ResponseCreate():
                self._create_response(event)
            case ResponseCancel():
                self._replies.cancel(event.response_id)

    def close(self) -> None:
        self.listening.close()

    # Settings and items

    def _update_session(self, event: SessionUpdate) -> None:
        if not isinstance(event.session, Session):
            raise ProtocolError("This is a session of type 'realtime'.", param="session.type")
        self._settings.update(event.session)
        self.listening.configure()
        self._outlet.say(SessionUpdated(session=self._settings.session))
        self._mcp.refuse(mcp_labels(event.session.tools))

    def _create_item(self, event: ConversationItemCreate) -> None:
        entry, unheard = accepted(event.item, self._ids.item, self.listening.decoded)
        sounds = dict(entry.sound)  # the conversation may have no room to keep them
        previous_id = self._conversation.add(entry, event.previous_item_id)
        self._outlet.say(ConversationItemAdded(previous_item_id=previous_id, item=entry.item))
        self._outlet.say(ConversationItemDone(previous_item_id=previous_id, item=entry.item))
        for content_index in unheard:
            self.listening.transcripts.find(entry.id, content_index, sounds[content_index])
        self._drop_overflow()

    def _retrieve_item(self, event: ConversationItemRetrieve) -> None:
        entry = self._conversation.get(event.item_id)
        item = with_sound(entry, self._settings.input_format) if entry.sound else as_heard(entry)
        self._outlet.say(ConversationItemRetrieved(item=item))

    def _truncate_item(self, event: ConversationItemTruncate) -> None:
        self._conversation.truncate(event.item_id, event.content_index, event.audio_end_ms)
        self._outlet.say(
            ConversationItemTruncated(
                item_id=event.item_id, content_index=event.content_index, audio_end_ms=event.audio_end_ms
            )
        )

    def _drop_overflow(self) -> None:
        for item_id in self._conversation.overflow():
            self._outlet.say(ConversationItemDeleted(item_id=item_id))

    # Responses

    def _create_response(self, event: ResponseCreate) -> None:
        plan = self._replies.create(event.response, event.event_id)
        if not plan.out_of_band:
            self._owes_reply = False
            self._set_idle(None)
        self._mcp.refuse(plan.mcp_labels)

    def _answer(self) -> None:
        """A reply that nobody asked for by an event. What the settings make impossible is told as an error."""
        try:
            self._replies.create()
        except ProtocolError as error:
            self._outlet.refuse(error, None)

    def _reply_is_over(self, reply: Reply) -> None:
        if reply.plan.out_of_band:
            return
        if self._owes_reply:
            self._owes_reply = False
            self._answer()
        elif reply.machine.status == "completed":
            self._wait_for_the_person(reply.machine.sound_ms)

    # Turns

    def speech_started(self) -> None:
        """The person takes the floor."""
        self._set_idle(None)
        detection = self._settings.detection
        if detection is not None and detection.interrupt_response is not False:
            self._owes_reply = False
            self._replies.interrupt("turn_detected")

    def speech_stopped(self) -> None:
        """The person gives the floor."""
        self._drop_overflow()
        detection = self._settings.detection
        if detection is None or detection.create_response is False:
            return
        if self._replies.is_speaking:
            # Not interrupted, by the client's wish: this turn is answered when the response under way is over.
            self._owes_reply = True
        else:
            self._answer()

    # Silence

    def check_idle(self) -> None:
        """Has nobody spoken for too long?"""
        if self._idle is None:
            return
        if self._now() < self._idle.at:
            self._idle_changed(self._idle)
            return
        idle = self._idle
        self._set_idle(None)
        if not self.listening.ear.in_speech and not self._replies.is_speaking:
            self._break_the_silence(idle)

    def _wait_for_the_person(self, reply_ms: float) -> None:
        detection = self._settings.detection
        if isinstance(detection, ServerVad) and detection.idle_timeout_ms is not None:
            heard_ms = self.listening.ear.buffer.now_ms
            self._set_idle(Idle.after_reply(self._now(), reply_ms, detection.idle_timeout_ms, heard_ms))

    def _break_the_silence(self, idle: Idle) -> None:
        item_id = self._ids.item()
        heard_ms = round(self.listening.ear.buffer.now_ms)
        self._outlet.say(
            InputAudioBufferTimeoutTriggered(
                audio_start_ms=min(idle.audio_start_ms, heard_ms), audio_end_ms=heard_ms, item_id=item_id
            )
        )
        self.listening.commit_silence(item_id)
        self.speech_stopped()

    def _set_idle(self, idle: Idle | None) -> None:
        if idle is not self._idle:
            self._idle = idle
            self._idle_changed(idle)
