"""A browser over WebRTC: a realtime client whose sound we play.

Events go over the data channel (`channel`), the person's sound comes and ours goes as Opus in SRTP (`incoming`,
`outgoing`). What is known of the other side's ear is in `far_ear`. Somebody of whom nothing comes is asked for a sign
of life every second, and is gone after `lost_after_s` without one.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any

from voice.audio.frames import PCM_24K, AudioFrame
from voice.audio.gain import DUCK_MS, RESTORE_MS
from voice.audio.jitter import JitterCounters
from voice.errors import Misuse, PeerGone
from voice.protocol.client_events import ClientEvent, SessionUpdate
from voice.protocol.codec import Unknown
from voice.protocol.server_events import ResponseDone, ServerEvent
from voice.transports.base import TransportListener, TransportTraits
from voice.transports.fitting import Fitting
from voice.transports.webrtc import codecs, parts
from voice.transports.webrtc.channel import EventChannel
from voice.transports.webrtc.formats import without_formats
from voice.transports.webrtc.incoming import Incoming
from voice.transports.webrtc.media import Media
from voice.transports.webrtc.outgoing import FRAME_MS, Outgoing
from voice.transports.webrtc.peer import Peer
from voice.transports.webrtc.playout import BufferEvents, Playout
from voice.transports.webrtc.settings import RtcSettings

logger = logging.getLogger(__name__)

_LOOK_EVERY_S = 1.0
_MOST_UNFINISHED_BYTES = 1024 * 1024


async def answer_offer(offer_sdp: str, settings: RtcSettings) -> WebRtcTransport:
    """Answer a client's offer. Raises ProtocolError for a bad one, Busy without a free port, RelayUnusable where
    only a relay may be used and none is to be had, ExtraMissing."""
    await parts.load()
    transport = WebRtcTransport(settings)
    try:
        await transport.answer(offer_sdp)
    except BaseException:
        await transport.close()
        raise
    return transport


class WebRtcTransport:
    """One call. Made by `answer_offer`; `open` returns when sound can flow both ways."""

    def __init__(self, settings: RtcSettings) -> None:
        self.traits = TransportTraits("webrtc", PCM_24K, PCM_24K, "reports", realtime=True, can_duck=True)
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._listener: TransportListener | None = None
        self._closing: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._over = False
        self._reason = ""
        self._fitting = Fitting(PCM_24K)
        self._playout = Playout()
        self._peer = Peer(settings, self._receive_media, self._peer_gone)
        self._channel = EventChannel(self._client_said, self._hang_up)
        self._events = BufferEvents(self._say)
        self.said: Callable[[ServerEvent], None] = lambda event: None
        """Is told what we say to the client by ourselves; whoever attends the call wants to know it too."""
        self._media: Media | None = None
        self._incoming: Incoming | None = None
        self._outgoing: Outgoing | None = None

    async def answer(self, offer_sdp: str) -> None:
        """Once, before all else."""
        await self._peer.answer(offer_sdp)
        self._peer.on_channel(self._channel.open)
        self._channel.expected = self._peer.has_channel

    @property
    def answer_sdp(self) -> str:
        """What the client is answered, as `application/sdp`."""
        return self._peer.answer_sdp

    @property
    def restarts(self) -> int:
        """How often the call has moved to other addresses."""
        return self._peer.restarts

    @property
    def counters(self) -> JitterCounters:
        """What happened to the packets of the person's sound."""
        return self._incoming.jitter.counters if self._incoming is not None else JitterCounters()

    @property
    def held_ms(self) -> float:
        """What has left us is heard, whatever we do: between two packets half a packet more or less."""
        return self._outgoing.far_ear.delay_ms + FRAME_MS / 2 if self._outgoing is not None else 0.0

    async def renegotiate(self, offer_sdp: str) -> str:
        """A second offer on the same call (an ICE restart): its answer. Raises ProtocolError, Busy, PeerGone."""
        if self._over:
            raise PeerGone("The call is over.")
        return await self._peer.renegotiate(offer_sdp)

    # What the session tells it

    async def open(self, listener: TransportListener) -> None:
        """Wait for the connection. Raises PeerGone when it does not come to stand in time."""
        if self._listener is not None:
            raise Misuse("A transport is opened once.")
        self._listener = listener
        try:
            async with asyncio.timeout(self._settings.connect_s):
                await self._peer.ready.wait()
        except TimeoutError:
            await self.close()
            raise PeerGone("The client's connection did not come to stand.") from None
        if self._over:
            raise PeerGone("The client hung up before the call began.")
        self._begin(listener)

    def play(self, response_id: str, item_id: str, output_index: int, content_index: int, frame: AudioFrame) -> None:
        self._playout.put(response_id, self._fitting.fit(frame).data)
        if self._outgoing is not None:
            self._outgoing.wake()

    def mark(self, epoch: int, position_ms: float) -> None:
        """Positions are reported as they are reached."""

    def stop_playback(self, epoch: int) -> None:
        """From the next frame on there is silence; what has left is heard, and reported with the epoch before."""
        self._fitting.reset()
        self._playout.clear(epoch)
        self._events.cleared()

    def duck(self, gain_db: float) -> bool:
        self._playout.fade_to(gain_db, DUCK_MS)
        return True

    def restore(self) -> None:
        self._playout.fade_to(0.0, RESTORE_MS)

    def send_event(self, event: ServerEvent | Unknown) -> None:
        self._channel.send(event)
        if isinstance(event, ResponseDone):
            self._events.response_done(event.response.id, dry=not self._playout.waiting_bytes)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self._end(reason or "closed")
        if self._closing is None:
            self._closing = self._loop.create_task(self._close(), name="hang up")
        await asyncio.shield(self._closing)

    def _say(self, event: ServerEvent) -> None:
        self._channel.send(event)
        self.said(event)

    # The connection

    def _begin(self, listener: TransportListener) -> None:
        settings = self._settings
        self._media = Media(self._peer.ssrc, self._peer.payload_type, self._peer.path.send, self._receive_packet)
        self._media.begin(self._peer.dtls)
        self._incoming = Incoming(codecs.new_decoder(), listener.receive_frame)
        encoder = codecs.new_encoder(bitrate=settings.bitrate, complexity=settings.complexity, fec=settings.fec)
        self._outgoing = Outgoing(
            self._playout, self._events, encoder, self._media.send, self._played, self._broke, dtx=settings.dtx
        )
        self._outgoing.begin()
        self._watching = self._loop.create_task(self._watch(self._media, self._outgoing), name="watch peer")
        self._watching.add_done_callback(self._watched)

    async def _watch(self, media: Media, outgoing: Outgoing) -> None:
        """Every second or so: reports both ways, and whether anybody is there."""
        path = self._peer.path
        while not self._over:
            await asyncio.sleep(_LOOK_EVERY_S * (0.75 + 0.5 * random.random()))
            now_s = self._loop.time()
            media.report(now_s)
            outgoing.learn(media.round_trip_s, media.far_jitter_ms, media.lost_share)
            silent_s = now_s - path.heard_at_s
            if self._peer.unfinished_bytes > _MOST_UNFINISHED_BYTES:
                self._hang_up("the client sends a message without an end")
            elif media.ended:
                self._hang_up("the client ended its sound")
            elif silent_s > self._settings.lost_after_s and not self._peer.moving:
                self._hang_up("nothing is heard of the client any more")
            elif silent_s > _LOOK_EVERY_S:
                await self._probe()

    def _watched(self, task: asyncio.Task[None]) -> None:
        """Nobody is left unwatched: when the watch itself breaks, the call ends."""
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._broke(error)

    def _broke(self, error: Exception) -> None:
        logger.error("a call broke", exc_info=error)
        self._hang_up("internal error")

    async def _probe(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_EVERY_S):
                await self._peer.path.probe()
        except TimeoutError:
            pass

    def _receive_media(self, data: bytes) -> None:
        if self._media is not None and not self._over:
            self._media.receive_datagram(data, self._loop.time())

    def _receive_packet(self, sequence: int, timestamp: int, payload: bytes) -> None:
        if self._incoming is not None:
            self._incoming.receive(sequence, timestamp, payload)

    def _client_said(self, event: ClientEvent) -> None:
        if self._listener is None or self._over:
            return
        if isinstance(event, SessionUpdate):
            event = without_formats(event)
        self._listener.client_said(event)

    def _played(self, epoch: int, position_ms: float, uncertainty_ms: float) -> None:
        if self._listener is not None and not self._over:
            self._listener.played(epoch, position_ms, uncertainty_ms)

    # The end

    def _peer_gone(self) -> None:
        self._hang_up("the client hung up")

    def _hang_up(self, reason: str) -> None:
        """Something ended the call from within: say so, and take all apart."""
        if not self._over:
            self._end(reason)
            self._closing = self._loop.create_task(self._close(), name="hang up")

    def _end(self, reason: str) -> None:
        if self._over:
            return
        self._over = True
        self._reason = reason
        self._peer.ready.set()
        if self._outgoing is not None:
            self._outgoing.end()
        if self._incoming is not None:
            self._incoming.end()
        if self._listener is not None:
            self._listener.hung_up(reason)

    async def _close(self) -> None:
        self._channel.close()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        if self._media is not None:
            self._media.end()
        await self._peer.close()
        logger.info("call closed", extra=self._figures())

    def _figures(self) -> dict[str, Any]:
        """What the call was like, without anything of what was said."""
        counters = self.counters
        return {
            "reason": self._reason,
            "refusals": self._channel.refusals,
            "withheld_events": self._channel.withheld,
            "ice_restarts": self._peer.restarts,
            "packets_heard": counters.heard,
            "packets_lost": counters.lost,
            "packets_late": counters.late,
            "refused_frames": self._playout.refused_frames,
        }
