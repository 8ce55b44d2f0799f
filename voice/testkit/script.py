"""One session of a scripted realtime server: no sockets, no clock, no chance. Time is an argument.

It answers as the protocol says (realtime protocol, "Events" and "Canonical sequences"): turns found in marked speech
or declared by the test, replies of a given length and speed, function calls, cancel, truncate and delete with strict
checks. What it says are wire objects, ready to be spoilt. What it was told it remembers: `belief`, `complaints`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from typing import Any

from voice.audio.frames import PCM_24K, PCMA_8K, PCMU_8K, AudioFormat, AudioFrame
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
from voice.protocol.settings import Session as Settings
from voice.protocol.settings import merge
from voice.testkit.hearing import InputBuffer
from voice.testkit.items import Conversation, Item
from voice.testkit.mind import Asked, Belief, Mind
from voice.testkit.reply import Generation
from voice.testkit.words import Vocabulary

WireEvent = dict[str, Any]
_FORMATS = {"audio/pcm": PCM_24K, "audio/pcmu": PCMU_8K, "audio/pcma": PCMA_8K}
DEFAULTS: dict[str, Any] = {
    "type": "realtime",
    "output_modalities": ["audio"],
    "instructions": "",
    "tools": [],
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "transcription": None,
            "turn_detection": {
                "type": "server_vad",
                "threshold": 0.5,
                "prefix_padding_ms": 300,
                "silence_duration_ms": 500,
                "create_response": True,
                "interrupt_response": True,
            },
        },
        "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"},
    },
}


class ScriptedServer:
    """One connection's session. Every verb returns what the server says at once; `deadline` and `tick` bring the rest.

    `name` goes into every id. `received` keeps the client's events (not its sound), `complaints` the code of every
    refusal, and `call_answered_twice` for an output that came again.
    """

    def __init__(self, mind: Mind, vocabulary: Vocabulary, *, name: str = "s1", model: str = "scripted") -> None:
        self.mind = mind
        self.vocabulary = vocabulary
        self.model = model
        self.settings = Settings.model_validate(DEFAULTS)
        self.conversation = Conversation()
        self.buffer = InputBuffer(vocabulary)
        self.received: list[ClientEvent] = []
        self.complaints: list[str] = []
        self.active: Generation | None = None
        self.responses = 0
        self._name = name
        self._ids = count(1)
        self._said: list[WireEvent] = []
        self._due: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = count()
        self._speech_item = ""
        self._input_format = PCM_24K
        self._handlers: dict[type, Callable[[Any, float], None]] = {
            SessionUpdate: self._update,
            InputAudioBufferAppend: self._append,
            InputAudioBufferCommit: self._commit_by_hand,
            InputAudioBufferClear: self._clear,
            OutputAudioBufferClear: self._refuse_here,
            ConversationItemCreate: self._create_item,
            ConversationItemRetrieve: self._retrieve,
            ConversationItemTruncate: self._truncate,
            ConversationItemDelete: self._delete,
            ResponseCreate: self._create_response,
            ResponseCancel: self._cancel,
        }

    # What a connection does with it

    def greet(self) -> list[WireEvent]:
        """The first words of a connection."""
        self.say("session.created", session=self._session())
        self.say("conversation.created", conversation={"id": f"conv_{self._name}", "object": "realtime.conversation"})
        return self._take()

    def receive(self, event: ClientEvent, now: float) -> list[WireEvent]:
        """The client says something; what it did wrong becomes an `error`."""
        if not isinstance(event, InputAudioBufferAppend):
            self.received.append(event)
        try:
            self._handlers[type(event)](event, now)
        except ProtocolError as error:
            error.event_id = error.event_id or event.event_id
            self._complain(error)
        return self._take()

    def refuse(self, error: ProtocolError) -> list[WireEvent]:
        """The client said something that is no event."""
        self._complain(error)
        return self._take()

    def hear(self, frame: AudioFrame, now: float) -> list[WireEvent]:
        """The person's sound, in the session's input format."""
        for edge in self.buffer.hear(frame):
            if edge.what == "started":
                self._speech_started(edge.at_ms, now)
            else:
                self._speech_stopped(edge.at_ms, now)
        return self._take() if self._said else []

    def person_says(self, words: str, now: float) -> list[WireEvent]:
        """A whole turn of speech, without any sound."""
        self._speech_started(int(self.buffer.heard_ms), now)
        self._speech_stopped(int(self.buffer.heard_ms), now, words)
        return self._take()

    def fail_response(self, code: str) -> list[WireEvent]:
        """The response that is being made, if any, fails."""
        if self.active is not None:
            self.active.fail(code)
        return self._take()

    def freeze_response(self) -> None:
        """The response that is being made, if any, goes no further."""
        if self.active is not None:
            self.active.freeze()

    def deadline(self) -> float | None:
        """When to call `tick`, if nothing else happens before."""
        return self._due[0][0] if self._due else None

    def tick(self, now: float) -> list[WireEvent]:
        """Time passed: what is due by now."""
        while self._due and self._due[0][0] <= now:
            at, _, do = heapq.heappop(self._due)
            do(at)
        return self._take()

    def belief(self) -> Belief:
        """The conversation as the model believes it."""
        return self.conversation.belief()

    @property
    def input_format(self) -> AudioFormat:
        return self._input_format

    # What a generation uses

    def say(self, type: str, **fields: Any) -> None:
        """Put an event behind those already said."""
        self._said.append({"type": type, "event_id": self.new_id("event"), **fields})

    def new_id(self, kind: str) -> str:
        return f"{kind}_{self._name}_{next(self._ids)}"

    def after(self, delay_ms: float, now: float, do: Callable[[float], None]) -> None:
        """Do it so much later."""
        heapq.heappush(self._due, (now + delay_ms / 1000, next(self._order), do))

    def add_item(self, item: Item, previous_item_id: str | None = None, *, done: bool = True) -> None:
        """An item joins the conversation."""
        previous = self.conversation.add(item, previous_item_id)
        self.say("conversation.item.added", previous_item_id=previous, item=item)
        if done:
            self.say("conversation.item.done", previous_item_id=previous, item=item)

    def ended(self, generation: Generation) -> None:
        """A response was made, or stopped."""
        if self.active is generation:
            self.active = None

    # Settings

    def _update(self, event: SessionUpdate, now: float) -> None:
        if not isinstance(event.session, Settings):
            raise ProtocolError("The type of a session cannot change.", code="invalid_value", param="session.type")
        if event.session.model not in (None, self.model):
            raise ProtocolError("The model of a session cannot change.", code="invalid_value", param="session.model")
        self.settings = merge(self.settings, event.session)
        audio = self.settings.audio
        listening = audio.input if audio is not None else None
        detection = listening.turn_detection if listening is not None else None
        self.buffer.finds_turns = detection is not None
        self.buffer.silence_ms = float(getattr(detection, "silence_duration_ms", None) or 500)
        self.buffer.prefix_ms = float(getattr(detection, "prefix_padding_ms", None) or 300)
        format = listening.format if listening is not None else None
        self._input_format = _FORMATS.get(format.type, PCM_24K) if format is not None else PCM_24K
        self.say("session.updated", session=self._session())

    def _session(self) -> dict[str, Any]:
        settings = self.settings.model_dump(mode="json", exclude_unset=True)
        return {
            **settings,
            "type": "realtime",
            "object": "realtime.session",
            "id": f"sess_{self._name}",
            "model": self.model,
        }

    def _flag(self, name: str) -> bool:
        audio = self.settings.audio
        detection = audio.input.turn_detection if audio is not None and audio.input is not None else None
        return detection is not None and getattr(detection, name, None) is not False

    @property
    def output_format(self) -> AudioFormat:
        """What replies sound in."""
        audio = self.settings.audio
        format = audio.output.format if audio is not None and audio.output is not None else None
        return _FORMATS.get(format.type, PCM_24K) if format is not None else PCM_24K

    # The person

    def _append(self, event: InputAudioBufferAppend, now: float) -> None:
        frame = AudioFrame(self._input_format, base64=event.audio.encode())
        self._said += self.hear(frame, now)

    def _speech_started(self, at_ms: int, now: float) -> None:
        self._speech_item = self.new_id("item")
        self.say("input_audio_buffer.speech_started", audio_start_ms=at_ms, item_id=self._speech_item)
        if self.active is not None and self._flag("interrupt_response"):
            self.active.stop("turn_detected", now)

    def _speech_stopped(self, at_ms: int, now: float, words: str | None = None) -> None:
        item_id = self._speech_item
        self.say("input_audio_buffer.speech_stopped", audio_end_ms=at_ms, item_id=item_id)
        self._commit(item_id, words)
        if self._flag("create_response") and self.active is None:
            self._respond(ResponseCreate(), now)

    def _commit_by_hand(self, event: InputAudioBufferCommit, now: float) -> None:
        if self.buffer.size_ms < 100:
            raise ProtocolError("There is not enough sound to commit.", code="input_audio_buffer_commit_empty")
        self.buffer.speaking = False
        self._commit(self.new_id("item"), None)

    def _commit(self, item_id: str, words: str | None) -> None:
        heard = self.buffer.take()
        words = heard if words is None else words
        self.say("input_audio_buffer.committed", previous_item_id=self.conversation.last_id, item_id=item_id)
        part = {"type": "input_audio", "transcript": None}
        item = {**_message(item_id, "user", "completed"), "content": [part]}
        self.add_item(item)
        self.conversation[item_id].item = {**item, "content": [{**part, "transcript": words}]}
        self.say(
            "conversation.item.input_audio_transcription.completed",
            item_id=item_id,
            content_index=0,
            transcript=words,
            usage={"type": "duration", "seconds": 1.0},
        )

    def _clear(self, event: InputAudioBufferClear, now: float) -> None:
        self.buffer.clear()
        self.say("input_audio_buffer.cleared")

    def _refuse_here(self, event: OutputAudioBufferClear, now: float) -> None:
        raise ProtocolError("This is for WebRTC and SIP connections.", code="invalid_value", param="type")

    # Items

    def _create_item(self, event: ConversationItemCreate, now: float) -> None:
        item = event.item.model_dump(mode="json", exclude_none=True)
        item.setdefault("id", self.new_id("item"))
        item["object"], item["status"] = "realtime.item", "completed"
        twice = len(self.conversation.answered_twice)
        self.add_item(item, event.previous_item_id)
        if len(self.conversation.answered_twice) > twice:
            self.complaints.append("call_answered_twice")

    def _retrieve(self, event: ConversationItemRetrieve, now: float) -> None:
        self.say("conversation.item.retrieved", item=self.conversation.get(event.item_id))

    def _truncate(self, event: ConversationItemTruncate, now: float) -> None:
        self.conversation.truncate(event.item_id, event.audio_end_ms)
        self.say(
            "conversation.item.truncated",
            item_id=event.item_id,
            content_index=event.content_index,
            audio_end_ms=event.audio_end_ms,
        )

    def _delete(self, event: ConversationItemDelete, now: float) -> None:
        self.conversation.delete(event.item_id)
        self.say("conversation.item.deleted", item_id=event.item_id)

    # Responses

    def _create_response(self, event: ResponseCreate, now: float) -> None:
        apart = event.response is not None and event.response.conversation == "none"
        if self.active is not None and not apart:
            raise ProtocolError("There is an active response already.", code="conversation_already_has_active_response")
        self._respond(event, now)

    def _respond(self, event: ResponseCreate, now: float) -> None:
        asked = event.response
        metadata = dict(asked.metadata or {}) if asked is not None else {}
        instructions = (asked.instructions or "") if asked is not None else ""
        apart = asked is not None and asked.conversation == "none"
        modalities = (asked.output_modalities if asked is not None else None) or self.settings.output_modalities
        generation = Generation(
            self,
            self.mind(Asked(self.belief(), instructions, metadata)),
            metadata=metadata or None,
            apart=apart,
            aloud=modalities != ["text"],
        )
        self.responses += 1
        if not apart:
            self.active = generation
        generation.begin(now)

    def _cancel(self, event: ResponseCancel, now: float) -> None:
        if self.active is None or event.response_id not in (None, self.active.response_id):
            raise ProtocolError("No such response is being made.", code="response_cancel_not_active")
        self.active.stop("client_cancelled", now)

    def _complain(self, error: ProtocolError) -> None:
        self.complaints.append(error.code if error.param is None else f"{error.code}:{error.param}")
        self.say(
            "error",
            error={
                "type": error.type,
                "code": error.code,
                "message": error.message,
                "param": error.param,
                "event_id": error.event_id,
            },
        )

    def _take(self) -> list[WireEvent]:
        said, self._said = self._said, []
        return said


def _message(item_id: str, role: str, status: str) -> Item:
    return {"id": item_id, "object": "realtime.item", "type": "message", "role": role, "status": status, "content": []}
