"""What the client said and is not handled yet.

Almost always empty: it exists so that an answer is never given inside the call that asked, and so that a long piece of
sound is listened to in small parts between which the loop gets its turn. Bounded: of sound the oldest is dropped and
counted; of control events nothing is dropped, and too many of them are the end of the conversation.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from voice.audio.frames import AudioFrame
from voice.errors import ProtocolError
from voice.protocol.client_events import ClientEvent

PART_MS = 200
"""The most sound that is listened to at once: 7 windows of the voice detector, some 2 ms of work."""


@dataclass(frozen=True, slots=True)
class Append:
    """Sound, and the event that carried it, if one did."""

    frame: AudioFrame
    event_id: str | None = None


MOST_EVENTS = 16_384
"""Events that may wait. A socket is read 256 KiB at a time, which is 8,000 of the smallest events: a client that says
much in one breath (a history to restore) is not too much."""


class Inbox:
    """First in, first out."""

    def __init__(self, *, most_sound_ms: float = 300_000, most_events: int = MOST_EVENTS) -> None:
        self._things: deque[Append | ClientEvent] = deque()
        self._most_sound_ms = most_sound_ms
        self._most_events = most_events
        self._sound_ms = 0.0
        self._events = 0
        self.dropped_ms = 0.0

    def __bool__(self) -> bool:
        return bool(self._things)

    @property
    def is_overrun(self) -> bool:
        return self._events > self._most_events

    def put(self, thing: Append | ClientEvent) -> None:
        self._things.append(thing)
        if isinstance(thing, Append):
            self._sound_ms += thing.frame.duration_ms
            while self._sound_ms > self._most_sound_ms:
                self._drop_oldest_sound()
        else:
            self._events += 1

    def take(self) -> Append | ClientEvent:
        """The oldest thing; of a long piece of sound the first part. Raises ProtocolError when the sound is none."""
        thing = self._things.popleft()
        if not isinstance(thing, Append):
            self._events -= 1
            return thing
        self._sound_ms -= thing.frame.duration_ms
        return thing if thing.frame.duration_ms <= PART_MS else self._first_part(thing)

    def clear(self) -> None:
        self._things.clear()
        self._sound_ms = 0.0
        self._events = 0

    def _first_part(self, thing: Append) -> Append:
        data, format = thing.frame.data, thing.frame.format
        if len(data) % format.sample_bytes:
            raise ProtocolError("The audio ends within a sample.", param="audio", event_id=thing.event_id)
        size = format.size_bytes(PART_MS)
        parts = [Append(AudioFrame(format, data[at : at + size]), thing.event_id) for at in range(0, len(data), size)]
        self._things.extendleft(reversed(parts[1:]))
        self._sound_ms += sum(part.frame.duration_ms for part in parts[1:])
        return parts[0]

    def _drop_oldest_sound(self) -> None:
        for place, thing in enumerate(self._things):
            if isinstance(thing, Append):
                del self._things[place]
                self._sound_ms -= thing.frame.duration_ms
                self.dropped_ms += thing.frame.duration_ms
                return
        self._sound_ms = 0.0
