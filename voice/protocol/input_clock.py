"""When did the person say this? The engine counts its input in ms of sound; we know when that sound went out."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Mapping
from typing import Any

MEMORY_S = 60.0
STEADY_S = 0.015
"""Sound that comes as evenly as this is one stretch, of which only the end is kept."""
FORGET = 512


class InputClock:
    """Maps positions in the engine's input to moments, and knows how much silence the engine waits for.

    A `speech_stopped` comes only after that silence, and its `audio_end_ms` includes it: the last word was earlier.
    `audio_start_ms` includes the padding that is kept from before the speech: the first word was later.
    """

    def __init__(self) -> None:
        self.silence_ms = 0.0
        self.padding_ms = 0.0
        self._heard_ms = 0.0
        self._positions_ms = array("d")  # where each steady stretch ends, in its sound and in time
        self._moments_s = array("d")
        self._began_ms = self._began_s = 0.0  # of the newest stretch

    def sent(self, now_s: float, length_ms: float) -> None:
        """A piece of the person's sound went to the engine."""
        self._heard_ms += length_ms
        uneven_s = (now_s - self._began_s) - (self._heard_ms - self._began_ms) / 1000
        if self._moments_s and -STEADY_S < uneven_s < STEADY_S:
            self._positions_ms[-1], self._moments_s[-1] = self._heard_ms, now_s
            return
        self._began_ms, self._began_s = self._heard_ms, now_s
        self._positions_ms.append(self._heard_ms)
        self._moments_s.append(now_s)
        if len(self._moments_s) > 2 * FORGET and self._moments_s[FORGET] < now_s - MEMORY_S:
            del self._moments_s[:FORGET], self._positions_ms[:FORGET]

    def restart(self) -> None:
        """A new connection counts from zero."""
        self._heard_ms = 0.0
        del self._positions_ms[:], self._moments_s[:]

    def configured(self, session: Mapping[str, Any]) -> None:
        """Take silence and padding from a session's wire settings; other turn detections have no fixed ones."""
        detection: Any = session
        for key in ("audio", "input", "turn_detection"):
            detection = detection.get(key) if isinstance(detection, Mapping) else None
        fixed = isinstance(detection, Mapping) and detection.get("type") == "server_vad"
        self.silence_ms = _milliseconds(detection.get("silence_duration_ms")) if fixed else 0.0
        self.padding_ms = _milliseconds(detection.get("prefix_padding_ms")) if fixed else 0.0

    def began(self, now_s: float, audio_start_ms: object) -> float:
        """When the speech began that was noticed now."""
        return min(now_s, self._moment(audio_start_ms, now_s) + self.padding_ms / 1000)

    def ended(self, now_s: float, audio_end_ms: object) -> float:
        """When the last word ended, if the end was noticed now."""
        return self._moment(audio_end_ms, now_s) - self.silence_ms / 1000

    def _moment(self, position_ms: object, now_s: float) -> float:
        """Nobody notices a sound before it is there, or minutes later: then the count is not ours, and now must do."""
        if not isinstance(position_ms, int | float) or not self._positions_ms:
            return now_s
        index = min(bisect_left(self._positions_ms, position_ms), len(self._positions_ms) - 1)
        moment = self._moments_s[index] - (self._positions_ms[index] - position_ms) / 1000
        return moment if now_s - MEMORY_S <= moment <= now_s else now_s


def _milliseconds(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
