"""The seam behind which a person is: a telephone, a browser, a microphone, a file, or a realtime client.

A transport takes sound to play and answers through its listener. Positions are milliseconds of sound since the
last `stop_playback`; the epoch counts those stops, so a late report of an earlier epoch is recognised and dropped.
`MemoryTransport` (in `memory.py`) is the twin for tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from voice.audio.frames import AudioFormat, AudioFrame
from voice.protocol.client_events import ClientEvent
from voice.protocol.codec import Unknown
from voice.protocol.server_events import ServerEvent

Playout = Literal["reports", "marks", "clock", "client"]


@dataclass(frozen=True, slots=True)
class TransportTraits:
    """What one kind of far end is like.

    `playout` says how we know what was heard: the device `reports` positions, it echoes `marks`, nothing is known
    but the `clock`, or the `client` keeps its own account and truncates by itself. `realtime` is true for a far
    end that speaks the realtime protocol. `can_duck` is false where the level is not ours to change: `duck` and
    `restore` then do nothing. `can_hush` is false where a duck is heard as a break in the sound. `can_approve` is
    true where the person has a button to allow a tool with.
    """

    name: str
    input_format: AudioFormat
    output_format: AudioFormat
    playout: Playout
    realtime: bool = False
    can_duck: bool = True
    can_hush: bool = True
    can_approve: bool = False


class TransportListener(Protocol):
    """Who is told what the person's end says (the session's driver)."""

    def receive_frame(self, frame: AudioFrame) -> None:
        """Sound from the person."""

    def played(self, epoch: int, position_ms: float, uncertainty_ms: float) -> None:
        """This much of the epoch's sound has left the loudspeaker."""

    def push_to_talk(self, held: bool, reply: bool = True) -> None:
        """The talk button went down or up. Without `reply` what was said is not answered yet."""

    def talk_cancelled(self) -> None:
        """What was said since the button went down is not meant."""

    def dtmf(self, digit: str) -> None:
        """A telephone key: 0-9 * # A-D."""

    def typed(self, text: str) -> None:
        """Written instead of spoken."""

    def client_said(self, event: ClientEvent) -> None:
        """A realtime client's own event (audio arrives as frames)."""

    def approval_given(self, request_id: str, approve: bool) -> None:
        """A button answered whether a tool may run. Only where traits say `can_approve`."""

    def hung_up(self, reason: str) -> None:
        """The far end is gone; nothing follows. Called once, also after `close`."""


class Transport(Protocol):
    """One person's end of a conversation."""

    @property
    def traits(self) -> TransportTraits:
        """What this end is like, at this moment: a client may change its formats."""

    @property
    def held_ms(self) -> float:
        """Sound that a device has taken and will sound whatever happens: a stop now is heard so much later than the
        position says. Where it is not 0, reports of the epoch before go on after a stop until that sound is over;
        the last of them is what was heard of that epoch, exactly."""

    async def open(self, listener: TransportListener) -> None:
        """Begin. Raises TransportError."""

    def play(self, response_id: str, item_id: str, output_index: int, content_index: int, frame: AudioFrame) -> None:
        """Queue sound behind what is already queued."""

    def mark(self, epoch: int, position_ms: float) -> None:
        """Report back (`played`) when the sound queued so far was heard. Only where traits say `marks`."""

    def stop_playback(self, epoch: int) -> None:
        """Drop all sound not yet heard; what follows belongs to `epoch`. Ends a duck."""

    def duck(self, gain_db: float) -> bool:
        """Turn all sound not yet heard, and what follows, down by `gain_db` (negative) within one frame.

        May be called again with another gain, which counts from full level. Positions and marks go on as if nothing
        had happened. False where that cannot be done now: it goes on at its level. Raises Misuse above 0 dB.
        """

    def restore(self) -> None:
        """Fade back to full level within some tens of ms. Nothing is skipped and nothing is said twice."""

    def send_event(self, event: ServerEvent | Unknown) -> None:
        """Tell a realtime client. Others ignore it."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Hang up. Idempotent."""
