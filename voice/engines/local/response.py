"""One response as a machine: what the brain and the speaker make goes in, wire events come out in canonical order.

Pure. `begin` first, then any of `write`, `say`, `sound`, `said` and the `call` verbs, then one `finish`; after it every
verb answers nothing, so what comes late is dropped. A message is closed before a call begins; calls may overlap.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, inf
from typing import Literal, Protocol, TypedDict

from voice.audio.frames import AudioFrame
from voice.engines.local.conversation import Conversation, Entry
from voice.engines.local.plan import Plan
from voice.engines.local.spoken import SpokenText
from voice.engines.local.usage import (
    ASSISTANT_MS_PER_TOKEN,
    CHARS_PER_TOKEN,
    Tokens,
    assistant_audio_tokens,
    response_usage,
)
from voice.engines.stages import BrainUsage
from voice.protocol.items import AssistantMessage, ContentPart, FunctionCall, OutputAudio, OutputText
from voice.protocol.server_events import (
    ConversationItemAdded,
    ConversationItemDone,
    ResponseContentPartAdded,
    ResponseContentPartDone,
    ResponseCreated,
    ResponseDone,
    ResponseFunctionCallArgumentsDelta,
    ResponseFunctionCallArgumentsDone,
    ResponseOutputAudioDone,
    ResponseOutputAudioTranscriptDelta,
    ResponseOutputAudioTranscriptDone,
    ResponseOutputItemAdded,
    ResponseOutputItemDone,
    ResponseOutputTextDelta,
    ResponseOutputTextDone,
    ServerEvent,
)
from voice.protocol.settings import Response, ResponseError, StatusDetails, Usage

Status = Literal["in_progress", "completed", "cancelled", "failed", "incomplete"]
Reason = Literal["turn_detected", "client_cancelled", "max_output_tokens"]
_AN_HOUR_MS = 3_600_000

Produced = AssistantMessage | FunctionCall


@dataclass(frozen=True, slots=True)
class Sound:
    """A `response.output_audio.delta`: sound never travels as a model."""

    response_id: str
    item_id: str
    output_index: int
    content_index: int
    frame: AudioFrame


Said = ServerEvent | Sound


class NamesThings(Protocol):
    """Where the machine's items get their ids."""

    def item(self) -> str: ...


@dataclass(slots=True)
class _Message:
    item_id: str
    output_index: int
    spoken: SpokenText = field(default_factory=SpokenText)
    written: str = ""


@dataclass(slots=True)
class _Call:
    item_id: str
    output_index: int
    call_id: str
    name: str
    arguments: str = ""


class _PartIds(TypedDict):
    response_id: str
    item_id: str
    output_index: int
    content_index: int


class ResponseMachine:
    """One response. `conversation` None: out of band, and no conversation event is made. `given` is what the brain
    was told, in tokens."""

    def __init__(
        self,
        response_id: str,
        plan: Plan,
        ids: NamesThings,
        conversation: Conversation | None,
        conversation_id: str | None,
    ) -> None:
        self.id = response_id
        self.status: Status = "in_progress"
        self.given = Tokens()
        self.sound_ms = 0.0
        self._plan = plan
        self._ids = ids
        self._conversation = conversation
        self._conversation_id = conversation_id
        self._message: _Message | None = None
        self._calls: dict[str, _Call] = {}
        self._output: list[Produced] = []
        self._made_chars = 0
        self._made_audio = 0

    @property
    def is_over(self) -> bool:
        return self.status != "in_progress"

    @property
    def is_full(self) -> bool:
        """The limit of output tokens is reached."""
        return self._tokens_left() <= 0

    def begin(self) -> list[Said]:
        return [ResponseCreated(response=self._response(None, None))]

    def write(self, text: str) -> list[Said]:
        """Text for a client that reads."""
        if self.is_over or not (text := self._fitting(text)):
            return []
        said = self._open_message()
        message = self._require_message()
        message.written += text
        said.append(ResponseOutputTextDelta(**self._part_of(message), delta=text))
        return said

    def say(self, text: str) -> list[Said]:
        """Words that are spoken next; their sound follows."""
        if self.is_over or not (text := self._fitting(text)):
            return []
        said = self._open_message()
        message = self._require_message()
        message.spoken.begin(text)
        said.append(ResponseOutputAudioTranscriptDelta(**self._part_of(message), delta=text))
        return said

    def sound(self, data: bytes) -> list[Said]:
        """Sound of the words said last, in the response's format."""
        message = self._message
        if self.is_over or message is None or self.is_full:
            return []
        most_bytes = self._plan.format.size_bytes(self._audio_ms_left(message))
        frame = AudioFrame(self._plan.format, data[:most_bytes])
        before = assistant_audio_tokens(message.spoken.duration_ms)
        message.spoken.add_sound(frame.duration_ms)
        self.sound_ms += frame.duration_ms
        self._made_audio += assistant_audio_tokens(message.spoken.duration_ms) - before
        return [Sound(self.id, message.item_id, message.output_index, 0, frame)]

    def said(self) -> None:
        """The words said last have all their sound."""
        if self._message is not None and not self.is_over:
            self._message.spoken.end()

    def call(self, call_id: str, name: str) -> list[Said]:
        """A function is called; its arguments follow."""
        if self.is_over:
            return []
        said = self._close_message("completed")
        call = _Call(self._ids.item(), len(self._output), call_id, name)
        self._calls[call_id] = call
        self._made_chars += len(name)
        return said + self._add(_function_call(call, "in_progress"), call.output_index)

    def call_arguments(self, call_id: str, delta: str) -> list[Said]:
        """More of a call's arguments."""
        call = self._calls.get(call_id)
        if self.is_over or call is None or not (delta := self._fitting(delta)):
            return []
        call.arguments += delta
        return [
            ResponseFunctionCallArgumentsDelta(
                response_id=self.id,
                item_id=call.item_id,
                output_index=call.output_index,
                call_id=call_id,
                delta=delta,
            )
        ]

    def call_done(self, call_id: str) -> list[Said]:
        """A call's arguments are complete."""
        call = self._calls.pop(call_id, None)
        return [] if self.is_over or call is None else self._close_call(call, "completed")

    def finish(
        self,
        status: Status,
        *,
        reason: Reason | None = None,
        error: ResponseError | None = None,
        counted: BrainUsage | None = None,
    ) -> list[Said]:
        """End it, and with it all that is open."""
        if self.is_over:
            return []
        said = self._close_message("completed" if status == "completed" else "incomplete")
        for call in self._calls.values():
            said += self._close_call(call, "incomplete")
        self._calls.clear()
        self.status = status
        details = StatusDetails.model_validate({"type": status})
        if reason is not None:
            details.reason = reason
        if error is not None:
            details.error = error
        said.append(ResponseDone(response=self._response(details, response_usage(self.given, self._made, counted))))
        return said

    # Messages

    def _require_message(self) -> _Message:
        assert self._message is not None
        return self._message

    def _open_message(self) -> list[Said]:
        if self._message is not None:
            return []
        message = _Message(self._ids.item(), len(self._output))
        self._message = message
        item = AssistantMessage(id=message.item_id, status="in_progress", content=[])
        said = self._add(item, message.output_index, {0: message.spoken} if self._speaks else {})
        part = ContentPart(type="audio", transcript="") if self._speaks else ContentPart(type="text", text="")
        return [*said, ResponseContentPartAdded(**self._part_of(message), part=part)]

    def _close_message(self, status: Literal["completed", "incomplete"]) -> list[Said]:
        message, self._message = self._message, None
        if message is None:
            return []
        ids = self._part_of(message)
        said: list[Said]
        if self._speaks:
            # What was still owed when it was cut off is not owed any more; the ledger keeps what has sound.
            if status == "completed":
                message.spoken.end()
            text = message.spoken.text
            content: OutputAudio | OutputText = OutputAudio(transcript=text)
            part = ContentPart(type="audio", transcript=text)
            said = [ResponseOutputAudioDone(**ids), ResponseOutputAudioTranscriptDone(**ids, transcript=text)]
        else:
            text = message.written
            content, part = OutputText(text=text), ContentPart(type="text", text=text)
            said = [ResponseOutputTextDone(**ids, text=text)]
        said.append(ResponseContentPartDone(**ids, part=part))
        item = AssistantMessage(id=message.item_id, status=status, content=[content])
        return said + self._done(item, message.output_index)

    @property
    def _speaks(self) -> bool:
        return self._plan.modality == "audio"

    # Calls

    def _close_call(self, call: _Call, status: Literal["completed", "incomplete"]) -> list[Said]:
        done = ResponseFunctionCallArgumentsDone(
            response_id=self.id,
            item_id=call.item_id,
            output_index=call.output_index,
            call_id=call.call_id,
            name=call.name,
            arguments=call.arguments,
        )
        return [done, *self._done(_function_call(call, status), call.output_index)]

    # Items of either kind

    def _add(self, item: Produced, output_index: int, spoken: dict[int, SpokenText] | None = None) -> list[Said]:
        self._output.append(item)
        said: list[Said] = [ResponseOutputItemAdded(response_id=self.id, output_index=output_index, item=item)]
        if self._conversation is not None:
            previous_id = self._conversation.add(Entry(item, spoken=spoken or {}))
            said.append(ConversationItemAdded(previous_item_id=previous_id, item=item))
        return said

    def _done(self, item: Produced, output_index: int) -> list[Said]:
        self._output[output_index] = item
        said: list[Said] = []
        item_id = item.id or ""
        if self._conversation is not None and item_id in self._conversation:
            self._conversation.replace(item)
            previous_id = self._conversation.previous_of(item_id)
            said.append(ConversationItemDone(previous_item_id=previous_id, item=item))
        said.append(ResponseOutputItemDone(response_id=self.id, output_index=output_index, item=item))
        return said

    def _part_of(self, message: _Message) -> _PartIds:
        return {
            "response_id": self.id,
            "item_id": message.item_id,
            "output_index": message.output_index,
            "content_index": 0,
        }

    # The limit

    @property
    def _made(self) -> Tokens:
        return Tokens(ceil(self._made_chars / CHARS_PER_TOKEN), self._made_audio)

    def _tokens_left(self) -> float:
        most = self._plan.max_output_tokens
        return inf if most is None else most - self._made.total

    def _audio_ms_left(self, message: _Message) -> float:
        left = self._tokens_left()
        if left == inf:
            return _AN_HOUR_MS
        counted_ms = assistant_audio_tokens(message.spoken.duration_ms) * ASSISTANT_MS_PER_TOKEN
        return left * ASSISTANT_MS_PER_TOKEN + counted_ms - message.spoken.duration_ms

    def _fitting(self, text: str) -> str:
        """As much of the text as the limit still allows; it is counted."""
        most = self._plan.max_output_tokens
        if most is not None:
            left = (most - self._made_audio) * CHARS_PER_TOKEN - self._made_chars
            text = text[: max(0, left)]
        self._made_chars += len(text)
        return text

    def _response(self, details: StatusDetails | None, usage: Usage | None) -> Response:
        plan = self._plan
        response = Response(
            id=self.id,
            status=self.status,
            status_details=details,
            output=list(self._output) if self.is_over else [],
            conversation_id=self._conversation_id,
            output_modalities=["audio"] if self._speaks else ["text"],
            max_output_tokens=plan.max_output_tokens or "inf",
            metadata=plan.metadata,
            usage=usage,
        )
        if self._speaks:
            response.audio = plan.audio
        return response


def _function_call(call: _Call, status: Literal["in_progress", "completed", "incomplete"]) -> FunctionCall:
    return FunctionCall(id=call.item_id, status=status, call_id=call.call_id, name=call.name, arguments=call.arguments)
