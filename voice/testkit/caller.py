"""A scripted person at the other end of a transport, in real time: point an assistant at it as at a telephone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from voice.audio.frames import PCM_24K, AudioFormat, AudioFrame
from voice.errors import Misuse
from voice.protocol.codec import Unknown
from voice.protocol.server_events import ServerEvent
from voice.testkit.person import FRAME_MS, Line, Loudspeaker, Person
from voice.testkit.words import Vocabulary
from voice.transports.base import TransportListener, TransportTraits


class Caller:
    """A `Transport` whose person says `lines`, hangs up when the last one was answered, and remembers.

    `vocabulary` is the server's. `ducks` counts how often the sound was turned down.
    """

    def __init__(
        self,
        lines: Sequence[Line | str],
        vocabulary: Vocabulary,
        *,
        format: AudioFormat = PCM_24K,
        first_after_s: float = 0.5,
        limit_s: float = 60.0,
    ) -> None:
        self.traits = TransportTraits("caller", format, format, "reports")
        self.person = Person(
            [Line(line) if isinstance(line, str) else line for line in lines],
            vocabulary,
            format=format,
            first_after_s=first_after_s,
        )
        self.ducks = 0
        self.closed: tuple[int, str] | None = None
        self._loudspeaker = Loudspeaker(vocabulary, format)
        self._limit_s = limit_s
        self._listener: TransportListener | None = None
        self._talking: asyncio.Task[None] | None = None
        self._zero = 0.0
        self._hung_up = False

    @property
    def heard(self) -> str:
        """All words that were heard."""
        return self.person.heard

    @property
    def held_ms(self) -> float:
        """No device: a stop is heard at once."""
        return 0.0

    async def open(self, listener: TransportListener) -> None:
        if self._listener is not None:
            raise Misuse("A transport is opened once.")
        self._listener = listener
        self._zero = asyncio.get_running_loop().time()
        self._talking = asyncio.create_task(self._talk(), name="caller")

    def play(self, response_id: str, item_id: str, output_index: int, content_index: int, frame: AudioFrame) -> None:
        self.person.hear(self._loudspeaker.play(frame, self._now), self._now)

    def mark(self, epoch: int, position_ms: float) -> None:
        """Positions are reported anyway."""

    def stop_playback(self, epoch: int) -> None:
        self.person.hear(self._loudspeaker.stop(epoch, self._now), self._now)

    def duck(self, gain_db: float) -> bool:
        self.ducks += 1
        return True

    def restore(self) -> None:
        """Words are heard at any level."""

    def send_event(self, event: ServerEvent | Unknown) -> None:
        """A person reads no events."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        if self.closed is not None:
            return
        self.closed = (code, reason)
        if self._talking is not None and self._talking is not asyncio.current_task():
            self._talking.cancel()
            await asyncio.wait([self._talking])
        self._hang_up(reason or "closed")

    @property
    def _now(self) -> float:
        return asyncio.get_running_loop().time() - self._zero

    async def _talk(self) -> None:
        """A frame every 20 ms of the clock, however late the last one was."""
        assert self._listener is not None
        next_at = 0.0
        while self._now < self._limit_s:
            now = self._now
            self._listen(now)
            self._listener.receive_frame(self.person.frame(now, sounding=self._loudspeaker.sounding))
            if self.person.done(now, sounding=self._loudspeaker.sounding):
                self._hang_up("the person has nothing more to say")
                return
            next_at += FRAME_MS / 1000
            await asyncio.sleep(max(0.0, next_at - self._now))
        self._hang_up("the person ran out of time")

    def _listen(self, now: float) -> None:
        assert self._listener is not None
        was_sounding = self._loudspeaker.sounding
        self.person.hear(self._loudspeaker.advance(now), now)
        if was_sounding:
            self._listener.played(self._loudspeaker.epoch, self._loudspeaker.position_ms, 0.0)

    def _hang_up(self, reason: str) -> None:
        if not self._hung_up and self._listener is not None:
            self._hung_up = True
            self._listener.hung_up(reason)
