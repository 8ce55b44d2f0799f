"""What a response costs, in tokens.

Audio is counted as the protocol's price list does: a person's voice 1 token for each 100 ms, the assistant's 1 for
each 50 ms. Text is counted by the brain's model where it says so, and estimated at four letters a token where the
brain is no model; images have no published rule and are not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from voice.engines.stages import BrainUsage
from voice.protocol.settings import Usage

USER_MS_PER_TOKEN = 100
ASSISTANT_MS_PER_TOKEN = 50
CHARS_PER_TOKEN = 4


def text_tokens(text: str) -> int:
    """An estimate."""
    return ceil(len(text) / CHARS_PER_TOKEN)


def user_audio_tokens(duration_ms: float) -> int:
    return ceil(duration_ms / USER_MS_PER_TOKEN)


def assistant_audio_tokens(duration_ms: float) -> int:
    return ceil(duration_ms / ASSISTANT_MS_PER_TOKEN)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of two kinds."""

    text: int = 0
    audio: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(self.text + other.text, self.audio + other.audio)

    @property
    def total(self) -> int:
        return self.text + self.audio


def response_usage(given: Tokens, made: Tokens, counted: BrainUsage | None) -> Usage:
    """The wire's usage object; `counted` replaces the estimates of text."""
    cached = 0
    if counted is not None:
        given = Tokens(counted.input_tokens, given.audio)
        made = Tokens(counted.output_tokens, made.audio)
        cached = min(counted.cached_tokens, given.text)
    return Usage.model_validate(
        {
            "total_tokens": given.total + made.total,
            "input_tokens": given.total,
            "output_tokens": made.total,
            "input_token_details": {
                "text_tokens": given.text,
                "audio_tokens": given.audio,
                "image_tokens": 0,
                "cached_tokens": cached,
                "cached_tokens_details": {"text_tokens": cached, "audio_tokens": 0, "image_tokens": 0},
            },
            "output_token_details": {"text_tokens": made.text, "audio_tokens": made.audio},
        }
    )
