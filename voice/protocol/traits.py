"""What a realtime engine can do and what it keeps for itself: facts that the session decides by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class EngineTraits:
    """Capabilities of one engine.

    `formats` are the wire names it takes and gives (`audio/pcm`, `audio/pcmu`, `audio/pcma`);
    `interruption` says who stops a reply when the person speaks; `max_session_s` is the longest one
    connection may live (None: no cap). With `any_model` it answers to whatever model name a client asks for.
    """

    name: str
    formats: tuple[str, ...] = ("audio/pcm", "audio/pcmu", "audio/pcma")
    interruption: Literal["ours", "engine"] = "ours"
    can_truncate: bool = True
    max_session_s: float | None = None
    transcription: bool = True
    any_model: bool = False
