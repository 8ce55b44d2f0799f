"""Server events that this endpoint does not say, each with the reason. What is here and heard is a mistake."""

from __future__ import annotations

REASONS: dict[str, str] = {
    "conversation.item.created": "the beta protocol's name of `conversation.item.added`",
    "conversation.item.input_audio_transcription.segment": "the embedded recogniser does not tell speakers apart",
    "input_audio_buffer.dtmf_event_received": "telephone keys exist on SIP connections only",
    "mcp_list_tools.completed": "the embedded engine has no MCP client: to list the tools of a named server fails",
    "rate_limits.updated": "nothing is rationed; an invented number would be acted on",
}
