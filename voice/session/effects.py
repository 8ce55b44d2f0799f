"""Everything a conversation can ask for.

Six hands: the link, the engine, the transport, the tools, and two that only remember. Frozen values, so the effects
expected of a conversation are a list that a test writes down.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from voice.audio.frames import AudioFrame
from voice.protocol.client_events import ClientEvent
from voice.protocol.codec import Unknown
from voice.protocol.server_events import ServerEvent

# The link


@dataclass(frozen=True, slots=True)
class OpenLink:
    """Connect to the engine; answer with LinkOpened or LinkLost."""


@dataclass(frozen=True, slots=True)
class CloseLink:
    """Disconnect from the engine."""


# The engine


@dataclass(frozen=True, slots=True)
class SendToEngine:
    """Say this to the engine."""

    event: ClientEvent


@dataclass(frozen=True, slots=True)
class SendAudio:
    """Append the person's sound to the engine's input buffer."""

    frame: AudioFrame


# The transport


@dataclass(frozen=True, slots=True)
class Play:
    """Queue the assistant's sound at the far end."""

    response_id: str
    item_id: str
    output_index: int
    content_index: int
    frame: AudioFrame


@dataclass(frozen=True, slots=True)
class Mark:
    """Ask the far end to report when the sound queued so far was heard."""

    epoch: int
    position_ms: float


@dataclass(frozen=True, slots=True)
class StopPlayback:
    """Drop every sound not yet heard; what is played next belongs to this epoch."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Duck:
    """Turn what sounds down by `gain_db` (negative), within one frame: somebody may be interrupting."""

    gain_db: float


@dataclass(frozen=True, slots=True)
class Restore:
    """Fade what sounds back to its level, not a syllable lost: it was no interruption."""


@dataclass(frozen=True, slots=True)
class SendToClient:
    """Tell a realtime client."""

    event: ServerEvent | Unknown


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the person's end."""

    code: int
    reason: str


# The tools


@dataclass(frozen=True, slots=True)
class RunTool:
    """Run a call through the executor; answer with ToolDone. `approved_by`: who allowed it, if anybody was asked."""

    call_id: str
    name: str
    arguments: str
    approved_by: str = ""


@dataclass(frozen=True, slots=True)
class CancelTool:
    """Stop a running call; its ToolDone is no longer waited for."""

    call_id: str


# What only remembers


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth counting or showing: `kind` is a fixed word, values are attributes, never prose.

    Kinds: see `docs/reference/notes.md`. Personal values (`text`) are marked by their name and are left out of logs.
    """

    kind: str
    values: dict[str, Any] = field(default_factory=dict)


Effect = (
    OpenLink
    | CloseLink
    | SendToEngine
    | SendAudio
    | Play
    | Mark
    | StopPlayback
    | Duck
    | Restore
    | SendToClient
    | HangUp
    | RunTool
    | CancelTool
    | Note
)
