"""The twin for tests: a person's end in memory, whose clock the test holds."""

from __future__ import annotations

from dataclasses import dataclass

from voice.audio.frames import PCM_24K, AudioFormat, AudioFrame
from voice.errors import Misuse
from voice.protocol.client_events import ClientEvent
from voice.protocol.codec import Unknown
from voice.protocol.server_events import ServerEvent
from voice.transports.base import Playout, TransportListener, TransportTraits
from voice.transports.loudspeaker import VirtualLoudspeaker


@dataclass(frozen=True, slots=True)
class PlayedFrame:
    """One call of `play`, with the epoch it fell into."""

    epoch: int
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    frame: AudioFrame


class MemoryTransport:
    """Records what it is told and says what the test makes it say.

    Sound is heard only when the test advances the clock: `advance(ms)` moves the virtual loudspeaker and reports
    what traits promise: positions (`reports`), marks as they are reached (`marks`), nothing for `clock` and `client`.
    As at a carrier, a stop sends unreached marks back too, with their old epoch; as at a device, `held_ms` of sound
    are heard after a stop, and reported with the epoch they belong to. `ducks` are the times (ms) and gains (dB) at
    which the level was changed, `level_at` says what the person heard of it.
    """

    def __init__(
        self,
        *,
        playout: Playout = "reports",
        input_format: AudioFormat = PCM_24K,
        output_format: AudioFormat = PCM_24K,
        realtime: bool = False,
        uncertainty_ms: float = 0.0,
        held_ms: float = 0.0,
        can_duck: bool = True,
    ) -> None:
        self.traits = TransportTraits("memory", input_format, output_format, playout, realtime, can_duck)
        self.uncertainty_ms = uncertainty_ms
        self.now_ms = 0.0
        self.played_frames: list[PlayedFrame] = []
        self.events: list[ServerEvent | Unknown] = []
        self.stops: list[int] = []
        self.ducks: list[tuple[float, float]] = []
        self.closed: tuple[int, str] | None = None
        self.loudspeaker = VirtualLoudspeaker(output_format, held_ms=held_ms)
        self._reported_ms: dict[int, float] = {}
        self._epoch_before = 0
        self._marks: list[tuple[int, float]] = []
        self._listener: TransportListener | None = None
        self._hung_up = False

    @property
    def held_ms(self) -> float:
        return self.loudspeaker.held_ms

    # What a session tells it

    async def open(self, listener: TransportListener) -> None:
        if self._listener is not None:
            raise Misuse("A transport is opened once.")
        self._listener = listener

    def play(self, response_id: str, item_id: str, output_index: int, content_index: int, frame: AudioFrame) -> None:
        epoch = self.loudspeaker.epoch
        self.played_frames.append(PlayedFrame(epoch, response_id, item_id, output_index, content_index, frame))
        self.loudspeaker.play(frame, self.now_ms)

    def mark(self, epoch: int, position_ms: float) -> None:
        self._marks.append((epoch, position_ms))

    def stop_playback(self, epoch: int) -> None:
        self.stops.append(epoch)
        self._epoch_before = self.loudspeaker.epoch
        self.loudspeaker.stop(epoch, self.now_ms)
        if self.traits.playout == "marks":
            self._echo(self._marks)
        self._marks = []

    def duck(self, gain_db: float) -> bool:
        self.ducks.append((self.now_ms, gain_db))
        if self.traits.can_duck:
            self.loudspeaker.duck(gain_db, self.now_ms)
        return self.traits.can_duck

    def restore(self) -> None:
        self.ducks.append((self.now_ms, 0.0))
        if self.traits.can_duck:
            self.loudspeaker.restore(self.now_ms)

    def send_event(self, event: ServerEvent | Unknown) -> None:
        self.events.append(event)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        if self.closed is None:
            self.closed = (code, reason)
            self.hang_up(reason or "closed")

    # What a test does and asks

    def advance(self, ms: float) -> None:
        """Let so much time pass at the far end."""
        self.now_ms += ms
        self.loudspeaker.advance(self.now_ms)
        if self.traits.playout == "reports":
            self._report()
        elif self.traits.playout == "marks":
            reached = [mark for mark in self._marks if mark[1] <= self.loudspeaker.position_ms]
            self._marks = [mark for mark in self._marks if mark not in reached]
            self._echo(reached)

    def level_at(self, ms: float) -> float:
        """The factor, 0..1, by which the person heard sound turned down at that time."""
        return self.loudspeaker.level_at(ms)

    def heard_ms(self, item_id: str | None = None) -> float:
        """Sound heard in this epoch, of one item or of all."""
        left_ms, heard_ms = self.loudspeaker.position_ms, 0.0
        for played in self.played_frames:
            if played.epoch != self.loudspeaker.epoch:
                continue
            part_ms = min(left_ms, played.frame.duration_ms)
            left_ms -= part_ms
            if item_id in (None, played.item_id):
                heard_ms += part_ms
        return heard_ms

    def played_items(self) -> dict[str, bytes]:
        """The sound queued so far, heard or not, by item and in order."""
        items: dict[str, bytes] = {}
        for played in self.played_frames:
            items[played.item_id] = items.get(played.item_id, b"") + played.frame.data
        return items

    def say(self, data: bytes, *, frame_ms: float = 20) -> None:
        """The person speaks: samples of the input format, cut into frames."""
        size = self.traits.input_format.size_bytes(frame_ms)
        for start in range(0, len(data), size):
            self.listener.receive_frame(AudioFrame(self.traits.input_format, data[start : start + size]))

    def client_says(self, event: ClientEvent) -> None:
        self.listener.client_said(event)

    def hang_up(self, reason: str = "the person hung up") -> None:
        """The far end goes away; told once, whatever ends it first."""
        if not self._hung_up:
            self._hung_up = True
            if self._listener is not None:
                self._listener.hung_up(reason)

    @property
    def listener(self) -> TransportListener:
        """Who was given to `open`; use it to press keys, type and report at will."""
        if self._listener is None:
            raise Misuse("The transport is not open yet.")
        return self._listener

    def _report(self) -> None:
        for epoch in (self._epoch_before, self.loudspeaker.epoch):
            position_ms = self.loudspeaker.position_of_ms(epoch)
            if position_ms > self._reported_ms.get(epoch, 0.0):
                self._reported_ms[epoch] = position_ms
                self.listener.played(epoch, position_ms, self.uncertainty_ms)

    def _echo(self, marks: list[tuple[int, float]]) -> None:
        for epoch, position_ms in marks:
            self.listener.played(epoch, position_ms, self.uncertainty_ms)
