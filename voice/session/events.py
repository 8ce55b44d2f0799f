"""Everything that can happen to a conversation.

Five mouths and no others: the engine, the transport, the tools, the operator, and time. Every event is a frozen
value; what came late carries the identity (`response_id`, `item_id`, `call_id`, `epoch`) that lets it be dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from voice.audio.frames import AudioFrame
from voice.protocol.client_events import ClientEvent
from voice.protocol.codec import Unknown
from voice.protocol.server_events import ServerEvent
from voice.protocol.settings import Session as Settings
from voice.session.rules import Ending, TurnRules

# The engine


@dataclass(frozen=True, slots=True)
class LinkOpened:
    """The engine's connection stands. It will say `session.created` first."""


@dataclass(frozen=True, slots=True)
class LinkLost:
    """The connection to the engine ended or could not be made.

    `final` means that trying again cannot help (the key was refused). `jitter` is a random number 0..1 drawn by
    the driver, so that the core stays a function of its inputs."""

    code: int
    reason: str
    jitter: float
    final: bool = False


@dataclass(frozen=True, slots=True)
class EngineSaid:
    """Any server event but audio."""

    event: ServerEvent | Unknown


@dataclass(frozen=True, slots=True)
class EngineAudio:
    """A piece of the assistant's voice, unopened."""

    response_id: str
    item_id: str
    output_index: int
    content_index: int
    frame: AudioFrame


# The transport


@dataclass(frozen=True, slots=True)
class CallerAudio:
    """A piece of the person's voice, unopened."""

    frame: AudioFrame


@dataclass(frozen=True, slots=True)
class CallerSpeech:
    """What an ear on our side hears of the person, while it hears something.

    `speech_ms` is how long the present stretch has lasted at `stage`; `late_ms` how long before now its sound was
    captured; `level_db` the loudness of the stretch in dBFS, `floor_db` that of the quiet around it; `echo` 0..1 how
    much it is like what the loudspeaker plays; `probability` 0..1 that the newest window is speech; `kinds` how
    probable it is that the person wants the floor, agrees, coughs or laughs, speaks to somebody else, or that there is
    nobody (noise, our own echo): together 1, empty where nobody knows.

    `rises`: over the assistant a sound just set in that is not its echo; what it is, is not known. Outside of a
    stretch that is all there is to tell: then `stage` is `none`, and `level_db` that of the newest window.
    """

    stage: Literal["none", "onset", "going", "offset"]
    speech_ms: float
    late_ms: float
    level_db: float
    floor_db: float
    echo: float
    probability: float
    kinds: tuple[float, ...] = ()
    rises: bool = False


@dataclass(frozen=True, slots=True)
class CallerLoud:
    """It has been loud where the person is, for about a second. No ear has heard whether that is speech."""


@dataclass(frozen=True, slots=True)
class TurnSense:
    """What the person's turn is like so far, by its `words` or by its `sound`. It holds until the person goes on."""

    by: Literal["words", "sound"]
    ending: Ending


@dataclass(frozen=True, slots=True)
class Played:
    """So much of the epoch's sound was heard at the far end. `held_ms` more is in its device and will be, whatever we
    do now."""

    epoch: int
    position_ms: float
    uncertainty_ms: float
    held_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class PushToTalk:
    """The talk button went down (held) or up. Without `reply` the turn is committed and not answered yet."""

    held: bool
    reply: bool = True


@dataclass(frozen=True, slots=True)
class TalkCancelled:
    """What was said while the button was held is not meant."""


@dataclass(frozen=True, slots=True)
class Dtmf:
    """A telephone key."""

    digit: str


@dataclass(frozen=True, slots=True)
class Typed:
    """The person wrote instead of speaking."""

    text: str


@dataclass(frozen=True, slots=True)
class ClientSaid:
    """A realtime client's own event; its audio arrives as CallerAudio."""

    event: ClientEvent


@dataclass(frozen=True, slots=True)
class ApprovalGiven:
    """A button at the far end (never a voice) answers the question whether a tool may run."""

    request_id: str
    approve: bool


@dataclass(frozen=True, slots=True)
class HungUp:
    """The person's end is gone."""

    reason: str


# The tools


@dataclass(frozen=True, slots=True)
class ToolDone:
    """A call ended; `output` is what the model reads, also when `ok` is false."""

    call_id: str
    output: str
    ok: bool = True


@dataclass(frozen=True, slots=True)
class ToolProgress:
    """A running call says how far it is."""

    call_id: str
    text: str


# The operator


@dataclass(frozen=True, slots=True)
class Say:
    """Speak this when the floor is free (a timer that is due, a notice).

    `protect`: speech does not interrupt it (`uninterruptible`), or it is said again until it was heard to its end
    (`must_be_heard`)."""

    text: str
    protect: Literal["no", "uninterruptible", "must_be_heard"] = "no"


@dataclass(frozen=True, slots=True)
class StopTalking:
    """Stop the assistant now, as if it had been interrupted."""


@dataclass(frozen=True, slots=True)
class Change:
    """Change the session's settings (what is unset stays), its rules of turn-taking, or both."""

    settings: Settings
    turns: TurnRules | None = None


@dataclass(frozen=True, slots=True)
class Close:
    """End the conversation, with the reason that the far end is told."""

    reason: str


# Time


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing happened but time: the deadline that was asked for has come."""


Event = (
    LinkOpened
    | LinkLost
    | EngineSaid
    | EngineAudio
    | CallerAudio
    | CallerSpeech
    | CallerLoud
    | TurnSense
    | Played
    | PushToTalk
    | TalkCancelled
    | Dtmf
    | Typed
    | ClientSaid
    | ApprovalGiven
    | HungUp
    | ToolDone
    | ToolProgress
    | Say
    | StopTalking
    | Change
    | Close
    | Tick
)
