"""Conversation items and the parts they are made of (realtime protocol, "Objects")."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, Strict

from voice.protocol.wire import Filled, Flag, Kept, OneOf, Wire

Status = Annotated[Literal["completed", "incomplete", "in_progress"], Kept]


# Parts


class InputText(Wire):
    """Written by a person or by the operator."""

    type: Literal["input_text"] = "input_text"
    text: str


class InputAudio(Wire):
    """Said by a person: base64 sound, and its transcript once there is one (the key is always written)."""

    nulls: ClassVar[frozenset[str]] = frozenset({"transcript"})
    never_null: ClassVar[frozenset[str]] = frozenset({"audio"})

    type: Literal["input_audio"] = "input_audio"
    audio: str | None = None
    transcript: str | None = None


class InputImage(Wire):
    """A picture as a data URI (PNG or JPEG)."""

    type: Literal["input_image"] = "input_image"
    image_url: str
    detail: Annotated[Literal["auto", "low", "high"], Kept] | None = None


class OutputText(Wire):
    """Written by the assistant."""

    type: Literal["output_text"] = "output_text"
    text: str


class OutputAudio(Wire):
    """Said by the assistant."""

    never_null: ClassVar[frozenset[str]] = frozenset({"audio", "transcript"})

    type: Literal["output_audio"] = "output_audio"
    audio: str | None = None
    transcript: str | None = None


class UnknownPart(Wire):
    """A server's part of a kind we do not know, whole."""

    type: str = ""


SystemPart = InputText | UnknownPart
UserPart = InputText | InputAudio | InputImage | UnknownPart
AssistantPart = OutputText | OutputAudio | UnknownPart

_SYSTEM_PARTS = OneOf("type", {"input_text": InputText}, unknown=UnknownPart)
_USER_PARTS = OneOf(
    "type", {"input_text": InputText, "input_audio": InputAudio, "input_image": InputImage}, unknown=UnknownPart
)
_ASSISTANT_PARTS = OneOf("type", {"output_text": OutputText, "output_audio": OutputAudio}, unknown=UnknownPart)


class ContentPart(Wire):
    """The part of a `response.content_part` event. Its kinds are `audio` and `text`, unlike those of items."""

    never_null: ClassVar[frozenset[str]] = frozenset({"text", "audio", "transcript"})

    type: Annotated[Literal["audio", "text"], Kept]
    text: str | None = None
    audio: str | None = None
    transcript: str | None = None


# Items


class _Item(Wire):
    id: str | None = None


class _PlainItem(_Item):
    object: Annotated[Literal["realtime.item"], Kept, Filled] = "realtime.item"
    status: Status | None = None


class SystemMessage(_PlainItem):
    """Instructions inside the conversation."""

    type: Literal["message"] = "message"
    role: Literal["system"] = "system"
    content: list[Annotated[SystemPart, _SYSTEM_PARTS]]


class UserMessage(_PlainItem):
    """What the person said, wrote or showed."""

    type: Literal["message"] = "message"
    role: Literal["user"] = "user"
    content: list[Annotated[UserPart, _USER_PARTS]]


class AssistantMessage(_PlainItem):
    """What the assistant said or wrote."""

    type: Literal["message"] = "message"
    role: Literal["assistant"] = "assistant"
    content: list[Annotated[AssistantPart, _ASSISTANT_PARTS]]


class FunctionCall(_PlainItem):
    """The model wants a function called; `arguments` is JSON text."""

    type: Literal["function_call"] = "function_call"
    call_id: str | None = None
    name: str
    arguments: str


class FunctionCallOutput(_PlainItem):
    """What a function answered."""

    type: Literal["function_call_output"] = "function_call_output"
    call_id: str
    output: str


class McpToolInfo(Wire):
    """One tool as its MCP server lists it."""

    never_null: ClassVar[frozenset[str]] = frozenset({"description"})

    name: str
    input_schema: Any
    description: str | None = None
    annotations: Any = None


class McpListTools(_Item):
    """The tools that an MCP server offers."""

    type: Literal["mcp_list_tools"] = "mcp_list_tools"
    server_label: str
    tools: list[McpToolInfo]


class McpProtocolError(Wire):
    """The MCP server answered with an error of its protocol."""

    type: Literal["protocol_error"] = "protocol_error"
    code: Annotated[int, Strict()]
    message: str


class McpToolExecutionError(Wire):
    """The tool itself failed."""

    type: Literal["tool_execution_error"] = "tool_execution_error"
    message: str


class McpHttpError(Wire):
    """The MCP server was not reached, or refused."""

    type: Literal["http_error"] = "http_error"
    code: Annotated[int, Strict()]
    message: str


class UnknownMcpError(Wire):
    """A server's error of a kind we do not know, whole."""

    type: str = ""


McpError = McpProtocolError | McpToolExecutionError | McpHttpError | UnknownMcpError
_MCP_ERRORS = OneOf(
    "type",
    {
        "protocol_error": McpProtocolError,
        "tool_execution_error": McpToolExecutionError,
        "http_error": McpHttpError,
    },
    unknown=UnknownMcpError,
)


class McpCall(_Item):
    """A call of a tool on an MCP server, and its outcome."""

    type: Literal["mcp_call"] = "mcp_call"
    server_label: str
    name: str
    arguments: str
    approval_request_id: str | None = None
    output: str | None = None
    error: Annotated[McpError, _MCP_ERRORS] | None = None


class McpApprovalRequest(_Item):
    """May this MCP tool be called?"""

    type: Literal["mcp_approval_request"] = "mcp_approval_request"
    server_label: str
    name: str
    arguments: str


class McpApprovalResponse(_Item):
    """The person's answer to a McpApprovalRequest."""

    type: Literal["mcp_approval_response"] = "mcp_approval_response"
    approval_request_id: str
    approve: Flag
    reason: str | None = None


class UnknownItem(_Item):
    """A server's item of a kind we do not know, whole."""

    type: str = ""


class ItemReference(Wire):
    """Stands for an item of the conversation in the input of `response.create`."""

    type: Literal["item_reference"] = "item_reference"
    id: str


Item = (
    SystemMessage
    | UserMessage
    | AssistantMessage
    | FunctionCall
    | FunctionCallOutput
    | McpListTools
    | McpCall
    | McpApprovalRequest
    | McpApprovalResponse
    | UnknownItem
)

_MESSAGES = OneOf(
    "role",
    {"system": SystemMessage, "user": UserMessage, "assistant": AssistantMessage},
    unknown=UnknownItem,
)
_KINDS: dict[str, type[Wire] | OneOf] = {
    "message": _MESSAGES,
    "function_call": FunctionCall,
    "function_call_output": FunctionCallOutput,
    "mcp_list_tools": McpListTools,
    "mcp_call": McpCall,
    "mcp_approval_request": McpApprovalRequest,
    "mcp_approval_response": McpApprovalResponse,
}

AnyItem = Annotated[Item, OneOf("type", _KINDS, unknown=UnknownItem)]
"""An item as a field of a model."""

InputItem = Annotated[
    Item | ItemReference, OneOf("type", _KINDS | {"item_reference": ItemReference}, unknown=UnknownItem)
]
"""An item, or a reference to one, in the input of `response.create`."""

Metadata = Annotated[
    dict[Annotated[str, Field(max_length=64)], Annotated[str, Field(max_length=512)]], Field(max_length=16), Kept
]
"""At most 16 pairs: keys up to 64 characters, values up to 512."""
