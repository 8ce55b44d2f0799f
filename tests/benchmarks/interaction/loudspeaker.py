"""The loudspeaker of a scene: what it sounded can be taken piece by piece, for the echo and for the recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.interaction.clips import RATE_HZ
from voice.audio import g711
from voice.audio.frames import AudioFormat
from voice.transports.loudspeaker import VirtualLoudspeaker

if TYPE_CHECKING:
    from tests.benchmarks.interaction.clips import Samples

HELD_MS = 20.0
"""What a device, or the far end's jitter buffer, sounds of what it already has."""


class TappedLoudspeaker(VirtualLoudspeaker):
    """As the product's, with a tap."""

    def __init__(self, format: AudioFormat) -> None:
        super().__init__(format, held_ms=HELD_MS)
        self._taken = 0
        self.last_sound_ms = 0.0

    def take(self, begin_ms: float, end_ms: float) -> Samples | None:
        """What sounded in that time (up to the last `advance`), at 16 kHz; None for silence."""
        import numpy as np

        pieces = self._pieces[self._taken :]
        self._taken = len(self._pieces)
        if not pieces:
            return None
        per_sample = RATE_HZ // self.format.rate_hz
        out = np.zeros(round((end_ms - begin_ms) * RATE_HZ / 1000), dtype=np.float32)
        for sample, data in pieces:
            pcm = data if self.format.encoding == "pcm16" else g711.decode(data, "pcmu")
            samples = np.repeat(np.frombuffer(pcm, dtype="<i2").astype(np.float32) / 32768, per_sample)
            at = sample * per_sample - round(begin_ms * RATE_HZ / 1000)
            samples = samples[max(-at, 0) :][: len(out) - max(at, 0)]
            out[max(at, 0) : max(at, 0) + len(samples)] = samples
            self.last_sound_ms = (sample * 1000) / self.format.rate_hz + len(pcm) * 500 / self.format.rate_hz
        return out
