"""The seam behind which an engine works: anything that speaks the realtime protocol.

An engine takes typed client events and audio frames and answers through its listener. Every call but `open`
and `close` returns at once; nothing is queued between the engine's own input and the listener.
`ScriptedEngine` (in `scripted.py`) is the twin for tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from voice.audio.frames import AudioFrame
from voice.protocol.client_events import ClientEvent
from voice.protocol.codec import Unknown
from voice.protocol.server_events import ServerEvent
from voice.protocol.traits import EngineTraits


class EngineListener(Protocol):
    """Who is told what the engine says (the session's driver). Called on the event loop, never re-entrantly awaited."""

    def receive_event(self, event: ServerEvent | Unknown) -> None:
        """Anything but audio. `session.created` is the first."""

    def receive_audio(
        self, response_id: str, item_id: str, output_index: int, content_index: int, frame: AudioFrame
    ) -> None:
        """A `response.output_audio.delta`, unopened."""

    def engine_closed(self, code: int, reason: str) -> None:
        """The connection is over; nothing follows. Called once, also after `close`."""


class Engine(Protocol):
    """One conversation's connection to something that listens, thinks and speaks."""

    traits: EngineTraits

    async def open(self, listener: EngineListener) -> None:
        """Connect. Raises EngineUnreachable or EngineRefused."""

    def send(self, event: ClientEvent) -> None:
        """Say something. Never blocks; what cannot be delivered ends in `engine_closed`."""

    def send_audio(self, frame: AudioFrame) -> None:
        """`input_audio_buffer.append`, in the session's input format."""

    async def close(self) -> None:
        """End the connection. Idempotent."""


@dataclass(frozen=True, slots=True)
class SpeechFacts:
    """What an ear found in the newest sound; see `voice.session.events.CallerSpeech` for the fields."""

    stage: Literal["none", "onset", "going", "offset"]
    speech_ms: float
    late_ms: float
    level_db: float
    floor_db: float
    echo: float
    probability: float
    kinds: tuple[float, ...] = ()
    rises: bool = False


class Ear(Protocol):
    """Listens on our side of the engine, so that the first moment of an interruption is not waited for."""

    def hear(self, frame: AudioFrame, *, sounding: bool) -> SpeechFacts | None:
        """One frame of the person; `sounding`: the loudspeaker plays. Called for every frame: cheap when quiet."""

    def play(self, frame: AudioFrame) -> None:
        """What the loudspeaker was given, in order: the reference for telling echo from speech."""

    def stop(self) -> None:
        """The loudspeaker was silenced: what was given and not heard is void. Ends a duck."""

    def duck(self, gain_db: float) -> None:
        """From now on the loudspeaker is turned down by so much (negative)."""

    def restore(self) -> None:
        """The loudspeaker goes back to full level."""

    def close(self) -> None:
        """The conversation is over. Idempotent."""


@runtime_checkable
class TellsWords(Protocol):
    """An engine that can be asked at any time what the person is saying: one in this process."""

    def words_so_far(self) -> str:
        """The words of the utterance under way as they are understood now; what was told before may be revised."""


class TurnModel(Protocol):
    """Tells by the sound of a turn's end whether it is finished. Shared by all conversations."""

    async def finished(self, frames: Sequence[AudioFrame]) -> float | None:
        """Probability 0..1 that who said this has finished. `frames` are the last of the person's sound, 8 s at most,
        all of one format. None when it cannot tell soon enough to be of use. Never raises."""
