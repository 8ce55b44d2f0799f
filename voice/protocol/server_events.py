"""What a server may say: the 46 server events of the realtime protocol."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field

from voice.protocol.items import AnyItem, ContentPart
from voice.protocol.settings import AnySession, Response, UnknownSetting
from voice.protocol.wire import Count, Filled, Index, Kept, Number, OneOf, Text, Whole, Wire

PREVIOUS: frozenset[str] = frozenset({"previous_item_id"})


class _ServerEvent(Wire):
    event_id: str = ""


# Session and conversation


class SessionCreated(_ServerEvent):
    """The first thing a server says."""

    type: Literal["session.created"] = "session.created"
    session: AnySession


class SessionUpdated(_ServerEvent):
    """An update was accepted; carries the whole configuration."""

    type: Literal["session.updated"] = "session.updated"
    session: AnySession


class Conversation(Wire):
    """The default conversation."""

    id: str | None = None
    object: Annotated[Literal["realtime.conversation"], Kept, Filled] = "realtime.conversation"


class ConversationCreated(_ServerEvent):
    """The default conversation exists."""

    type: Literal["conversation.created"] = "conversation.created"
    conversation: Conversation


class ConversationItemAdded(_ServerEvent):
    """An item exists, perhaps still in progress. `previous_item_id` None: it is the first."""

    nulls: ClassVar[frozenset[str]] = PREVIOUS
    type: Literal["conversation.item.added"] = "conversation.item.added"
    previous_item_id: str | None = None
    item: AnyItem


class ConversationItemDone(_ServerEvent):
    """An item is final."""

    nulls: ClassVar[frozenset[str]] = PREVIOUS
    type: Literal["conversation.item.done"] = "conversation.item.done"
    previous_item_id: str | None = None
    item: AnyItem


class ConversationItemCreated(_ServerEvent):
    """The older name of ConversationItemAdded."""

    nulls: ClassVar[frozenset[str]] = PREVIOUS
    type: Literal["conversation.item.created"] = "conversation.item.created"
    previous_item_id: str | None = None
    item: AnyItem


class ConversationItemRetrieved(_ServerEvent):
    """An item as the server holds it, sound included."""

    type: Literal["conversation.item.retrieved"] = "conversation.item.retrieved"
    item: AnyItem


class ConversationItemTruncated(_ServerEvent):
    """An assistant item was cut to what was heard."""

    type: Literal["conversation.item.truncated"] = "conversation.item.truncated"
    item_id: str
    content_index: Index
    audio_end_ms: Whole


class ConversationItemDeleted(_ServerEvent):
    """An item is gone."""

    type: Literal["conversation.item.deleted"] = "conversation.item.deleted"
    item_id: str


# What the person said, in writing


class LogProb(Wire):
    """How sure the recogniser was of one token."""

    token: str
    bytes: list[int]
    logprob: Number


class Language(Wire):
    """A language that was heard."""

    code: str


class TranscriptionTokenDetails(Wire):
    """Tokens heard, by kind."""

    text_tokens: Count = 0
    audio_tokens: Count = 0


class TokensUsage(Wire):
    """A transcription billed by tokens."""

    type: Literal["tokens"] = "tokens"
    input_tokens: Count = 0
    output_tokens: Count = 0
    total_tokens: Count = 0
    # An official client needs the key.
    input_token_details: Annotated[TranscriptionTokenDetails, Filled] = Field(default_factory=TranscriptionTokenDetails)


class DurationUsage(Wire):
    """A transcription billed by time."""

    type: Literal["duration"] = "duration"
    seconds: Number = 0.0


TranscriptionUsage = TokensUsage | DurationUsage | UnknownSetting


class ConversationItemInputAudioTranscriptionDelta(_ServerEvent):
    """Some words of the transcript of the person's sound."""

    type: Literal["conversation.item.input_audio_transcription.delta"] = (
        "conversation.item.input_audio_transcription.delta"
    )
    item_id: str
    content_index: Count = 0
    delta: Text = ""
    logprobs: list[LogProb] | None = None


class ConversationItemInputAudioTranscriptionCompleted(_ServerEvent):
    """The transcript of the person's sound. Clients need `usage`, so a server that leaves it out costs nothing."""

    type: Literal["conversation.item.input_audio_transcription.completed"] = (
        "conversation.item.input_audio_transcription.completed"
    )
    item_id: str
    content_index: Count = 0
    transcript: str
    usage: Annotated[
        TranscriptionUsage,
        OneOf("type", {"tokens": TokensUsage, "duration": DurationUsage}, unknown=UnknownSetting),
        Filled,
    ] = Field(default_factory=DurationUsage)
    languages: list[Language] | None = None
    logprobs: list[LogProb] | None = None


class TranscriptionError(Wire):
    """Why there is no transcript."""

    type: str | None = None
    code: str | None = None
    message: str | None = None
    param: str | None = None


class ConversationItemInputAudioTranscriptionFailed(_ServerEvent):
    """There is no transcript of the person's sound."""

    type: Literal["conversation.item.input_audio_transcription.failed"] = (
        "conversation.item.input_audio_transcription.failed"
    )
    item_id: str
    content_index: Count = 0
    error: TranscriptionError


class ConversationItemInputAudioTranscriptionSegment(_ServerEvent):
    """Who said what; `start` and `end` in seconds."""

    type: Literal["conversation.item.input_audio_transcription.segment"] = (
        "conversation.item.input_audio_transcription.segment"
    )
    item_id: str
    content_index: Count = 0
    id: str
    text: str
    speaker: str
    start: Number
    end: Number


# The input buffer


class InputAudioBufferCommitted(_ServerEvent):
    """What was appended became an item."""

    nulls: ClassVar[frozenset[str]] = PREVIOUS
    type: Literal["input_audio_buffer.committed"] = "input_audio_buffer.committed"
    previous_item_id: str | None = None
    item_id: str


class InputAudioBufferCleared(_ServerEvent):
    """What was appended is forgotten."""

    type: Literal["input_audio_buffer.cleared"] = "input_audio_buffer.cleared"


class InputAudioBufferSpeechStarted(_ServerEvent):
    """The person began to speak; ms of appended sound, padding included."""

    type: Literal["input_audio_buffer.speech_started"] = "input_audio_buffer.speech_started"
    audio_start_ms: Whole
    item_id: str


class InputAudioBufferSpeechStopped(_ServerEvent):
    """The person stopped; ms of appended sound, the silence that proved it included."""

    type: Literal["input_audio_buffer.speech_stopped"] = "input_audio_buffer.speech_stopped"
    audio_end_ms: Whole
    item_id: str


class InputAudioBufferTimeoutTriggered(_ServerEvent):
    """Nobody spoke for the idle timeout."""

    type: Literal["input_audio_buffer.timeout_triggered"] = "input_audio_buffer.timeout_triggered"
    audio_start_ms: Whole
    audio_end_ms: Whole
    item_id: str


class InputAudioBufferDtmfEventReceived(Wire):
    """A telephone key, at a unix time in seconds. The one event without an `event_id` on the wire."""

    type: Literal["input_audio_buffer.dtmf_event_received"] = "input_audio_buffer.dtmf_event_received"
    event_id: str | None = None
    event: str
    received_at: Whole


# The output buffer (where the server plays)


class OutputAudioBufferStarted(_ServerEvent):
    """Playing began."""

    type: Literal["output_audio_buffer.started"] = "output_audio_buffer.started"
    response_id: str


class OutputAudioBufferStopped(_ServerEvent):
    """Everything was played."""

    type: Literal["output_audio_buffer.stopped"] = "output_audio_buffer.stopped"
    response_id: str


class OutputAudioBufferCleared(_ServerEvent):
    """What was not yet played was dropped."""

    type: Literal["output_audio_buffer.cleared"] = "output_audio_buffer.cleared"
    response_id: str


# A response


class ResponseCreated(_ServerEvent):
    """A response begins."""

    type: Literal["response.created"] = "response.created"
    response: Response


class ResponseDone(_ServerEvent):
    """A response ended, whatever the way; carries its output and usage."""

    type: Literal["response.done"] = "response.done"
    response: Response


class ResponseOutputItemAdded(_ServerEvent):
    """A response begins an item."""

    type: Literal["response.output_item.added"] = "response.output_item.added"
    response_id: str
    output_index: Index
    item: AnyItem


class ResponseOutputItemDone(_ServerEvent):
    """An item of a response is final."""

    type: Literal["response.output_item.done"] = "response.output_item.done"
    response_id: str
    output_index: Index
    item: AnyItem


class _InResponse(_ServerEvent):
    response_id: str
    item_id: str
    output_index: Index


class _InPart(_InResponse):
    content_index: Index


class ResponseContentPartAdded(_InPart):
    """An item begins a part."""

    type: Literal["response.content_part.added"] = "response.content_part.added"
    part: ContentPart


class ResponseContentPartDone(_InPart):
    """A part is final."""

    type: Literal["response.content_part.done"] = "response.content_part.done"
    part: ContentPart


class ResponseOutputTextDelta(_InPart):
    """Some written words."""

    type: Literal["response.output_text.delta"] = "response.output_text.delta"
    delta: str


class ResponseOutputTextDone(_InPart):
    """All written words of a part."""

    type: Literal["response.output_text.done"] = "response.output_text.done"
    text: str


class ResponseOutputAudioDelta(_InPart):
    """Some sound, in base64: text that can stand between quotes, since it is put there unseen."""

    type: Literal["response.output_audio.delta"] = "response.output_audio.delta"
    delta: Annotated[str, Field(pattern=r"\A[ !#-\[\]-\x7f]*\z")]


class ResponseOutputAudioDone(_InPart):
    """No more sound in this part."""

    type: Literal["response.output_audio.done"] = "response.output_audio.done"


class ResponseOutputAudioTranscriptDelta(_InPart):
    """Some words of what is being said."""

    type: Literal["response.output_audio_transcript.delta"] = "response.output_audio_transcript.delta"
    delta: str


class ResponseOutputAudioTranscriptDone(_InPart):
    """All words of what was said in this part."""

    type: Literal["response.output_audio_transcript.done"] = "response.output_audio_transcript.done"
    transcript: str


class ResponseFunctionCallArgumentsDelta(_InResponse):
    """A piece of a call's arguments."""

    type: Literal["response.function_call_arguments.delta"] = "response.function_call_arguments.delta"
    call_id: str
    delta: str


class ResponseFunctionCallArgumentsDone(_InResponse):
    """A call's arguments are complete. `name` is empty when a server of the older protocol left it out."""

    type: Literal["response.function_call_arguments.done"] = "response.function_call_arguments.done"
    call_id: str
    name: Text = ""
    arguments: str


# MCP


class McpListToolsInProgress(_ServerEvent):
    """An MCP server is being asked for its tools."""

    type: Literal["mcp_list_tools.in_progress"] = "mcp_list_tools.in_progress"
    item_id: str


class McpListToolsCompleted(_ServerEvent):
    """An MCP server told its tools."""

    type: Literal["mcp_list_tools.completed"] = "mcp_list_tools.completed"
    item_id: str


class McpListToolsFailed(_ServerEvent):
    """An MCP server did not tell its tools."""

    type: Literal["mcp_list_tools.failed"] = "mcp_list_tools.failed"
    item_id: str


class ResponseMcpCallArgumentsDelta(_InResponse):
    """A piece of an MCP call's arguments."""

    type: Literal["response.mcp_call_arguments.delta"] = "response.mcp_call_arguments.delta"
    delta: str
    # An official client needs the key.
    obfuscation: Text = ""


class ResponseMcpCallArgumentsDone(_InResponse):
    """An MCP call's arguments are complete."""

    type: Literal["response.mcp_call_arguments.done"] = "response.mcp_call_arguments.done"
    arguments: str


class _McpCallEvent(_ServerEvent):
    output_index: Index
    item_id: str


class ResponseMcpCallInProgress(_McpCallEvent):
    """An MCP tool is running."""

    type: Literal["response.mcp_call.in_progress"] = "response.mcp_call.in_progress"


class ResponseMcpCallCompleted(_McpCallEvent):
    """An MCP tool answered."""

    type: Literal["response.mcp_call.completed"] = "response.mcp_call.completed"


class ResponseMcpCallFailed(_McpCallEvent):
    """An MCP tool failed."""

    type: Literal["response.mcp_call.failed"] = "response.mcp_call.failed"


# Limits and errors


class RateLimit(Wire):
    """What is left of one limit."""

    name: Annotated[Literal["requests", "tokens"], Kept] | None = None
    limit: Whole | None = None
    remaining: Whole | None = None
    reset_seconds: Number | None = None


class RateLimitsUpdated(_ServerEvent):
    """What is left of the limits."""

    type: Literal["rate_limits.updated"] = "rate_limits.updated"
    rate_limits: list[RateLimit]


class ErrorDetail(Wire):
    """What went wrong; `event_id` is that of the client event it answers."""

    nulls: ClassVar[frozenset[str]] = frozenset({"code", "param", "event_id"})

    type: str
    message: str
    code: str | None = None
    param: str | None = None
    event_id: str | None = None


class ErrorEvent(_ServerEvent):
    """Something went wrong; the session stays open unless the socket says otherwise."""

    type: Literal["error"] = "error"
    error: ErrorDetail


ServerEvent = (
    SessionCreated
    | SessionUpdated
    | ConversationCreated
    | ConversationItemAdded
    | ConversationItemDone
    | ConversationItemCreated
    | ConversationItemRetrieved
    | ConversationItemTruncated
    | ConversationItemDeleted
    | ConversationItemInputAudioTranscriptionDelta
    | ConversationItemInputAudioTranscriptionCompleted
    | ConversationItemInputAudioTranscriptionFailed
    | ConversationItemInputAudioTranscriptionSegment
    | InputAudioBufferCommitted
    | InputAudioBufferCleared
    | InputAudioBufferSpeechStarted
    | InputAudioBufferSpeechStopped
    | InputAudioBufferTimeoutTriggered
    | InputAudioBufferDtmfEventReceived
    | OutputAudioBufferStarted
    | OutputAudioBufferStopped
    | OutputAudioBufferCleared
    | ResponseCreated
    | ResponseDone
    | ResponseOutputItemAdded
    | ResponseOutputItemDone
    | ResponseContentPartAdded
    | ResponseContentPartDone
    | ResponseOutputTextDelta
    | ResponseOutputTextDone
    | ResponseOutputAudioDelta
    | ResponseOutputAudioDone
    | ResponseOutputAudioTranscriptDelta
    | ResponseOutputAudioTranscriptDone
    | ResponseFunctionCallArgumentsDelta
    | ResponseFunctionCallArgumentsDone
    | McpListToolsInProgress
    | McpListToolsCompleted
    | McpListToolsFailed
    | ResponseMcpCallArgumentsDelta
    | ResponseMcpCallArgumentsDone
    | ResponseMcpCallInProgress
    | ResponseMcpCallCompleted
    | ResponseMcpCallFailed
    | RateLimitsUpdated
    | ErrorEvent
)

SERVER_EVENTS: dict[str, type[ServerEvent]] = {
    event.model_fields["type"].default: event for event in get_args(ServerEvent)
}
"""Every server event by its `type`."""
