"""What a client may say: the 11 client events of the realtime protocol."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field
from pydantic.functional_validators import AfterValidator
from pydantic_core import PydanticCustomError

from voice.protocol.base64 import is_base64
from voice.protocol.items import AnyItem
from voice.protocol.settings import GivenSession, ResponseParams
from voice.protocol.wire import Index, Wire

MAX_APPEND_BYTES = 15 * 1024 * 1024
"""Longest base64 text of one `input_audio_buffer.append`."""


def _base64_only(audio: str) -> str:
    if not (audio.isascii() and is_base64(audio.encode("ascii"))):
        raise PydanticCustomError("base64", "expected base64 text")
    return audio


class _ClientEvent(Wire):
    event_id: str | None = None


class SessionUpdate(_ClientEvent):
    """Change what the settings name; answered by `session.updated`."""

    type: Literal["session.update"] = "session.update"
    session: GivenSession


class InputAudioBufferAppend(_ClientEvent):
    """Sound from the person, in base64. Not acknowledged."""

    type: Literal["input_audio_buffer.append"] = "input_audio_buffer.append"
    audio: Annotated[str, Field(max_length=MAX_APPEND_BYTES), AfterValidator(_base64_only)]


class InputAudioBufferCommit(_ClientEvent):
    """Make an item of what was appended."""

    type: Literal["input_audio_buffer.commit"] = "input_audio_buffer.commit"


class InputAudioBufferClear(_ClientEvent):
    """Forget what was appended."""

    type: Literal["input_audio_buffer.clear"] = "input_audio_buffer.clear"


class OutputAudioBufferClear(_ClientEvent):
    """Stop playing (where the server plays)."""

    type: Literal["output_audio_buffer.clear"] = "output_audio_buffer.clear"


class ConversationItemCreate(_ClientEvent):
    """Put an item behind `previous_item_id` (`root`: in front; None: at the end)."""

    type: Literal["conversation.item.create"] = "conversation.item.create"
    previous_item_id: str | None = None
    item: AnyItem


class ConversationItemRetrieve(_ClientEvent):
    """Ask for an item as the server holds it."""

    type: Literal["conversation.item.retrieve"] = "conversation.item.retrieve"
    item_id: str


class ConversationItemTruncate(_ClientEvent):
    """Only `audio_end_ms` of this assistant audio was heard."""

    type: Literal["conversation.item.truncate"] = "conversation.item.truncate"
    item_id: str
    content_index: Index
    audio_end_ms: Index


class ConversationItemDelete(_ClientEvent):
    """Remove an item."""

    type: Literal["conversation.item.delete"] = "conversation.item.delete"
    item_id: str


class ResponseCreate(_ClientEvent):
    """Answer now."""

    type: Literal["response.create"] = "response.create"
    response: ResponseParams | None = None


class ResponseCancel(_ClientEvent):
    """Stop answering (None: the response of the default conversation)."""

    type: Literal["response.cancel"] = "response.cancel"
    response_id: str | None = None


ClientEvent = (
    SessionUpdate
    | InputAudioBufferAppend
    | InputAudioBufferCommit
    | InputAudioBufferClear
    | OutputAudioBufferClear
    | ConversationItemCreate
    | ConversationItemRetrieve
    | ConversationItemTruncate
    | ConversationItemDelete
    | ResponseCreate
    | ResponseCancel
)

CLIENT_EVENTS: dict[str, type[ClientEvent]] = {
    event.model_fields["type"].default: event for event in get_args(ClientEvent)
}
"""Every client event by its `type`."""
