"""Sound as bars, one every three pixels."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from voice.timeline.canvas import number
from voice.timeline.story import Sound
from voice.timeline.systems import System

BAR_PX = 3.0
QUIET = 0.012


class Track:
    """Sounds in order of time, so that a row looks only at its own."""

    def __init__(self, sounds: Iterable[Sound]) -> None:
        self.sounds = sorted(sounds, key=_start)
        self._longest_s = max((sound.end_s - sound.start_s for sound in self.sounds), default=0.0)

    def bars(self, system: System) -> dict[int, float]:
        """The loudest peak in each bar of a row."""
        peaks: dict[int, float] = {}
        begin = bisect_left(self.sounds, system.start_s - self._longest_s, key=_start)
        end = bisect_left(self.sounds, system.end_s, key=_start)
        for sound in self.sounds[begin:end]:
            if sound.end_s > system.start_s:
                first = int((system.x(sound.start_s) - system.left_px) / BAR_PX)
                last = int((system.x(sound.end_s) - system.left_px - 1e-6) / BAR_PX)
                for index in range(first, max(first, last) + 1):
                    peaks[index] = max(peaks.get(index, 0.0), sound.level)
        return peaks

    def runs(self, *, join_s: float = 0.25) -> list[tuple[float, float]]:
        """Spans in which sound follows sound with at most so long a pause."""
        spans: list[tuple[float, float]] = []
        for sound in self.sounds:
            if spans and sound.start_s - spans[-1][1] <= join_s:
                spans[-1] = (spans[-1][0], max(spans[-1][1], sound.end_s))
            else:
                spans.append((sound.start_s, sound.end_s))
        return spans


def path(peaks: dict[int, float], system: System, middle_px: float, half_px: float) -> str:
    """The bars as one SVG path. Height follows the ear rather than the volt: quiet sounds stay visible."""
    commands = []
    for index in sorted(peaks):
        height = max(0.4, half_px * min(1.0, max(0.0, peaks[index])) ** 0.6)
        x = system.left_px + (index + 0.5) * BAR_PX
        commands.append(f"M{number(x)} {number(middle_px - height)}V{number(middle_px + height)}")
    return "".join(commands)


def split(peaks: dict[int, float]) -> tuple[dict[int, float], dict[int, float]]:
    """Bars that are sound, and bars that are silence."""
    loud = {index: level for index, level in peaks.items() if level > QUIET}
    return loud, {index: level for index, level in peaks.items() if level <= QUIET}


def _start(sound: Sound) -> float:
    return sound.start_s
