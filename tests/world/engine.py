"""A scripted realtime server for the virtual room: pure, in virtual time, seeded.

It answers as the protocol says: turns by markers in the sound, replies of a given length generated faster than they
sound, cancel, truncate (refused beyond what was generated), tool calls. It keeps what it was told, so a test can ask
what the model believes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.world.clock import Clock
from voice.audio.frames import PCM_24K, AudioFrame
from voice.protocol.client_events import (
    ClientEvent,
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemRetrieve,
    ConversationItemTruncate,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
)
from voice.protocol.codec import Unknown
from voice.protocol.server_events import SERVER_EVENTS, ServerEvent
from voice.protocol.settings import Session as Settings
from voice.protocol.settings import merge

DELTA_MS = 100.0
SILENCE_MS = 500.0
SILENCE = AudioFrame(PCM_24K, PCM_24K.silence(20))
VOICE = AudioFrame(PCM_24K, b"\x00\x10" * 480)
LAST_WORD = AudioFrame(PCM_24K, b"\x00\x08" * 480)
"""A piece of speech after which the ear knows that the turn is over, without waiting for a pause."""
DELTAS_PER_WORD = 3


@dataclass
class Plan:
    """What the engine's next reply is: so many ms of sound, or calls of tools; `speed` is generation over sounding.

    `fails` is the code with which it ends instead of completing; `text` are words that it writes and does not say."""

    sound_ms: float = 2_000.0
    speed: float = 4.0
    calls: tuple[tuple[str, str, str], ...] = ()
    items: int = 1
    first_after_ms: float = 100.0
    fails: str = ""
    text: str = ""


@dataclass
class Generating:
    """A response on its way."""

    response_id: str
    metadata: dict[str, str] | None
    conversation_id: str | None = "conv_1"
    alive: bool = True
    begun: bool = False


@dataclass
class Believed:
    """What the engine holds of one item."""

    item: dict[str, Any]
    generated_ms: float = 0.0
    kept_ms: float | None = None


@dataclass
class EngineOfScripts:
    """One connection's server side."""

    clock: Clock
    emit: Callable[[ServerEvent | Unknown], None]
    emit_audio: Callable[[str, str, int, int, AudioFrame], None]
    plan: Callable[[int], Plan] = lambda _: Plan()
    prefix: str = "e0"
    created_after_ms: float = 0.0
    transcribes: bool = True
    words: Callable[[str], str] = lambda item_id: f"words of {item_id}"
    refuses: list[str] = field(default_factory=list)
    items: dict[str, Believed] = field(default_factory=dict)
    received: list[ClientEvent] = field(default_factory=list)
    heard_ms: float = 0.0
    uncommitted_ms: float = 0.0
    committed_ms: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    active: Generating | None = None
    replies: int = 0
    settings: Settings = field(default_factory=Settings)
    _count: int = 0
    _speech_item: str = ""
    _audio: int = 0
    _quiet_ms: float | None = None
    _open_calls: dict[str, bool] = field(default_factory=dict)

    # What the engine says

    def _say(self, type: str, **fields: Any) -> None:
        self._count += 1
        self.emit(SERVER_EVENTS[type].model_validate({"event_id": f"{self.prefix}_ev{self._count}", **fields}))

    def _id(self, kind: str) -> str:
        self._count += 1
        return f"{kind}_{self.prefix}_{self._count}"

    def greet(self) -> None:
        self._say("session.created", session={"type": "realtime", "id": self._id("sess"), "model": "scripted"})

    def _error(self, code: str, event: ClientEvent, message: str = "no") -> None:
        self.errors.append(code)
        detail = {"type": "invalid_request_error", "code": code, "message": message, "event_id": event.event_id}
        self._say("error", error=detail)

    # What it is told

    def receive_audio(self, frame: AudioFrame, ms: float) -> None:
        """The person's sound. Its ear knows speech from silence, and takes a pause for the end of a turn."""
        self.heard_ms += ms
        self.uncommitted_ms += ms
        if frame is SILENCE:
            if self._speech_item and self._quiet_ms is not None:
                self._quiet_ms += ms
                if self._quiet_ms >= SILENCE_MS:
                    self.speech_stops()
            return
        self._quiet_ms = 0.0
        if frame is VOICE:
            self.speech_starts()
        elif frame is LAST_WORD:
            self.speech_stops()

    @property
    def detects(self) -> bool:
        """Whether turns are its to find."""
        audio = self.settings.audio
        given = audio.input if audio is not None else None
        return given is None or "turn_detection" not in given.model_fields_set or given.turn_detection is not None

    def speech_starts(self) -> None:
        if not self.detects or self._speech_item:
            return
        self._speech_item = self._id("item")
        self._say("input_audio_buffer.speech_started", audio_start_ms=int(self.heard_ms), item_id=self._speech_item)
        if self._flag("interrupt_response") and self.active is not None:
            self._finish("cancelled", "turn_detected")

    def speech_stops(self) -> None:
        item_id, self._speech_item, self._quiet_ms = self._speech_item, "", None
        if not self.detects or not item_id:
            return
        self._say("input_audio_buffer.speech_stopped", audio_end_ms=int(self.heard_ms), item_id=item_id)
        self._commit(item_id)
        if self._flag("create_response") and self.active is None:
            self._respond(None)

    def _flag(self, name: str) -> bool:
        audio = self.settings.audio
        detection = audio.input.turn_detection if audio is not None and audio.input is not None else None
        value = getattr(detection, name, None)
        return value is not False

    def _commit(self, item_id: str) -> None:
        self._say("input_audio_buffer.committed", item_id=item_id, previous_item_id=self._last())
        item = {
            "id": item_id,
            "object": "realtime.item",
            "type": "message",
            "role": "user",
            "status": "completed",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        self._add(item)
        if self.transcribes:
            self._say(
                "conversation.item.input_audio_transcription.completed",
                item_id=item_id,
                content_index=0,
                transcript=self.words(item_id),
                usage={"type": "duration", "seconds": 1.0},
            )

    def _last(self) -> str | None:
        return next(reversed(self.items), None)

    def _add(self, item: dict[str, Any], *, done: bool = True) -> None:
        previous = self._last()
        self.items[item["id"]] = Believed(item)
        self._say("conversation.item.added", item=item, previous_item_id=previous)
        if done:
            self._say("conversation.item.done", item=item, previous_item_id=previous)

    def receive(self, event: ClientEvent) -> None:
        self.received.append(event)
        match event:
            case SessionUpdate():
                assert isinstance(event.session, Settings)
                self.settings = merge(self.settings, event.session)
                self._say(
                    "session.updated",
                    session=self.settings.model_dump(mode="json", exclude_unset=True) | {"type": "realtime"},
                )
            case ConversationItemCreate():
                item = event.item.model_dump(mode="json", exclude_none=True)
                item.setdefault("id", self._id("item"))
                if item["id"] in self.items:
                    self._error("item_exists", event)
                    return
                if item["type"] == "function_call_output":
                    if self._open_calls.get(item["call_id"]) is False:
                        self._error("call_answered_twice", event)
                        return
                    self._open_calls[item["call_id"]] = False
                self._add(item)
            case ConversationItemTruncate():
                self._truncate(event)
            case ConversationItemDelete():
                if self.items.pop(event.item_id, None) is None:
                    self._error("item_delete_invalid_item_id", event)
                else:
                    self._say("conversation.item.deleted", item_id=event.item_id)
            case ConversationItemRetrieve():
                self._say("conversation.item.retrieved", item=self.items[event.item_id].item)
            case InputAudioBufferCommit():
                if self.uncommitted_ms <= 0:
                    self._error("input_audio_buffer_commit_empty", event)
                else:
                    self.committed_ms.append(self.uncommitted_ms)
                    self.uncommitted_ms = 0.0
                    self._commit(self._id("item"))
            case InputAudioBufferClear():
                self.uncommitted_ms = 0.0
                self._say("input_audio_buffer.cleared")
            case ResponseCreate():
                if self.refuses:
                    self._error(self.refuses.pop(0), event)
                elif event.response is not None and event.response.conversation == "none":
                    self._respond(event)
                elif self.active is not None:
                    self._error("conversation_already_has_active_response", event)
                else:
                    self._respond(event)
            case ResponseCancel():
                if self.active is None or (event.response_id and event.response_id != self.active.response_id):
                    self._error("response_cancel_not_active", event)
                else:
                    self._finish("cancelled", "client_cancelled")
            case _:
                raise AssertionError(f"unexpected {event}")

    def _truncate(self, event: ConversationItemTruncate) -> None:
        believed = self.items.get(event.item_id)
        if believed is None:
            self._error("item_truncate_invalid_item_id", event)
        elif believed.kept_ms is not None:
            self._error("truncated_twice", event)
        elif event.audio_end_ms > believed.generated_ms or event.audio_end_ms <= 0:
            self._error("truncated_beyond", event)
        else:
            believed.kept_ms = event.audio_end_ms
            self._say(
                "conversation.item.truncated",
                item_id=event.item_id,
                content_index=event.content_index,
                audio_end_ms=event.audio_end_ms,
            )

    # Its replies

    def _respond(self, asked: ResponseCreate | None) -> None:
        params = asked.response if asked is not None else None
        metadata = params.metadata if params is not None else None
        response = Generating(self._id("resp"), metadata)
        if params is not None and params.conversation == "none":
            response.conversation_id = None
        else:
            self.active = response
        plan = self.plan(self.replies) if not (metadata and "voice.say" in metadata) else Plan(sound_ms=800)
        self.replies += 1
        if self.created_after_ms:
            self.clock.after(self.created_after_ms, lambda: self._begin(response, plan))
        else:
            self._begin(response, plan)

    def _begin(self, response: Generating, plan: Plan) -> None:
        if response.alive:
            response.begun = True
            self._say("response.created", response=self._response(response, "in_progress"))
            self.clock.after(plan.first_after_ms, lambda: self._generate(response, plan, 0))

    def _response(self, response: Generating, status: str, reason: str | None = None) -> dict[str, Any]:
        details: dict[str, Any] | None = {"type": status, "reason": reason} if reason else None
        if status == "failed":
            details = {"type": status, "error": {"type": "server_error", "code": reason}}
        return {
            "id": response.response_id,
            "object": "realtime.response",
            "status": status,
            "status_details": details,
            "output": [],
            "conversation_id": response.conversation_id,
            "metadata": response.metadata,
            "usage": None
            if status == "in_progress"
            else {
                "total_tokens": 30,
                "input_tokens": 20,
                "output_tokens": 10,
                "input_token_details": {"text_tokens": 10, "audio_tokens": 10, "cached_tokens": 0},
                "output_token_details": {"text_tokens": 5, "audio_tokens": 5},
            },
        }

    def _generate(self, response: Generating, plan: Plan, index: int) -> None:
        if not response.alive:
            return
        if plan.fails:
            self._finish("failed", plan.fails, response)
            return
        if index < len(plan.calls):
            self._generate_call(response, plan, index)
            return
        if index - len(plan.calls) >= plan.items or plan.sound_ms <= 0:
            self._finish("completed", None, response)
            return
        item = {
            "id": self._id("item"),
            "object": "realtime.item",
            "type": "message",
            "role": "assistant",
            "status": "in_progress",
            "content": [],
        }
        self._say("response.output_item.added", response_id=response.response_id, output_index=index, item=item)
        self._add(item, done=False)
        self._sound(response, plan, index, item, plan.sound_ms / plan.items)

    def _sound(self, response: Generating, plan: Plan, index: int, item: dict[str, Any], left_ms: float) -> None:
        if not response.alive:
            return
        ids = {"response_id": response.response_id, "item_id": item["id"], "output_index": index, "content_index": 0}
        if left_ms <= 0:
            done = {
                **item,
                "status": "completed",
                "content": [{"type": "output_audio", "transcript": "some words here"}],
            }
            self._say("response.output_audio.done", **ids)
            self._say("response.output_audio_transcript.done", **ids, transcript="some words here")
            self._say("conversation.item.done", item=done, previous_item_id=None)
            self._say("response.output_item.done", response_id=response.response_id, output_index=index, item=done)
            self._generate(response, plan, index + 1)
            return
        ms = min(DELTA_MS, left_ms)
        self._audio += 1
        if believed := self.items.get(item["id"]):
            believed.generated_ms += ms
        if self._audio % DELTAS_PER_WORD == 1:
            self._say("response.output_audio_transcript.delta", **ids, delta="word ")
        self.emit_audio(response.response_id, item["id"], index, 0, AudioFrame(PCM_24K, PCM_24K.silence(ms)))
        self.clock.after(ms / plan.speed, lambda: self._sound(response, plan, index, item, left_ms - ms))

    def _generate_call(self, response: Generating, plan: Plan, index: int) -> None:
        call_id, name, arguments = plan.calls[index]
        call_id = f"{call_id}_{self._id('c')}"
        item = {
            "id": self._id("item"),
            "object": "realtime.item",
            "type": "function_call",
            "status": "in_progress",
            "call_id": call_id,
            "name": name,
            "arguments": "",
        }
        ids = {"response_id": response.response_id, "item_id": item["id"], "output_index": index, "call_id": call_id}
        self._open_calls[call_id] = True
        self._say("response.output_item.added", response_id=response.response_id, output_index=index, item=item)
        self._add(item, done=False)
        self._say("response.function_call_arguments.delta", **ids, delta=arguments)
        self._say("response.function_call_arguments.done", **ids, name=name, arguments=arguments)
        done = {**item, "status": "completed", "arguments": arguments}
        if believed := self.items.get(item["id"]):
            believed.item = done
        self._say("conversation.item.done", item=done, previous_item_id=None)
        self._say("response.output_item.done", response_id=response.response_id, output_index=index, item=done)
        self.clock.after(20, lambda: self._generate(response, plan, index + 1))

    def _finish(self, status: str, reason: str | None, response: Generating | None = None) -> None:
        response = response or self.active
        assert response is not None
        if response is self.active:
            self.active = None
        response.alive = False
        if response.begun:
            self._say("response.done", response=self._response(response, status, reason))

    def die(self) -> None:
        """The connection is gone: nothing more comes of it."""
        if self.active is not None:
            self.active.alive = False
            self.active = None
        self.emit = lambda event: None
        self.emit_audio = lambda *_: None
