"""What may be said on the data channel, and by whom. What is not listed does not pass."""

from __future__ import annotations

from functools import cache
from typing import get_args

from voice.protocol.client_events import ClientEvent
from voice.protocol.server_events import ServerEvent

SOUND_IN = "input_audio_buffer.append"
SOUND_OUT = "response.output_audio.delta"
EXTENSIONS = "voice."
"""Events of our own, which only clients get that asked for them."""


@cache
def from_clients() -> frozenset[str]:
    """All of the protocol but sound, which comes as RTP."""
    return _types(ClientEvent) - {SOUND_IN}


@cache
def from_servers() -> frozenset[str]:
    """All of the protocol but sound, which goes as RTP."""
    return _types(ServerEvent) - {SOUND_OUT}


def may_be_told(type: str) -> bool:
    """Whether a client gets an event of this type."""
    return type in from_servers() or type.startswith(EXTENSIONS)


def _types(union: object) -> frozenset[str]:
    return frozenset(kind.model_fields["type"].default for kind in get_args(union))
