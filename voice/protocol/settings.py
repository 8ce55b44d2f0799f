"""Settings of a session and of one response, and the response object (realtime protocol, "Configuration").

Every setting is optional: an update says only what it changes, and `model_fields_set` tells `null` from absent
(`turn_detection` null means that turns are taken by hand).
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, Field, Strict

from voice.protocol.items import AnyItem, InputItem, Metadata
from voice.protocol.wire import Count, Filled, Flag, Index, Kept, Number, OneOf, Whole, Wire


class UnknownSetting(Wire):
    """A server's setting of a kind we do not know, whole."""

    type: str = ""


# Audio


class PcmFormat(Wire):
    """16-bit little-endian mono."""

    type: Literal["audio/pcm"] = "audio/pcm"
    rate: Annotated[Literal[24000], Kept] = 24000


class PcmuFormat(Wire):
    """G.711 µ-law, 8 kHz."""

    type: Literal["audio/pcmu"] = "audio/pcmu"


class PcmaFormat(Wire):
    """G.711 A-law, 8 kHz."""

    type: Literal["audio/pcma"] = "audio/pcma"


Format = PcmFormat | PcmuFormat | PcmaFormat | UnknownSetting
AnyFormat = Annotated[
    Format,
    OneOf("type", {"audio/pcm": PcmFormat, "audio/pcmu": PcmuFormat, "audio/pcma": PcmaFormat}, unknown=UnknownSetting),
]


class Transcription(Wire):
    """How the person's words are written down."""

    model: str | None = None
    language: str | None = None
    languages: list[str] | None = None
    keywords: list[str] | None = None
    prompt: str | None = None
    delay: Annotated[Literal["minimal", "low", "medium", "high", "xhigh"], Kept] | None = None


class NoiseReduction(Wire):
    """Cleans the input before anything listens to it."""

    type: Annotated[Literal["near_field", "far_field"], Kept] | None = None
    strength: Number | None = None


class ServerVad(Wire):
    """Turns are found by loudness and silence."""

    type: Literal["server_vad"] = "server_vad"
    threshold: Annotated[float, Strict(), Field(ge=0, le=1), Kept] | None = None
    prefix_padding_ms: Whole | None = None
    silence_duration_ms: Whole | None = None
    create_response: Flag | None = None
    interrupt_response: Flag | None = None
    idle_timeout_ms: Annotated[int, Strict(), Field(ge=5_000, le=30_000), Kept] | None = None


class SemanticVad(Wire):
    """Turns are found by what is said."""

    type: Literal["semantic_vad"] = "semantic_vad"
    eagerness: Annotated[Literal["low", "medium", "high", "auto"], Kept] | None = None
    create_response: Flag | None = None
    interrupt_response: Flag | None = None


TurnDetection = ServerVad | SemanticVad | UnknownSetting
AnyTurnDetection = Annotated[
    TurnDetection, OneOf("type", {"server_vad": ServerVad, "semantic_vad": SemanticVad}, unknown=UnknownSetting)
]


class AudioInput(Wire):
    """The person's direction."""

    format: AnyFormat | None = None
    noise_reduction: NoiseReduction | None = None
    transcription: Transcription | None = None
    turn_detection: AnyTurnDetection | None = None


class VoiceId(Wire):
    """A voice of one's own."""

    id: str


class AudioOutput(Wire):
    """The assistant's direction."""

    format: AnyFormat | None = None
    voice: Annotated[str | VoiceId, Kept] | None = None
    speed: Annotated[float, Strict(), Field(ge=0.25, le=1.5), Kept] | None = None


class AudioSettings(Wire):
    """Both directions."""

    input: AudioInput | None = None
    output: AudioOutput | None = None


# Tools


class FunctionTool(Wire):
    """A function that the model may call; `parameters` is a JSON Schema."""

    type: Literal["function"] = "function"
    name: str
    description: str | None = None
    parameters: Any = None


class McpToolFilter(Wire):
    """Picks tools of an MCP server."""

    tool_names: list[str] | None = None
    read_only: Flag | None = None


class McpApprovalFilter(Wire):
    """Which MCP tools always or never need approval."""

    always: McpToolFilter | None = None
    never: McpToolFilter | None = None


class McpTool(Wire):
    """An MCP server whose tools the model may call."""

    type: Literal["mcp"] = "mcp"
    server_label: str
    server_url: str | None = None
    connector_id: str | None = None
    tunnel_id: str | None = None
    server_description: str | None = None
    authorization: str | None = None
    headers: dict[str, str] | None = None
    allowed_tools: Annotated[list[str] | McpToolFilter, Kept] | None = None
    allowed_callers: list[Annotated[Literal["direct", "programmatic"], Kept]] | None = None
    require_approval: Annotated[Literal["always", "never"] | McpApprovalFilter, Kept] | None = None
    defer_loading: Flag | None = None


class UnknownTool(Wire):
    """A server's tool of a kind we do not know, whole."""

    type: str = ""


Tool = FunctionTool | McpTool | UnknownTool
AnyTool = Annotated[Tool, OneOf("type", {"function": FunctionTool, "mcp": McpTool}, unknown=UnknownTool)]


class ToolChoiceFunction(Wire):
    """This function must be called."""

    type: Literal["function"] = "function"
    name: str


class ToolChoiceMcp(Wire):
    """A tool of this MCP server must be called."""

    type: Literal["mcp"] = "mcp"
    server_label: str
    name: str | None = None


ToolChoice = Annotated[
    Literal["auto", "none", "required"] | ToolChoiceFunction | ToolChoiceMcp, Field(union_mode="left_to_right"), Kept
]


# The rest of a session


class Reasoning(Wire):
    """How hard the model thinks."""

    effort: Annotated[Literal["minimal", "low", "medium", "high", "xhigh"], Kept] | None = None


class Tracing(Wire):
    """Where the provider files its trace."""

    workflow_name: str | None = None
    group_id: str | None = None
    metadata: Any = None


class TokenLimits(Wire):
    """A ceiling below the model's own."""

    post_instructions: Whole | None = None


class RetentionRatio(Wire):
    """On overflow keep this share of the context."""

    type: Literal["retention_ratio"] = "retention_ratio"
    retention_ratio: Annotated[float, Strict(), Field(ge=0, le=1), Kept]
    token_limits: TokenLimits | None = None


class Prompt(Wire):
    """A stored prompt."""

    id: str
    version: str | None = None
    variables: dict[str, Any] | None = None


Modalities = Annotated[list[Literal["audio", "text"]], Field(min_length=1, max_length=1), Kept]
"""`["audio"]` or `["text"]`, never both."""

MaxOutputTokens = Annotated[
    Literal["inf"] | Annotated[int, Strict(), Field(ge=1, le=4096)], Field(union_mode="left_to_right"), Kept
]
Truncation = Annotated[Literal["auto", "disabled"] | RetentionRatio, Field(union_mode="left_to_right"), Kept]
Include = Annotated[Literal["item.input_audio_transcription.logprobs"], Kept]


class Session(Wire):
    """Settings of a conversation; `id`, `object` and `expires_at` are told by the server only."""

    type: Literal["realtime"] = "realtime"
    id: str | None = None
    object: Annotated[Literal["realtime.session"], Kept] | None = None
    expires_at: Index | None = None
    model: str | None = None
    instructions: str | None = None
    output_modalities: Modalities | None = None
    audio: AudioSettings | None = None
    tools: list[AnyTool] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: Flag | None = None
    reasoning: Reasoning | None = None
    max_output_tokens: MaxOutputTokens | None = None
    tracing: Annotated[Literal["auto"] | Tracing, Field(union_mode="left_to_right"), Kept] | None = None
    truncation: Truncation | None = None
    prompt: Prompt | None = None
    include: list[Include] | None = None


class TranscriptionSession(Wire):
    """Settings of a session that only writes down what it hears."""

    type: Literal["transcription"] = "transcription"
    id: str | None = None
    object: str | None = None
    expires_at: Index | None = None
    audio: AudioSettings | None = None
    include: list[Include] | None = None


_SESSIONS = OneOf(
    "type", {"realtime": Session, "transcription": TranscriptionSession}, unknown=UnknownSetting, absent=Session
)

GivenSession = Annotated[Session | TranscriptionSession, _SESSIONS]
"""Settings as a client says them."""

AnySession = Annotated[Session | TranscriptionSession | UnknownSetting, _SESSIONS]
"""Settings as a server tells them; those without a `type` are a Session's."""


# One response


class ResponseAudio(Wire):
    """The sound of one response."""

    output: AudioOutput | None = None


class ResponseParams(Wire):
    """What `response.create` overrides for one response."""

    instructions: str | None = None
    output_modalities: Modalities | None = None
    audio: ResponseAudio | None = None
    tools: list[AnyTool] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: Flag | None = None
    reasoning: Reasoning | None = None
    max_output_tokens: MaxOutputTokens | None = None
    conversation: str | None = None
    metadata: Metadata | None = None
    prompt: Prompt | None = None
    input: list[InputItem] | None = None


class ResponseError(Wire):
    """Why a response failed."""

    type: str | None = None
    code: str | None = None
    message: str | None = None


class StatusDetails(Wire):
    """Why a response ended as it did."""

    type: Annotated[Literal["completed", "cancelled", "incomplete", "failed"], Kept] | None = None
    reason: (
        Annotated[Literal["turn_detected", "client_cancelled", "max_output_tokens", "content_filter"], Kept] | None
    ) = None
    error: ResponseError | None = None


class CachedTokensDetails(Wire):
    """Cached tokens by kind."""

    text_tokens: Count = 0
    audio_tokens: Count = 0
    image_tokens: Count = 0


class InputTokenDetails(Wire):
    """Tokens read, by kind; `cached_tokens` is part of them."""

    text_tokens: Count = 0
    audio_tokens: Count = 0
    image_tokens: Count = 0
    cached_tokens: Count = 0
    cached_tokens_details: CachedTokensDetails | None = None


class OutputTokenDetails(Wire):
    """Tokens made, by kind."""

    text_tokens: Count = 0
    audio_tokens: Count = 0


class Usage(Wire):
    """What one response cost, in tokens."""

    total_tokens: Count = 0
    input_tokens: Count = 0
    output_tokens: Count = 0
    input_token_details: InputTokenDetails | None = None
    output_token_details: OutputTokenDetails | None = None


def _voice_by_name(audio: ResponseAudio) -> ResponseAudio:
    # Official clients read a response whose voice is a text only.
    voice = audio.output.voice if audio.output else None
    if not isinstance(voice, VoiceId):
        return audio
    return merge(audio, ResponseAudio(output=AudioOutput(voice=voice.id)))


ResponseStatus = Literal["in_progress", "completed", "cancelled", "failed", "incomplete"]


class Response(Wire):
    """One response of the model. `conversation_id` is null out of band; `usage` is null until it is done."""

    nulls: ClassVar[frozenset[str]] = frozenset({"status_details", "conversation_id", "usage", "metadata"})

    id: str
    object: Annotated[Literal["realtime.response"], Kept, Filled] = "realtime.response"
    status: Annotated[ResponseStatus, Kept, Filled] = "in_progress"
    status_details: StatusDetails | None = None
    output: Annotated[list[AnyItem], Filled] = Field(default_factory=list)
    conversation_id: str | None = None
    output_modalities: Modalities | None = None
    audio: Annotated[ResponseAudio, AfterValidator(_voice_by_name)] | None = None
    max_output_tokens: MaxOutputTokens | None = None
    metadata: Metadata | None = None
    usage: Usage | None = None


# Partial update

Model = TypeVar("Model", bound=Wire)


def merge(settings: Model, update: Wire) -> Model:
    """Settings with everything that `update` says, and nothing that it leaves out, changed.

    Nested objects of one kind are merged in turn; lists, and objects of another kind, replace what was there.
    Neither argument is changed. What may not be changed is for the caller to refuse.
    """
    old = dict(settings)
    said = {name: value for name, value in update if name in update.model_fields_set}
    return settings.model_copy(update={name: _merged(old.get(name), value) for name, value in said.items()})


def _merged(old: Any, new: Any) -> Any:
    return merge(old, new) if isinstance(new, Wire) and isinstance(old, type(new)) else new
