"""What an Opus packet says of itself in its first bytes (RFC 6716 section 3.1), without decoding it."""

from __future__ import annotations

CLOCK_HZ = 48_000
"""RTP counts Opus in 48 kHz, whatever the coded bandwidth (RFC 7587 section 4.1)."""

_SILK_MS = (10, 20, 40, 60)
_HYBRID_MS = (10, 20)
_CELT_MS = (2.5, 5, 10, 20)
_MOST_SAMPLES = CLOCK_HZ * 120 // 1000
_NOTHING_BYTES = 2


def samples_of(packet: bytes) -> int:
    """How long a packet sounds, in samples of 48 kHz; 0 for what is not a packet."""
    if not packet:
        return 0
    config = packet[0] >> 3
    if config < 12:
        frame_ms: float = _SILK_MS[config & 3]
    elif config < 16:
        frame_ms = _HYBRID_MS[config & 1]
    else:
        frame_ms = _CELT_MS[config & 3]
    told = packet[1] & 63 if len(packet) > 1 else 0
    samples = int(frame_ms * CLOCK_HZ / 1000) * (1, 2, 2, told)[packet[0] & 3]
    return samples if samples <= _MOST_SAMPLES else 0


def is_silence(packet: bytes) -> bool:
    """Whether the sender said with this packet that nothing will be heard for a while (DTX)."""
    return 0 < len(packet) <= _NOTHING_BYTES
