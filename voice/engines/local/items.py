"""Items as clients bring them and get them back: sound is taken out on the way in and put back on the way out."""

from __future__ import annotations

import binascii
from collections.abc import Callable

from voice.audio.frames import PCM_16K, AudioFormat, AudioFrame
from voice.engines.local.conversation import Entry
from voice.engines.local.sound import from_16k
from voice.errors import ProtocolError
from voice.protocol.items import AssistantMessage, InputAudio, Item, OutputAudio, UserMessage

Decode = Callable[[bytes], bytes]


def accepted(item: Item, new_id: Callable[[], str], decode: Decode) -> tuple[Entry, list[int]]:
    """The client's item as an entry, and the places of its sounds that have no words yet. Raises ProtocolError."""
    if isinstance(item, AssistantMessage) and any(isinstance(part, OutputAudio) for part in item.content):
        raise ProtocolError("A client cannot make the assistant's audio; send its text.", param="item.content")
    # Messages and calls have a status; the items of MCP have none.
    update: dict[str, object] = {"id": item.id or new_id()}
    if "status" in type(item).model_fields:
        update["status"] = "completed"
    entry = Entry(item.model_copy(update=update))
    entry.item.model_fields_set.update(update)
    return (entry, []) if not isinstance(entry.item, UserMessage) else _heard(entry, entry.item, decode)


def with_sound(entry: Entry, format: AudioFormat) -> Item:
    """The item with the person's sound as the engine heard it, in the format of the session's input."""
    item = entry.item
    if not isinstance(item, UserMessage):
        return item
    content = list(item.content)
    for index, sound in entry.sound.items():
        frame = AudioFrame(format, from_16k(sound, format))
        transcript = getattr(content[index], "transcript", None)
        content[index] = InputAudio(audio=frame.base64.decode("ascii"), transcript=transcript)
    return item.model_copy(update={"content": content})


def _heard(entry: Entry, item: UserMessage, decode: Decode) -> tuple[Entry, list[int]]:
    content = list(item.content)
    unheard = []
    for index, part in enumerate(content):
        if isinstance(part, InputAudio):
            content[index] = InputAudio(transcript=part.transcript)
            entry.sound[index] = _decoded(part, index, decode)
            entry.sound_ms += PCM_16K.duration_ms(len(entry.sound[index]))
            if part.transcript is None:
                unheard.append(index)
    entry.item = item.model_copy(update={"content": content})
    return entry, unheard


def _decoded(part: InputAudio, index: int, decode: Decode) -> bytes:
    param = f"item.content[{index}].audio"
    try:
        return decode(binascii.a2b_base64(part.audio or "", strict_mode=True))
    except binascii.Error:
        raise ProtocolError("The audio is not valid base64.", param=param) from None
    except ProtocolError as error:
        raise ProtocolError(error.message, param=param) from None
