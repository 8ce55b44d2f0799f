"""Whether it has been loud where the person is: the cheapest ear there is, where no better one listens.

It cannot tell speech from a passing lorry, so it decides nothing. It is reason enough to ask an engine that says
nothing whether it is still there.
"""

from __future__ import annotations

from voice.audio.frames import AudioFrame
from voice.audio.quiet import is_quiet

LOUD_MS = 600.0
PAUSE_MS = 320.0
EACH = 4


class Loudness:
    """Counts how long it has been loud; shorter pauses than `PAUSE_MS`, as between words, do not end that.

    It looks at one frame in `EACH`, and takes it for all of them."""

    def __init__(self) -> None:
        self._skipped = 0
        self._loud_ms = 0.0
        self._quiet_ms = 0.0

    def hear(self, frame: AudioFrame) -> bool:
        """The next sound: true once whenever another `LOUD_MS` of it were loud."""
        self._skipped += 1
        if self._skipped < EACH:
            return False
        self._skipped = 0
        ms = frame.duration_ms * EACH
        if is_quiet(frame):
            self._quiet_ms += ms
            if self._quiet_ms >= PAUSE_MS:
                self._loud_ms = 0.0
            return False
        self._quiet_ms = 0.0
        self._loud_ms += ms
        if self._loud_ms < LOUD_MS:
            return False
        self._loud_ms = 0.0
        return True
