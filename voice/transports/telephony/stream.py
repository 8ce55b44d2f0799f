"""A telephone call whose sound a carrier streams over a websocket: one driver for every dialect.

Sound goes through unopened in both directions; what a carrier says besides sound is rare and goes the slow way.

Sound in a carrier's queue cannot be turned down. A duck therefore clears that queue and sends again, turned down, what
was not yet played: from the place which is certainly not beyond what was heard, so that nothing is lost. What is heard
twice, at the lower level, is by how much the clear was slower than the fastest message could be: with an even wire a
few ms. While it is down, sound is sent only just ahead of what is heard, so a restore needs no clear and is seamless.
On a wire found to be uneven sound is always sent so: there a duck needs no clear either, and is heard a lead later.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass

from voice.audio.frames import AudioFrame
from voice.errors import PeerGone, ProtocolError
from voice.net.base import PendingSocket
from voice.protocol.codec import Unknown
from voice.protocol.server_events import ServerEvent
from voice.transports.base import Playout, TransportListener, TransportTraits
from voice.transports.fitting import Fitting
from voice.transports.line import POLICY, UNSUPPORTED, Line
from voice.transports.telephony.dialect import (
    UNSUPPORTED_FORMAT,
    Connected,
    Digit,
    Ignored,
    Marked,
    Media,
    Started,
    Stopped,
    StreamCodec,
    StreamEvent,
)
from voice.transports.telephony.paced import LEAD_MS, PacedSound
from voice.transports.telephony.queue import CarrierQueue, QueuedMark, read_mark_name

logger = logging.getLogger(__name__)

_WORTH_A_CLEAR_MS = 40.0
"""So little sound is over before a clear is worth what it may repeat."""
_TOO_UNEVEN_MS = 25.0
"""More than that between two round trips, and a clear would repeat more than a frame or two."""


@dataclass(slots=True)
class StreamCounters:
    """What went wrong on one stream without ending it."""

    early_frames: int = 0
    """Sound before the call was announced, dropped."""
    sequence_gaps: int = 0
    """Times that a message's number was not the one after its predecessor's."""
    malformed: int = 0
    ignored: int = 0
    foreign_marks: int = 0
    """Marks that are not of our making."""
    overtaken_marks: int = 0
    """Marks that came back although a clear had overtaken them."""
    unqueued_frames: int = 0
    """Sound for which there was no call yet, or no room in the carrier's queue."""
    unducked: int = 0
    """Ducks that were not heard, because too much sound was too far ahead to be sent again."""


class TelephonyTransport:
    """One call. `open` returns when the carrier has announced it, and `call` then says which call it is.

    - Sound before the announcement is dropped and counted.
    - Malformed and unknown messages are counted and ignored; `patience` malformed ones in a row close with 1008.
    - A second `start`, or one whose sound we do not speak, closes with 1003.
    - A mark carries its epoch and position in its name. One that a clear overtook was not played, and is not reported
      when it comes back; the carrier's `marks_after_clear` says whether that happens. Marks in sound that is sent
      again are sent again too, under a name that tells the two apart.
    - Sound beyond the carrier's queue (10 minutes at Twilio) is kept back, newest first, and counted.
    """

    def __init__(
        self, codec: StreamCodec, pending: PendingSocket, *, start_within_s: float = 10.0, patience: int = 1000
    ) -> None:
        facts = codec.traits
        playout: Playout = "marks" if facts.marks else "clock"
        self.traits = TransportTraits(facts.name, facts.input_format, facts.output_format, playout, can_hush=False)
        self.counters = StreamCounters()
        self.call: Started | None = None
        self._codec = codec
        self._line = Line(pending)
        self._start_within_s = start_within_s
        self._patience = patience
        self._fitting = Fitting(facts.output_format)
        self._input_format = facts.input_format
        self._binary = facts.framing == "binary"
        self._listener: TransportListener | None = None
        self._announced: asyncio.Future[None] | None = None
        self._head, self._tail = b"", b""
        self._next_sequence: int | None = None
        self._deliver: Callable[[AudioFrame], None] = self._drop_early
        self._malformed_in_a_row = 0
        self._queue = CarrierQueue(facts.queue_cap_ms)
        self._paced: PacedSound | None = None

    @property
    def held_ms(self) -> float:
        """A clear takes everything back."""
        return 0.0

    # What the session tells it

    async def open(self, listener: TransportListener) -> None:
        """Accept the socket and wait for the call. Raises PeerGone when none is announced in time."""
        self._loop = asyncio.get_running_loop()
        self._announced = self._loop.create_future()
        self._listener = listener
        self._line.accept(self, self._hung_up)
        try:
            async with asyncio.timeout(self._start_within_s):
                await self._announced
        except TimeoutError:
            await self._line.close(POLICY, "no call was announced")
            raise PeerGone("The carrier opened a stream and announced no call.") from None

    def play(self, response_id: str, item_id: str, output_index: int, content_index: int, frame: AudioFrame) -> None:
        frame = self._fitting.fit(frame)
        if self._paced is not None:
            self._play_paced(self._paced, frame)
        elif self.call is None or not self._queue.push(frame, self._loop.time()):
            self.counters.unqueued_frames += 1
        elif self._binary:
            self._line.send_binary(self._head + frame.data + self._tail)
        else:
            self._line.send_text(self._head + frame.base64 + self._tail)

    def mark(self, epoch: int, position_ms: float) -> None:
        if self.call is None or not self._codec.traits.marks:
            return
        mark = QueuedMark(epoch, position_ms)
        if self._paced is not None:
            self._paced.put([mark])
        else:
            self._send_mark(self._queue.push_mark(mark, self._loop.time()))

    def stop_playback(self, epoch: int) -> None:
        self._fitting.reset()
        self._queue.clear()
        if self._paced is not None:
            self._paced.close()
            self._end_pacing()
        self._send_clear()

    def duck(self, gain_db: float) -> bool:
        """By a clear, and without one where what the carrier has is too little to be worth it."""
        if self.call is None or self._line.over:
            return False
        now_s = self._loop.time()
        paced = self._paced
        if paced is None:
            clear = self._queue.unheard_ms(now_s) > _WORTH_A_CLEAR_MS
        else:
            clear = self._queue.ahead_ms(now_s) > paced.lead_ms + _WORTH_A_CLEAR_MS
        again = self._queue.take_back(now_s) if clear else []
        if again is None:
            self.counters.unducked += 1
            return False
        if paced is None:
            paced = self._paced = self._new_pacing()
        if clear:
            self._send_clear()
        paced.duck(gain_db, again)
        return True

    def restore(self) -> None:
        if self._paced is not None:
            self._paced.restore()
            self._end_pacing()

    def _play_paced(self, paced: PacedSound, frame: AudioFrame) -> None:
        ahead_ms = self._queue.ahead_ms(self._loop.time())
        if ahead_ms + paced.waiting_ms + frame.duration_ms > self._codec.traits.queue_cap_ms:
            self.counters.unqueued_frames += 1
            return
        paced.put([frame])
        self._end_pacing()

    def _new_pacing(self) -> PacedSound:
        return PacedSound(self.traits.output_format, self._queue, self._send, self._send_mark)

    def _pace_by_the_wire(self) -> None:
        """A wire on which a clear would repeat too much gets its sound late enough to do without."""
        uneven_ms = self._queue.uneven_ms
        if uneven_ms > _TOO_UNEVEN_MS:
            if self._paced is None:
                self._paced = self._new_pacing()
            self._paced.at_full_level = True
            self._paced.lead_ms = LEAD_MS + uneven_ms
        elif self._paced is not None and self._paced.at_full_level:
            self._paced.at_full_level = False
            self._paced.lead_ms = LEAD_MS
            self._paced.pump()
            self._end_pacing()

    def _end_pacing(self) -> None:
        """If it has nothing left to do."""
        if self._paced is not None and self._paced.needless:
            self._paced = None

    def _send(self, frame: AudioFrame) -> None:
        if self._binary:
            self._line.send_binary(self._head + frame.data + self._tail)
        else:
            self._line.send_text(self._head + frame.base64 + self._tail)

    def _send_mark(self, name: str) -> None:
        assert self.call is not None
        self._line.send_text(self._codec.encode_mark(self.call.stream_id, name))

    def _send_clear(self) -> None:
        if self.call is not None:
            self._line.send_text(self._codec.encode_clear(self.call.stream_id))

    def send_event(self, event: ServerEvent | Unknown) -> None:
        """A telephone does not read events."""

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self._line.close(code, reason)

    # What the carrier says

    def receive_text(self, data: bytes) -> None:
        sound = self._codec.media(data)
        if sound is None:
            self._receive_slowly(data)
            return
        sequence, base64 = sound
        if sequence != self._next_sequence:
            self._follow(sequence)
        elif sequence is not None:
            self._next_sequence = sequence + 1
        self._malformed_in_a_row = 0
        self._deliver(AudioFrame(self._input_format, base64=base64))

    def receive_binary(self, data: bytes) -> None:
        if self._binary:
            self._receive_slowly(data)
        else:
            self._receive_malformed()

    def socket_closed(self, code: int, reason: str) -> None:
        self._line.closed(code, reason)
        if self._announced is not None and not self._announced.done():
            self._announced.set_exception(PeerGone("The carrier hung up before the call was announced."))
        logger.info("carrier stream closed", extra={"code": code, **asdict(self.counters)})

    def _drop_early(self, frame: AudioFrame) -> None:
        self.counters.early_frames += 1

    def _drop_late(self, frame: AudioFrame) -> None:
        """The call is over; nothing follows."""

    def _hung_up(self, reason: str) -> None:
        assert self._listener is not None
        self._deliver = self._drop_late
        if self._paced is not None:
            self._paced.close()
        self._listener.hung_up(reason)

    def _receive_slowly(self, data: bytes) -> None:
        if self._line.over:
            return
        try:
            event = self._codec.decode(data)
        except ProtocolError as error:
            if error.code == UNSUPPORTED_FORMAT:
                self._line.fail(UNSUPPORTED, "the sound is in a format that this service does not speak")
            self._receive_malformed()
            return
        self._malformed_in_a_row = 0
        if not isinstance(event, Connected):
            self._follow(event.sequence)
        self._handle(event)

    def _handle(self, event: StreamEvent) -> None:
        assert self._listener is not None
        match event:
            case Media():
                if event.base64:
                    self._deliver(AudioFrame(self._input_format, base64=event.base64))
            case Marked():
                self._receive_mark(event.name)
            case Digit():
                self._listener.dtmf(event.digit)
            case Started():
                self._start(event)
            case Stopped():
                self._line.end("the call ended")
            case Ignored():
                self.counters.ignored += 1
            case Connected():
                pass

    def _start(self, call: Started) -> None:
        assert self._listener is not None
        if self.call is not None:
            self._line.fail(UNSUPPORTED, "a second call on one stream")
            return
        self.call = call
        self._head, self._tail = self._codec.media_envelope(call.stream_id)
        self._deliver = self._listener.receive_frame
        if self._announced is not None and not self._announced.done():
            self._announced.set_result(None)

    def _receive_mark(self, name: str) -> None:
        assert self._listener is not None
        mark = self._queue.mark_returned(name, self._loop.time())
        if mark is not None:
            self._pace_by_the_wire()
            self._listener.played(mark.epoch, mark.position_ms, self._codec.traits.mark_uncertainty_ms)
        elif read_mark_name(name) is None:
            self.counters.foreign_marks += 1
        else:
            self.counters.overtaken_marks += 1

    def _receive_malformed(self) -> None:
        self.counters.malformed += 1
        self._malformed_in_a_row += 1
        if self._malformed_in_a_row >= self._patience and not self._line.over:
            self._line.fail(POLICY, "too many malformed messages")

    def _follow(self, sequence: int | None) -> None:
        if sequence is None:
            return
        if self._next_sequence is not None and sequence != self._next_sequence:
            self.counters.sequence_gaps += 1
        self._next_sequence = sequence + 1
