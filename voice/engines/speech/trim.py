"""Silence that a synthesiser puts around its words is latency in front and a gap behind; most of it goes."""

from __future__ import annotations


class SilenceTrimmer:
    """A stream of PCM16: silence before is cut to `lead_ms`, silence after to `tail_ms`; pauses inside stay whole."""

    def __init__(self, rate_hz: int, *, level: int = 200, lead_ms: int = 10, tail_ms: int = 80) -> None:
        self._level = level
        self._lead_bytes = rate_hz * lead_ms // 1000 * 2
        self._tail_bytes = rate_hz * tail_ms // 1000 * 2
        self._begun = False
        self._held = b""  # silence that is only passed on when sound follows

    def feed(self, pcm: bytes) -> bytes:
        """What may be played now."""
        edges = self._sounding(pcm)
        if edges is None:
            self._held += pcm
            if not self._begun:
                self._held = self._held[len(self._held) - min(len(self._held), self._lead_bytes) :]
            return b""
        first, end = edges
        if self._begun:
            ready = self._held + pcm[:end]
        else:
            before = self._held + pcm[:first]
            ready = before[max(0, len(before) - self._lead_bytes) :] + pcm[first:end]
            self._begun = True
        self._held = pcm[end:]
        return ready

    def flush(self) -> bytes:
        """The end: as much of the silence as is left to it."""
        held, self._held = self._held, b""
        return held[: self._tail_bytes] if self._begun else b""

    def _sounding(self, pcm: bytes) -> tuple[int, int] | None:
        """Byte offsets of the first sample that sounds and of the end of the last one."""
        import numpy as np

        loud = np.flatnonzero(np.abs(np.frombuffer(pcm, dtype="<i2").astype(np.int32)) >= self._level)
        return None if loud.size == 0 else (int(loud[0]) * 2, int(loud[-1]) * 2 + 2)


def pause_after_ms(text: str) -> int:
    """How long a speaker rests after a piece of text: longer after a sentence than within one."""
    return 180 if text.rstrip(" \"')").endswith((".", "!", "?")) else 80
