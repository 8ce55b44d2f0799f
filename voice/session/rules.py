"""The numbers and choices a session decides by. All durations carry their unit in the name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from voice.protocol.settings import FunctionTool
from voice.protocol.settings import Session as Settings
from voice.protocol.traits import EngineTraits
from voice.session.floor import FloorRules

TurnMode = Literal["server_vad", "push_to_talk"]


@dataclass(frozen=True, slots=True)
class TurnRules:
    """Whose turn it is, and when.

    `floor`: `ours` creates, cancels and truncates here; `engine` leaves creating and cancelling to the engine's own
    turn detection. Push-to-talk keeps `pre_roll_ms` from before the press and `release_tail_ms` after the release,
    and takes a press shorter than `tap_ms` for a mistake.
    """

    mode: TurnMode = "server_vad"
    floor: Literal["ours", "engine"] = "ours"
    pre_roll_ms: float = 300.0
    release_tail_ms: float = 200.0
    tap_ms: float = 150.0


@dataclass(frozen=True, slots=True)
class LinkRules:
    """How hard to try for the engine, and how much of the person's voice to keep meanwhile.

    Attempt n waits `backoff_ms * 2**n`, at most `backoff_max_ms`, between half and all of it by jitter. Attempts are
    counted until a connection has lasted `stable_ms`; one that stands but does not greet within `greeting_ms` is
    given up. The gap buffer keeps `gap_ms` of sound; what is older is dropped and counted.
    """

    attempts: int = 8
    backoff_ms: float = 200.0
    backoff_max_ms: float = 8_000.0
    gap_ms: float = 30_000.0
    quiet_ms: float = 1_000.0
    stable_ms: float = 5_000.0
    greeting_ms: float = 10_000.0


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars per million tokens, by kind. All zero: cost is not known, and nothing is claimed."""

    text_in: float = 0.0
    text_cached: float = 0.0
    text_out: float = 0.0
    audio_in: float = 0.0
    audio_cached: float = 0.0
    audio_out: float = 0.0
    image_in: float = 0.0
    image_cached: float = 0.0


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """All a session is told at its birth.

    `settings` is what we ask of the engine; `tools` are ours to run (the client never sees their definitions);
    `client_face` is true when the far end speaks the realtime protocol itself; `playout` says how we learn what was
    heard (see `voice.transports.base`). `greeting` is spoken first. With `floor` rules interruptions are judged in two
    stages, which needs an ear on our side (`CallerSpeech` events); without them the first sign of speech interrupts.
    """

    session_id: str
    settings: Settings
    traits: EngineTraits
    tools: tuple[FunctionTool, ...] = ()
    client_face: bool = False
    playout: Literal["reports", "marks", "clock", "client"] = "clock"
    greeting: str = ""
    turns: TurnRules = field(default_factory=TurnRules)
    link: LinkRules = field(default_factory=LinkRules)
    prices: Prices = field(default_factory=Prices)
    floor: FloorRules | None = None
    history_items: int = 400
    mark_every_ms: float = 400.0
