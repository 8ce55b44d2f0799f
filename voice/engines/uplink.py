"""What of the person's sound leaves now, and what may wait a moment.

While nobody speaks, quiet frames are gathered and leave together: fewer messages for the same sound. A frame that is
not quiet leaves at once and takes along what was gathered, and while somebody speaks nothing waits at all. Only an
engine that finds turns by itself tells when somebody speaks; without one nothing waits either.
"""

from __future__ import annotations

from voice.audio.frames import AudioFrame
from voice.audio.quiet import is_quiet
from voice.protocol.server_events import (
    InputAudioBufferSpeechStarted,
    InputAudioBufferSpeechStopped,
    ServerEvent,
    SessionCreated,
    SessionUpdated,
)

GATHER_MS = 60.0


class Uplink:
    """Gathers quiet frames; every frame that goes in comes out, in order."""

    def __init__(self) -> None:
        self._may_wait = False
        self._speaking = False
        self._gathered: list[AudioFrame] = []
        self._gathered_ms = 0.0

    def receive_event(self, event: ServerEvent) -> None:
        """Learn from the engine who speaks and whether it listens for turns."""
        if isinstance(event, InputAudioBufferSpeechStarted):
            self._speaking = True
        elif isinstance(event, InputAudioBufferSpeechStopped):
            self._speaking = False
        elif isinstance(event, SessionCreated | SessionUpdated):
            audio = getattr(event.session, "audio", None)
            self._may_wait = audio is not None and audio.input is not None and audio.input.turn_detection is not None

    def take(self, frame: AudioFrame) -> AudioFrame | None:
        """One more frame: what to send now, if anything."""
        if not self._may_wait or self._speaking:
            return self._join(frame)
        if not is_quiet(frame):
            return self._join(frame)
        if self._gathered_ms + frame.duration_ms >= GATHER_MS:
            return self._join(frame)
        self._gathered.append(frame)
        self._gathered_ms += frame.duration_ms
        return None

    def flush(self) -> AudioFrame | None:
        """What was gathered, before something else is said."""
        if not self._gathered:
            return None
        last = self._gathered.pop()
        return self._join(last)

    def _join(self, last: AudioFrame) -> AudioFrame:
        if not self._gathered:
            return last
        frames, self._gathered, self._gathered_ms = self._gathered, [], 0.0
        return AudioFrame(last.format, b"".join([*(frame.data for frame in frames), last.data]))
