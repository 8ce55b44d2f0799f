"""One response as it was asked for: the session's settings with this response's own in front."""

from __future__ import annotations

from dataclasses import dataclass, field

from voice.audio.frames import AudioFormat
from voice.engines.local.settings import Settings, audio_format, voice_name
from voice.errors import ProtocolError
from voice.protocol.items import InputItem
from voice.protocol.settings import (
    AudioOutput,
    FunctionTool,
    McpTool,
    ResponseAudio,
    ResponseParams,
    ToolChoiceFunction,
    merge,
)

SAY = "voice.say"
"""Metadata key of a `response.create` that wants exactly this text spoken, without asking the brain."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that one response depends on besides the conversation. `input` None: the conversation itself."""

    instructions: str
    tools: list[FunctionTool]
    tool_choice: str
    modality: str
    audio: ResponseAudio
    format: AudioFormat
    voice: str
    speed: float
    max_output_tokens: int | None
    out_of_band: bool
    input: list[InputItem] | None
    language: str
    say: str | None = None
    metadata: dict[str, str] | None = None
    mcp_labels: tuple[str, ...] = field(default=())


def plan_response(settings: Settings, params: ResponseParams | None = None) -> Plan:
    """Raises ProtocolError when what is wished cannot be done."""
    wished = params or ResponseParams()
    session = settings.session
    output = settings.output.model_copy()
    if wished.audio is not None and wished.audio.output is not None:
        output = merge(output, wished.audio.output)
    tools = session.tools if wished.tools is None else wished.tools
    functions = [tool for tool in tools or [] if isinstance(tool, FunctionTool)]
    limit = session.max_output_tokens if wished.max_output_tokens is None else wished.max_output_tokens
    if wished.conversation not in (None, "auto", "none"):
        raise ProtocolError("The conversation is 'auto' or 'none'.", param="response.conversation")
    return Plan(
        instructions=session.instructions or "" if wished.instructions is None else wished.instructions,
        tools=functions,
        tool_choice=_tool_choice(session.tool_choice if wished.tool_choice is None else wished.tool_choice, functions),
        modality=(wished.output_modalities or session.output_modalities or ["audio"])[0],
        audio=ResponseAudio(output=AudioOutput(format=output.format, voice=output.voice)),
        format=audio_format(output.format),
        voice=voice_name(output),
        speed=output.speed or 1.0,
        max_output_tokens=limit if isinstance(limit, int) else None,
        out_of_band=wished.conversation == "none",
        input=wished.input,
        language=settings.language,
        say=(wished.metadata or {}).get(SAY),
        metadata=wished.metadata,
        mcp_labels=mcp_labels(wished.tools),
    )


def mcp_labels(tools: object) -> tuple[str, ...]:
    """The MCP servers among the tools."""
    return tuple(tool.server_label for tool in tools if isinstance(tool, McpTool)) if isinstance(tools, list) else ()


def _tool_choice(choice: object, functions: list[FunctionTool]) -> str:
    """`auto`, `none`, `required`, or the name of the function that must be called."""
    if isinstance(choice, ToolChoiceFunction):
        if choice.name not in {tool.name for tool in functions}:
            raise ProtocolError(f"There is no tool '{choice.name}' to choose.", param="response.tool_choice")
        return choice.name
    if choice == "required" and not functions:
        raise ProtocolError("A tool is required and none is loaded.", param="response.tool_choice")
    if isinstance(choice, str):
        return choice
    raise ProtocolError("Tools of MCP servers are not loaded here.", param="response.tool_choice")
