"""What the conversation has cost so far, from the engine's own counts and the prices we were given."""

from __future__ import annotations

from dataclasses import dataclass

from voice.protocol.settings import Usage as WireUsage
from voice.session.rules import Prices

MILLION = 1_000_000


@dataclass(slots=True)
class Usage:
    """Running sums of tokens by kind. `cost_usd` is 0 when no prices are known."""

    prices: Prices
    responses: int = 0
    text_in: int = 0
    text_cached: int = 0
    text_out: int = 0
    audio_in: int = 0
    audio_cached: int = 0
    audio_out: int = 0
    image_in: int = 0
    image_cached: int = 0

    def add(self, usage: WireUsage | None) -> None:
        """Count one response. The whole conversation is billed as input each time, so these are sums, not a size."""
        if usage is None:
            return
        self.responses += 1
        spent = usage.input_token_details
        if spent is not None:
            cached = spent.cached_tokens_details
            self.text_in += spent.text_tokens or 0
            self.audio_in += spent.audio_tokens or 0
            self.image_in += spent.image_tokens or 0
            if cached is not None:
                self.text_cached += cached.text_tokens or 0
                self.audio_cached += cached.audio_tokens or 0
                self.image_cached += cached.image_tokens or 0
        made = usage.output_token_details
        if made is not None:
            self.text_out += made.text_tokens or 0
            self.audio_out += made.audio_tokens or 0

    @property
    def priced(self) -> bool:
        """Whether any price is known."""
        return any(getattr(self.prices, name) for name in type(self.prices).__slots__)

    @property
    def cost_usd(self) -> float:
        """Cached tokens are a part of the input tokens and cost their own price."""
        p = self.prices
        return (
            (self.text_in - self.text_cached) * p.text_in
            + self.text_cached * p.text_cached
            + self.text_out * p.text_out
            + (self.audio_in - self.audio_cached) * p.audio_in
            + self.audio_cached * p.audio_cached
            + self.audio_out * p.audio_out
            + (self.image_in - self.image_cached) * p.image_in
            + self.image_cached * p.image_cached
        ) / MILLION
