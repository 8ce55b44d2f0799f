"""One open websocket, driven straight from the loop's read callback.

The rules of RFC 6455 are the `websockets` library's sans-I/O core. Nearly all frames of a voice session are whole,
small and alike, so a whole data frame is opened here and goes to the listener; the core is handed everything else
(control frames, fragments, violations), always in whole frames, and decides about it.
`docs/decisions/001-hot-socket.md` has the measurements.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from websockets.exceptions import ProtocolError as InvalidClose
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import SERVER, Protocol, Side, State

from voice.errors import Misuse
from voice.net.base import SocketLimits, SocketListener
from voice.net.framing import BINARY, MASKED, TEXT, Masks, apply_mask, header
from voice.net.heartbeat import Heartbeat
from voice.net.outbox import Outbox

logger = logging.getLogger(__name__)

# At DEBUG the library would log payloads and credentials, so its logger never goes that low.
wire_logger = logging.getLogger("voice.net.wire")
wire_logger.setLevel(logging.WARNING)

FLUSH_BYTES = 256 * 1024
"""So much is not gathered: it leaves at once, and counts as waiting."""

ABNORMAL, INTERNAL_ERROR, INVALID_DATA, TRY_AGAIN_LATER = 1006, 1011, 1007, 1013
_REASON_BYTES = 123
_RESERVED_OPCODES = frozenset({3, 4, 5, 6, 7, 11, 12, 13, 14, 15})


class WebSocket(asyncio.Protocol):
    """A `Socket` on an asyncio transport whose handshake is done.

    What the listener is told about the end: the code of the close frame that was received; else the code with which
    we failed the connection (1002, 1007, 1009, 1011, 1013); else 1006.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        side: Side,
        listener: SocketListener,
        limits: SocketLimits,
        on_gone: Callable[[], None] | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._listener = listener
        self._limits = limits
        self._on_gone = on_gone
        self._core = Protocol(side, state=State.OPEN, max_size=limits.max_message_bytes, logger=wire_logger)
        self._peer_masks = MASKED if side is SERVER else 0
        self._masks = None if side is SERVER else Masks()
        self._open = True
        self._told = False
        self._flush_due = False
        self._outbox = Outbox.of(self._loop)
        self._outgoing: list[bytes] = []
        self._writing_bytes = 0
        self._most_waiting: int | None = None
        self._partial = bytearray()
        self._wanted = 0
        self._fragments: bytearray | None = None
        self._fragments_are_text = False
        self._gone = asyncio.Event()
        self._deadline: asyncio.TimerHandle | None = None
        self._heartbeat = Heartbeat(limits.ping_interval_s, limits.pong_timeout_s, ping=self._ping, lost=self._lost)
        # The transport calls `pause_writing` when more than this waits: no look at its buffer on each message.
        transport.set_write_buffer_limits(high=limits.max_pending_bytes)
        transport.set_protocol(self)

    # Sending

    def send_text(self, data: bytes) -> None:
        self._send(TEXT, data)

    def send_binary(self, data: bytes) -> None:
        self._send(BINARY, data)

    def _send(self, first: int, data: bytes) -> None:
        if not self._open:
            return
        if self._masks is None:
            self._outgoing += (header(first, len(data)), data)
        else:
            key = self._masks.key()
            self._outgoing += (header(first, len(data), MASKED), key, apply_mask(data, key))
        if len(data) > FLUSH_BYTES:
            self._write()
        elif not self._flush_due:
            self._flush_due = True
            self._outbox.add(self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        self._write()

    def _write(self) -> None:
        if not self._outgoing:
            return
        data = b"".join(self._outgoing)
        self._outgoing.clear()
        if self._transport.is_closing():
            return
        self._writing_bytes = len(data)
        self._transport.write(data)
        if self._most_waiting is not None and self._transport.get_write_buffer_size() > self._most_waiting:
            self._fail(TRY_AGAIN_LATER, "too much is waiting to be sent")

    def _take_from_core(self) -> None:
        """Queue what the core wants to send, behind what is queued; its empty bytes mean end of stream."""
        for data in self._core.data_to_send():
            if data:
                self._outgoing.append(data)
                continue
            self._flush()
            if self._transport.is_closing():
                return
            if self._transport.can_write_eof():
                self._transport.write_eof()
            else:
                self._transport.close()

    @property
    def pending_bytes(self) -> int:
        return self._transport.get_write_buffer_size() + sum(map(len, self._outgoing))

    # Receiving

    def receive_early(self, data: bytes) -> None:
        """Bytes that were read together with the handshake: delivered in the next turn of the loop."""
        self._partial += data
        self._wanted = 0
        self._loop.call_soon(self.data_received, b"")

    def data_received(self, data: bytes) -> None:
        self._heartbeat.heard = True
        if self._partial:
            self._partial += data
            if len(self._partial) < self._wanted:
                return
            data = bytes(self._partial)
            self._partial.clear()
        self._flush_due = True  # whatever is sent in answer leaves when all of this was read
        self._outbox.reading = True
        try:
            start = self._receive_frames(data)
        except Exception:
            # A listener may not raise: its session is in an unknown state, the peer is told.
            logger.exception("socket listener failed")
            self._fail(INTERNAL_ERROR, "internal error")
        else:
            if start < len(data):
                self._keep(data[start:])
        self._outbox.reading = False
        self._flush()
        self._outbox.flush()

    def _keep(self, rest: bytes) -> None:
        """The beginning of a frame, or what still comes while we are hanging up."""
        if self._open:
            self._partial += rest
        else:
            self._feed_core(rest)

    def _receive_frames(self, data: bytes) -> int:
        """Work through whole frames; return where the first incomplete one starts."""
        listener, peer_masks, limit = self._listener, self._peer_masks, self._limits.max_message_bytes
        start, size = 0, len(data)
        while self._open:
            left = size - start
            if left < 2:
                return self._incomplete(data, start, 2)
            first, second = data[start], data[start + 1]
            length, body = second & 0x7F, start + 2
            if length == 126 and left >= 4:
                length, body = data[start + 2] << 8 | data[start + 3], start + 4
            elif length >= 126:
                body += 2 if length == 126 else 8
                if size < body:
                    return self._incomplete(data, start, body - start)
                length = int.from_bytes(data[start + 2 : body], "big")
            if second & MASKED != peer_masks or length > limit:
                return self._violation(data, start)
            if peer_masks:
                body += 4
            stop = body + length
            if size < stop:
                return self._incomplete(data, start, stop - start, length)
            if first == TEXT and self._fragments is None:
                payload = apply_mask(data[body:stop], data[body - 4 : body]) if peer_masks else data[body:stop]
                if payload.isascii() or self._is_utf8(payload):
                    listener.receive_text(payload)
            elif first == BINARY and self._fragments is None:
                payload = apply_mask(data[body:stop], data[body - 4 : body]) if peer_masks else data[body:stop]
                listener.receive_binary(payload)
            else:
                self._feed_core(data[start:stop])
            start = stop
        return start

    def _incomplete(self, data: bytes, start: int, wanted: int, length: int = 0) -> int:
        """The rest of a frame comes later, unless what is here breaks a rule already."""
        if len(data) - start >= 2:
            room = self._limits.max_message_bytes - len(self._fragments or b"")
            wrongly_masked = data[start + 1] & MASKED != self._peer_masks
            if wrongly_masked or data[start] & 0x0F in _RESERVED_OPCODES or length > room:
                return self._violation(data, start)
        self._wanted = wanted
        return start

    def _violation(self, data: bytes, start: int) -> int:
        """Give the core what it will refuse: it says which rule is broken."""
        self._feed_core(data[start:])
        return len(data)

    def _is_utf8(self, payload: bytes) -> bool:
        try:
            payload.decode()
        except UnicodeDecodeError:
            self._fail(INVALID_DATA, "invalid UTF-8")
            return False
        return True

    def _feed_core(self, data: bytes) -> None:
        self._core.receive_data(data)
        for event in self._core.events_received():
            if isinstance(event, Frame):
                self._receive_event(event)
        if self._open and self._core.parser_exc is not None:
            self._fell_out()
        self._take_from_core()

    def _receive_event(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            close = self._core.close_rcvd or Close(ABNORMAL, "")
            self._end(close.code, close.reason)
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT) and self._open:
            self._receive_fragment(frame)

    def _receive_fragment(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.CONT:
            self._fragments = bytearray()
            self._fragments_are_text = frame.opcode is Opcode.TEXT
        assert self._fragments is not None
        self._fragments += frame.data
        if not frame.fin:
            return
        message, self._fragments = bytes(self._fragments), None
        if not self._fragments_are_text:
            self._listener.receive_binary(message)
        elif message.isascii() or self._is_utf8(message):
            self._listener.receive_text(message)

    # The end

    async def close(self, code: int = 1000, reason: str = "") -> None:
        if self._open:
            self._open = False
            try:
                self._core.send_close(code, reason.encode()[:_REASON_BYTES].decode(errors="ignore"))
            except InvalidClose as error:
                self._open = True
                raise Misuse(f"{code} is not a close code that may be sent.") from error
            self._heartbeat.stop()
            self._take_from_core()
            self._flush()
            self._expect_end()
            if self._partial:
                partial = bytes(self._partial)
                self._partial.clear()
                self._feed_core(partial)
        await self._gone.wait()

    def abort(self) -> None:
        """Drop the connection at once, without a word."""
        self._end(ABNORMAL, "")
        self._transport.abort()

    def _fail(self, code: int, reason: str) -> None:
        """The peer broke a rule or a limit, or we broke: say so, read nothing more, hang up."""
        if not self._open:
            return
        self._open = False
        self._core.fail(code, reason)
        self._fell_out()
        self._take_from_core()
        self._flush()

    def _fell_out(self) -> None:
        """The core failed the connection; its close frame is on its way."""
        close = self._core.close_sent or Close(ABNORMAL, "")
        self._end(close.code, close.reason)

    def _end(self, code: int, reason: str) -> None:
        """Tell the listener, once, and give the transport a deadline to be gone."""
        self._open = False
        self._heartbeat.stop()
        self._expect_end()
        if not self._told:
            self._told = True
            try:
                self._listener.socket_closed(code, reason)
            except Exception:
                logger.exception("socket listener failed")

    def _expect_end(self) -> None:
        if self._deadline is None and not self._gone.is_set():
            self._deadline = self._loop.call_later(self._limits.close_timeout_s, self._transport.abort)

    def eof_received(self) -> None:
        self._core.receive_eof()
        if self._open:  # without a word: nothing can be said any more either
            self._end(ABNORMAL, "")

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone.set()
        self._end(ABNORMAL, "" if exc is None else type(exc).__name__)
        if self._deadline is not None:
            self._deadline.cancel()
        self._outgoing.clear()
        if self._on_gone is not None:
            self._on_gone()

    def pause_writing(self) -> None:
        """More waits than may. A single message can be that large (a long recording that was asked for), so the peer is
        given the time to read what was just written, but nothing may gather behind it."""
        self._most_waiting = self._limits.max_pending_bytes + max(self._writing_bytes - FLUSH_BYTES, 0)
        if self._transport.get_write_buffer_size() > self._most_waiting:
            self._fail(TRY_AGAIN_LATER, "too much is waiting to be sent")

    def resume_writing(self) -> None:
        self._most_waiting = None

    # The heartbeat

    def _ping(self) -> None:
        self._core.send_ping(b"")
        self._take_from_core()
        self._flush()

    def _lost(self) -> None:
        """Should the peer be there after all, it learns why; we do not wait for it."""
        self._open = False
        self._core.fail(INTERNAL_ERROR, "keepalive ping timeout")
        self._take_from_core()
        self._flush()
        self._end(ABNORMAL, "keepalive ping timeout")
        self._transport.abort()
