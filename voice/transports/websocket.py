"""A realtime client: the server's side of `WS /v1/realtime`.

Rules of this end:

- Nothing that is sent to a client is ever dropped, because its sound must be whole. A client that does not read
  fills its socket's queue (`SocketLimits.max_pending_bytes`) and is closed with 1013.
- A message that we refuse is answered with an `error` event that echoes its `event_id`; the session lives.
  `patience` refusals in a row close with 1008.
- Sound that is not base64 is such a refusal: the codec's quick look deletes the alphabet from the text (1.5 µs for
  20 ms of PCM; decoding it would be 5.8 µs), so that nothing unreadable goes any further.
- What is larger than `SocketLimits.max_message_bytes` is closed with 1009, by the socket.
- A client plays by itself, and no event of the protocol tells it how loud: `duck` and `restore` do nothing here, and
  the traits say so. An event of our own would reach clients that take an unknown type for an error.
- A drain closes with 1001, our own failure with 1011, the ordinary end with 1000.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from voice.audio.frames import PCM_24K, PCMA_8K, PCMU_8K, AudioFormat, AudioFrame
from voice.errors import ProtocolError
from voice.net.base import PendingSocket
from voice.protocol import codec
from voice.protocol.client_events import (
    ClientEvent,
    InputAudioBufferAppend,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    SessionUpdate,
)
from voice.protocol.server_events import ErrorDetail, ErrorEvent, ServerEvent, SessionCreated, SessionUpdated
from voice.transports.base import TransportListener, TransportTraits
from voice.transports.fitting import Fitting
from voice.transports.line import POLICY, Line

_FORMATS = {"audio/pcm": PCM_24K, "audio/pcmu": PCMU_8K, "audio/pcma": PCMA_8K}


class SoundFormats:
    """Which formats the client speaks and hears, by its own updates and the session's answers.

    A client may append in a new format right behind its `session.update`, before the answer can have reached it. So
    its word counts while any of its updates is unanswered, and the session's word afterwards: a refused change is
    taken back by the refusal, an older answer takes nothing back.
    """

    def __init__(self, input: AudioFormat = PCM_24K, output: AudioFormat = PCM_24K) -> None:
        self.input = input
        self.output = output
        self._agreed = (input, output)
        self._unanswered: list[str | None] = []

    def asked(self, update: SessionUpdate) -> None:
        """The client sent an update."""
        self._unanswered.append(update.event_id)
        self.input, self.output = _formats_of(update, self.input, self.output)

    def answered(self, event: SessionCreated | SessionUpdated) -> None:
        """The session says how things are."""
        self._agreed = _formats_of(event, *self._agreed)
        if isinstance(event, SessionUpdated) and self._unanswered:
            self._unanswered.pop(0)
        self._settle()

    def refused(self, error: ErrorEvent) -> None:
        """The session refused something; perhaps an update."""
        detail = error.error
        if detail.event_id is not None and detail.event_id in self._unanswered:
            self._unanswered.remove(detail.event_id)
            self._settle()
        elif None in self._unanswered and (detail.param or "").startswith("session"):
            self._unanswered.remove(None)
            self._settle()

    def _settle(self) -> None:
        if not self._unanswered:
            self.input, self.output = self._agreed


class RealtimeTransport:
    """One realtime client behind a socket that somebody asks to open."""

    def __init__(
        self,
        pending: PendingSocket,
        *,
        patience: int = 1000,
        id_prefix: str | None = None,
    ) -> None:
        self.traits = TransportTraits("realtime", PCM_24K, PCM_24K, "client", realtime=True, can_duck=False)
        self.refusals = 0
        self._line = Line(pending)
        # Browser clients offer this beside one that carries their key; no other may be answered.
        self._subprotocol = "realtime" if "realtime" in pending.subprotocols else None
        self._patience = patience
        self._prefix = f"event_{secrets.token_hex(6) if id_prefix is None else id_prefix}"
        self._sent = 0
        self._refused_in_a_row = 0
        self._formats = SoundFormats()
        self._fitting = Fitting(PCM_24K)
        self._half = b""
        self._listener: TransportListener | None = None

    @property
    def held_ms(self) -> float:
        """The client keeps that account too."""
        return 0.0

    # What the session tells it

    async def open(self, listener: TransportListener) -> None:
        """Accept the socket. Raises PeerGone when the client went away before."""
        self._listener = listener
        self._line.accept(self, listener.hung_up, subprotocol=self._subprotocol)

    def play(self, response_id: str, item_id: str, output_index: int, content_index: int, frame: AudioFrame) -> None:
        sound = self._fitting.fit(frame).base64
        if sound:
            self._line.send_text(
                codec.encode_audio_delta(self._next_id(), response_id, item_id, output_index, content_index, sound)
            )

    def mark(self, epoch: int, position_ms: float) -> None:
        """A client keeps its own account of what was heard."""

    def stop_playback(self, epoch: int) -> None:
        """A client stops its own loudspeaker; only what is still inside the conversion is ours to drop."""
        self._fitting.reset()

    def duck(self, gain_db: float) -> bool:
        """The level is the client's."""
        return False

    def restore(self) -> None:
        """The level is the client's."""

    def send_event(self, event: ServerEvent | codec.Unknown) -> None:
        if isinstance(event, SessionCreated | SessionUpdated):
            self._formats.answered(event)
            self._take_formats()
        elif isinstance(event, ErrorEvent):
            self._formats.refused(event)
            self._take_formats()
        self._emit(event)

    def _emit(self, event: ServerEvent | codec.Unknown) -> None:
        if not isinstance(event, codec.Unknown) and event.event_id == "":
            event = event.model_copy(update={"event_id": self._next_id()})
        self._line.send_text(codec.encode_event(event))

    async def close(self, code: int = 1000, reason: str = "") -> None:
        await self._line.close(code, reason)

    # What the client says

    def receive_text(self, data: bytes) -> None:
        if self._line.over:
            return
        sound = codec.append_payload(data)
        if sound is not None:
            self._refused_in_a_row = 0
            self._receive_sound(sound)
            return
        try:
            self._receive_event(codec.decode_client_event(data))
            self._refused_in_a_row = 0
        except ProtocolError as error:
            self._refuse(error)

    def receive_binary(self, data: bytes) -> None:
        if not self._line.over:
            self._refuse(ProtocolError("Events are JSON in text messages; this one is binary.", code="invalid_event"))

    def socket_closed(self, code: int, reason: str) -> None:
        self._line.closed(code, reason)

    def _receive_event(self, event: ClientEvent) -> None:
        assert self._listener is not None
        if isinstance(event, InputAudioBufferAppend):
            self._receive_sound(event.audio.encode())
            return
        if isinstance(event, SessionUpdate):
            self._formats.asked(event)
            self._take_formats()
        elif isinstance(event, InputAudioBufferCommit | InputAudioBufferClear):
            self._half = b""
        self._listener.client_said(event)

    def _receive_sound(self, base64: bytes) -> None:
        assert self._listener is not None
        if not base64:
            return
        frame = AudioFrame(self._formats.input, base64=base64)
        if self._half or (_is_odd(base64) and frame.format.sample_bytes == 2):
            frame = self._in_whole_samples(frame)
        self._listener.receive_frame(frame)

    def _in_whole_samples(self, frame: AudioFrame) -> AudioFrame:
        """A client may cut its sound anywhere: half a sample waits for its other half."""
        data = self._half + frame.data
        whole = len(data) & ~1
        self._half = data[whole:]
        return AudioFrame(frame.format, data[:whole])

    def _take_formats(self) -> None:
        formats, traits = self._formats, self.traits
        if formats.input != traits.input_format:
            self._half = b""
        if formats.output != traits.output_format:
            self._fitting = Fitting(formats.output)
        if (formats.input, formats.output) != (traits.input_format, traits.output_format):
            self.traits = replace(traits, input_format=formats.input, output_format=formats.output)

    def _refuse(self, error: ProtocolError) -> None:
        self.refusals += 1
        self._refused_in_a_row += 1
        detail = ErrorDetail(
            type=error.type, code=error.code, message=error.message, param=error.param, event_id=error.event_id
        )
        self._emit(ErrorEvent(error=detail))
        if self._refused_in_a_row >= self._patience:
            self._line.fail(POLICY, "too many invalid events in a row")

    def _next_id(self) -> str:
        self._sent += 1
        return f"{self._prefix}{self._sent:08x}"


def _is_odd(base64: bytes) -> bool:
    """Does this text stand for an odd number of bytes?"""
    padding = 0 if not base64.endswith(b"=") else 2 if base64.endswith(b"==") else 1
    return bool((len(base64) // 4 * 3 - padding) & 1)


def _formats_of(
    event: SessionUpdate | SessionCreated | SessionUpdated, input: AudioFormat, output: AudioFormat
) -> tuple[AudioFormat, AudioFormat]:
    """The formats an event names; what it does not name stays."""
    audio = getattr(event.session, "audio", None)
    return _format_in(getattr(audio, "input", None), input), _format_in(getattr(audio, "output", None), output)


def _format_in(side: object, default: AudioFormat) -> AudioFormat:
    named = getattr(getattr(side, "format", None), "type", None)
    return _FORMATS.get(named, default) if isinstance(named, str) else default
