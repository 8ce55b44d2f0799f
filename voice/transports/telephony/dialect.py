"""What a carrier's websocket dialect is: the facts it declares, what it says and what it can be told.

A dialect is a pure codec, one file each; `TelephonyTransport` is the one driver of them all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from voice.audio.frames import AudioFormat

UNSUPPORTED_FORMAT = "unsupported_format"
"""Code of the ProtocolError for a call whose sound is not what the dialect declares: the call cannot be held."""


@dataclass(frozen=True, slots=True)
class DialectTraits:
    """The facts by which one carrier differs from another.

    `framing` says whether sound travels as base64 in text messages or raw in binary ones. `paced_by` says who keeps
    the 20 ms clock: a carrier that queues takes sound as fast as it is made, up to `queue_cap_ms`, and discards the
    rest. `marks_after_clear` says what becomes of marks that a clear overtakes: `returned` at once, which does not
    mean heard, or `dropped`. `ends_with` is the carrier's own end-of-call signal.
    """

    name: str
    input_format: AudioFormat
    output_format: AudioFormat
    framing: Literal["text", "binary"]
    paced_by: Literal["carrier", "us"]
    queue_cap_ms: float
    marks: bool
    marks_after_clear: Literal["returned", "dropped"]
    mark_uncertainty_ms: float
    dtmf: bool
    ends_with: Literal["stop", "close"]


# What a carrier says


@dataclass(frozen=True, slots=True)
class Connected:
    """The socket speaks this dialect; the call follows."""

    version: str


@dataclass(frozen=True, slots=True)
class Started:
    """The call stands. `parameters` are ours, carried through the carrier (a one-time token, for instance)."""

    sequence: int | None
    stream_id: str
    call_id: str
    account_id: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Media:
    """Sound of the person, spelt as it came: checked base64 text."""

    sequence: int | None
    base64: bytes


@dataclass(frozen=True, slots=True)
class Marked:
    """A mark of ours came back."""

    sequence: int | None
    name: str


@dataclass(frozen=True, slots=True)
class Digit:
    """A telephone key was pressed."""

    sequence: int | None
    digit: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The call is over."""

    sequence: int | None


@dataclass(frozen=True, slots=True)
class Ignored:
    """Well formed, and of no use to us: an event of a later version, or another track's sound."""

    sequence: int | None
    what: str


StreamEvent = Connected | Started | Media | Marked | Digit | Stopped | Ignored


class StreamCodec(Protocol):
    """One dialect, stateless: bytes to events, commands to bytes."""

    @property
    def traits(self) -> DialectTraits:
        """The facts."""

    def media(self, data: bytes) -> tuple[int | None, bytes] | None:
        """The hot path: sequence number and base64 of a sound message in its usual shape, else None.

        None says nothing about the message: `decode` reads every shape, and answers the same for this one.
        """

    def decode(self, data: bytes) -> StreamEvent:
        """One message. Raises ProtocolError when it is none of this dialect's (code: see UNSUPPORTED_FORMAT)."""

    def media_envelope(self, stream_id: str) -> tuple[bytes, bytes]:
        """What stands before and after the sound in each message of this stream."""

    def encode_mark(self, stream_id: str, name: str) -> bytes:
        """Ask to be told when all sound sent before was played."""

    def encode_clear(self, stream_id: str) -> bytes:
        """Drop all sound not yet played."""
