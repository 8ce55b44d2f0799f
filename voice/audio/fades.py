"""How loud one stream of sound was at each of its samples: a `Fader` that remembers."""

from __future__ import annotations

from copy import copy

from voice.audio.frames import AudioFormat
from voice.audio.gain import DUCK_MS, RESTORE_MS, Fader


class Fades:
    """Fades laid at positions, in samples from the stream's beginning. A newer one begins where the last had come to.

    Positions of fades only grow. What lies before the first is at full level.
    """

    __slots__ = ("_began", "format")

    def __init__(self, format: AudioFormat) -> None:
        self.format = format
        self._began = [(0, Fader(format))]  # where each begins, and as it begins

    def __len__(self) -> int:
        """How many levels are remembered, the first included."""
        return len(self._began)

    def duck(self, gain_db: float, at: int) -> None:
        """Turned down from here on. Raises Misuse above 0 dB."""
        self._from(at).fade_to(gain_db, DUCK_MS)

    def restore(self, at: int) -> None:
        """Back to full level from here on."""
        self._from(at).fade_to(0.0, RESTORE_MS)

    def reset(self, at: int) -> None:
        """Full level at once: what comes does not continue what was."""
        if not self._began[-1][1].open:
            self._from(at).jump_to(1.0)

    def level_at(self, position: int) -> float:
        """The factor of this sample, 0..1."""
        for began, fader in reversed(self._began):
            if began <= position:
                return fader.level_after(position - began)
        return 1.0

    def applied(self, data: bytes, begin: int) -> bytes:
        """The sound that begins there, as loud as it was. At full level it is the very object."""
        newest, fader = self._began[-1]
        if newest <= begin:
            return self._at(fader, begin - newest).apply(data)
        size = self.format.sample_bytes
        end = begin + -(-len(data) // size)
        ends = [*(began for began, _ in self._began[1:]), end]
        out = []
        for (began, fader), after in zip(self._began, ends, strict=True):
            first, last = max(began, begin), min(after, end)
            if first < last:
                out.append(self._at(fader, first - began).apply(data[size * (first - begin) : size * (last - begin)]))
        return b"".join(out)

    def forget_before(self, position: int) -> None:
        """Nobody asks for what sounded before."""
        while len(self._began) > 1 and self._began[1][0] < position:
            del self._began[0]

    def _from(self, at: int) -> Fader:
        """Goes on as it was, until the caller says otherwise."""
        began, fader = self._began[-1]
        fader = self._at(fader, at - began)
        self._began.append((at, fader))
        return fader

    @staticmethod
    def _at(fader: Fader, samples: int) -> Fader:
        """As it is so much later."""
        later = copy(fader)
        later.skip(samples)
        return later
