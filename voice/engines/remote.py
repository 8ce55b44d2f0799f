"""An engine behind a websocket: any server that speaks the realtime protocol.

OpenAI, Azure OpenAI, another instance of us. Audio passes in base64 both ways and is never opened here.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from collections.abc import Mapping

from voice.audio.frames import PCM_24K, PCMA_8K, PCMU_8K, AudioFormat, AudioFrame
from voice.engines import refusal
from voice.engines.base import EngineListener
from voice.engines.endpoint import OPENAI_URL, credentials, endpoint, host_of, is_clear_text
from voice.engines.uplink import Uplink
from voice.errors import EngineUnreachable, Misuse, SocketRefused, SocketUnreachable
from voice.net.base import Socket, SocketLimits
from voice.net.client import connect
from voice.protocol.client_events import ClientEvent
from voice.protocol.codec import Unknown, audio_delta, decode_server_event, encode_append, encode_event
from voice.protocol.server_events import ErrorEvent, ResponseCreated, ResponseDone, SessionCreated, SessionUpdated
from voice.protocol.settings import AnyFormat, AudioOutput
from voice.protocol.traits import EngineTraits

logger = logging.getLogger(__name__)

# OpenAI ends a session after an hour; others say what they do in their traits.
HOSTED_SESSION_S = 3600.0
# More than this waiting in the socket: the line is slower than speech, sound is held back here, where it can age.
CONGESTED_BYTES = 256 * 1024
HELD_MS = 10_000.0
_FIXED = {"audio/pcmu": PCMU_8K, "audio/pcma": PCMA_8K}


class RemoteEngine:
    """One connection. `dropped_ms` counts sound that was too old to send when the line had been congested."""

    def __init__(
        self,
        url: str = OPENAI_URL,
        *,
        model: str | None = None,
        api_key: str | None = None,
        key_name: str = "OPENAI_API_KEY",
        headers: Mapping[str, str] | None = None,
        traits: EngineTraits | None = None,
        limits: SocketLimits | None = None,
        open_timeout_s: float = 10.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Raises ConfigError for an address or a key that cannot be right. `key_name` is where the key came from."""
        self._url = endpoint(url, model)
        self._headers = {**credentials(self._url, api_key), **(headers or {})}
        self._host = host_of(self._url)
        self._limits = limits or SocketLimits()
        self._open_timeout_s = open_timeout_s
        self._tls = tls
        self._asked = refusal.Asked(self._host, model, key_name, has_key=bool(api_key))
        hosted = self._host == "api.openai.com" or self._host.endswith((".api.openai.com", ".azure.com"))
        self.traits = traits or EngineTraits(self._host, max_session_s=HOSTED_SESSION_S if hosted else None)
        self.dropped_ms = 0.0
        self._listener: EngineListener | None = None
        self._socket: Socket | None = None
        self._early: list[bytes] | None = []
        self._first: asyncio.Future[bytes | tuple[int, str]] | None = None
        self._ended: tuple[int, str] | None = None
        self._format = PCM_24K
        self._response_formats: dict[str, AudioFormat] = {}
        self._uplink = Uplink()
        self._held: deque[AudioFrame] = deque()
        self._held_ms = 0.0

    # The connection

    async def open(self, listener: EngineListener) -> None:
        """Connected means that the server said `session.created`; the listener hears it right after this returns."""
        if self._first is not None:
            raise Misuse("An engine is opened once.")
        loop = asyncio.get_running_loop()
        self._first = loop.create_future()
        self._listener = listener
        if "Authorization" in self._headers and is_clear_text(self._url):
            logger.warning("the key travels unencrypted", extra={"host": self._host})
        try:
            self._socket = await self._connect()
            await self._hear_the_first()
        except BaseException:
            self._listener = None
            if self._socket is not None:
                await self._socket.close()
            raise
        loop.call_soon(self._release)

    async def _connect(self) -> Socket:
        try:
            return await connect(
                self._url,
                listener=self,
                headers=self._headers,
                limits=self._limits,
                open_timeout_s=self._open_timeout_s,
                tls=self._tls,
            )
        except SocketRefused as refused:
            raise refusal.of_status(refused, self._asked) from refused
        except SocketUnreachable as unreachable:
            fix = "Check the engine's address and the network."
            raise EngineUnreachable(unreachable.message, fix=fix, detail=unreachable.detail) from unreachable

    async def _hear_the_first(self) -> None:
        """`session.created`, or the error that a server says in its place before it hangs up."""
        assert self._first is not None
        try:
            first = await asyncio.wait_for(self._first, self._open_timeout_s)
        except TimeoutError as error:
            raise EngineUnreachable(
                f"{self._host} opened the socket and then said nothing.", fix="Check the engine's address."
            ) from error
        if isinstance(first, tuple):
            raise refusal.of_close(*first, self._asked)
        event = decode_server_event(first)
        if isinstance(event, ErrorEvent):
            code = event.error.code or event.error.type
            raise refusal.of_code(code.rpartition(".")[2], event.error.message, self._asked)

    def _release(self) -> None:
        """Deliver what came while `open` was still on its way back to its caller."""
        early, self._early = self._early or [], None
        for data in early:
            self.receive_text(data)
        if self._ended is not None:
            self._tell_end(*self._ended)

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()

    # Sending

    def send(self, event: ClientEvent) -> None:
        socket = self._opened()
        if (gathered := self._uplink.flush()) is not None:
            self._append(gathered)
        if self._held:
            self._send_held(all_of_it=True)  # an event never overtakes the sound it is about
        socket.send_text(encode_event(event))

    def send_audio(self, frame: AudioFrame) -> None:
        now = self._uplink.take(frame)
        if now is not None:
            self._append(now)

    def _append(self, frame: AudioFrame) -> None:
        socket = self._opened()
        if self._held or socket.pending_bytes > CONGESTED_BYTES:
            self._hold(frame)
        else:
            socket.send_text(encode_append(frame.base64))

    def _opened(self) -> Socket:
        if self._socket is None:
            raise Misuse("The engine is not open.")
        return self._socket

    def _hold(self, frame: AudioFrame) -> None:
        """Queue sound that the line cannot take now; the oldest gives way."""
        self._held.append(frame)
        self._held_ms += frame.duration_ms
        while self._held_ms > HELD_MS:
            oldest = self._held.popleft()
            self._held_ms -= oldest.duration_ms
            self.dropped_ms += oldest.duration_ms
        self._send_held()

    def _send_held(self, *, all_of_it: bool = False) -> None:
        socket = self._opened()
        while self._held and (all_of_it or socket.pending_bytes <= CONGESTED_BYTES):
            frame = self._held.popleft()
            self._held_ms -= frame.duration_ms
            socket.send_text(encode_append(frame.base64))

    # Receiving: what the socket calls

    def receive_text(self, data: bytes) -> None:
        if self._early is not None:
            self._early.append(data)
            if self._first is not None and not self._first.done():
                self._first.set_result(data)
            return
        listener = self._listener
        if listener is None:
            return
        delta = audio_delta(data)
        if delta is None:
            self._receive_event(listener, data)
            return
        response_id, item_id, output_index, content_index, base64 = delta
        format = self._response_formats.get(response_id, self._format) if self._response_formats else self._format
        listener.receive_audio(response_id, item_id, output_index, content_index, AudioFrame(format, base64=base64))

    def _receive_event(self, listener: EngineListener, data: bytes) -> None:
        event = decode_server_event(data)
        if isinstance(event, SessionCreated | SessionUpdated):
            audio = getattr(event.session, "audio", None)
            self._format = _format(audio.output if audio else None) or self._format
        elif isinstance(event, ResponseCreated):
            audio = event.response.audio
            format = _format(audio.output if audio else None)
            if format is not None and format != self._format:
                self._response_formats[event.response.id] = format
        elif isinstance(event, ResponseDone):
            self._response_formats.pop(event.response.id, None)
        if not isinstance(event, Unknown):
            self._uplink.receive_event(event)
        listener.receive_event(event)

    def receive_binary(self, data: bytes) -> None:
        """The protocol has no binary messages; one more way to be surprised without harm."""
        logger.warning("binary message ignored", extra={"host": self._host, "size_bytes": len(data)})

    def socket_closed(self, code: int, reason: str) -> None:
        if self._first is not None and not self._first.done():
            self._first.set_result((code, reason))
        self._ended = (code, reason)
        if self._early is None:
            self._tell_end(code, reason)

    def _tell_end(self, code: int, reason: str) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.engine_closed(code, reason)


def _format(output: AudioOutput | None) -> AudioFormat | None:
    """The wire's name of a format as ours; None when it is not said or not known."""
    said: AnyFormat | None = output.format if output is not None else None
    if said is None:
        return None
    if said.type == "audio/pcm":
        rate = getattr(said, "rate", None)
        return AudioFormat("pcm16", rate) if isinstance(rate, int) and rate > 0 else PCM_24K
    return _FIXED.get(said.type)
