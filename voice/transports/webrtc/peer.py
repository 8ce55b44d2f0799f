"""The connection itself: ICE, DTLS and the data channel by aiortc, the sound by ourselves.

See `parts` for what is touched of aiortc's inside, and `docs/decisions` for why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from voice.transports.webrtc import parts, relay
from voice.transports.webrtc.offer import (
    Offer,
    finish_answer,
    opus_payload_type,
    read_offer,
    refuse,
    with_other_ice,
)
from voice.transports.webrtc.path import Path
from voice.transports.webrtc.settings import RtcSettings
from voice.transports.webrtc.sockets import gather_by

_STEP_S = 5.0


class Peer:
    """One answered offer. `ready` is set when sound can flow; `on_gone` is told when DTLS has ended."""

    def __init__(self, settings: RtcSettings, receive_media: Callable[[bytes], None], on_gone: Callable[[], None]):
        from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCRtpSender

        self.ready = asyncio.Event()
        self.answer_sdp = ""
        self.restarts = 0
        self._settings = settings
        self._on_gone = on_gone
        self._offer: Offer | None = None
        self._restart: asyncio.Task[None] | None = None
        self._connection = RTCPeerConnection(
            RTCConfiguration(
                iceServers=_servers(settings),
                iceTransportPolicy=_policy(settings),
                bundlePolicy=RTCBundlePolicy.MAX_BUNDLE,
            )
        )
        self._transceiver = self._connection.addTransceiver("audio", "sendrecv")
        opus = [codec for codec in RTCRtpSender.getCapabilities("audio").codecs if codec.mimeType == "audio/opus"]
        self._transceiver.setCodecPreferences(opus)
        parts.divert_media(self._transceiver, self.ready.set)
        self.dtls: Any = self._transceiver.receiver.transport
        self._ice: Any = self.dtls.transport
        self.path = Path(self._ice, receive_media)
        self._gatherer = gather_by(settings, self.path.connection)
        self.ssrc = parts.sender_ssrc(self._transceiver)
        self.dtls.on("statechange", self._dtls_changed)

    @property
    def payload_type(self) -> int:
        return opus_payload_type(self.answer_sdp)

    @property
    def has_channel(self) -> bool:
        return self._offer is not None and self._offer.has_channel

    @property
    def unfinished_bytes(self) -> int:
        """What came of messages that have not ended yet."""
        return parts.unfinished_bytes(self._connection.sctp)

    def on_channel(self, opened: Callable[[Any], None]) -> None:
        """Tell whoever waits for the client's data channels."""
        self._connection.on("datachannel", opened)

    async def answer(self, sdp: str) -> None:
        """Read the offer and write `answer_sdp`. Raises ProtocolError; Busy without a free port, RelayUnusable."""
        from aiortc import RTCSessionDescription

        offer = read_offer(sdp)
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(offer.sdp, "offer"))
            await self._connection.setLocalDescription()
        except Exception as error:  # aiortc reads an offer with int(), split() and assert: anything may come of it
            raise refuse("The offer cannot be read.") from error
        if not self._ice.iceGatherer.getLocalCandidates():
            raise self._gatherer.why_none()
        self._offer = offer
        self.answer_sdp = finish_answer(self._connection.localDescription.sdp, fec=self._settings.fec)

    async def renegotiate(self, sdp: str) -> str:
        """A second offer on the same call: over new addresses when it asks for an ICE restart, else the same answer."""
        offer = read_offer(sdp)
        assert self._offer is not None
        if (offer.username, offer.password) == (self._offer.username, self._offer.password):
            return self.answer_sdp
        if offer.has_channel != self._offer.has_channel:
            raise refuse("A second offer has the same sections as the first.")
        if self._restart is not None:
            self._restart.cancel()
        connection = await self._gathered(offer)
        candidates = [candidate.to_sdp() for candidate in connection.local_candidates]
        self.answer_sdp = with_other_ice(
            self.answer_sdp, connection.local_username, connection.local_password, candidates
        )
        self._offer = offer
        self._restart = asyncio.get_running_loop().create_task(self._move(connection), name="ice restart")
        return self.answer_sdp

    @property
    def moving(self) -> bool:
        """Whether other addresses are being tried."""
        return self._restart is not None and not self._restart.done()

    async def close(self) -> None:
        """DTLS and ICE say good-bye; no socket is left. In time, whatever state things are in."""
        if self._restart is not None:
            self._restart.cancel()
            await asyncio.wait([self._restart])
        closing = asyncio.get_running_loop().create_task(self._connection.close(), name="close peer connection")
        await asyncio.sleep(0)  # its farewell goes out first
        self.path.close()
        with relay.farewell(self.path.connection):
            await asyncio.wait([closing], timeout=_STEP_S)
            await self.path.connection.close()

    async def _gathered(self, offer: Offer) -> Any:
        """A fresh ICE connection towards what this offer says of its sender."""
        from aioice import Candidate, Connection

        before = self.path.connection
        connection = Connection(
            ice_controlling=False,
            stun_server=before.stun_server,
            turn_server=before.turn_server,
            turn_username=before.turn_username,
            turn_password=before.turn_password,
            turn_ssl=before.turn_ssl,
            turn_transport=before.turn_transport,
            transport_policy=_relay_or_all(self._settings),
        )
        gatherer = gather_by(self._settings, connection)
        connection.remote_username, connection.remote_password = offer.username, offer.password
        try:
            await connection.gather_candidates()
            for candidate in offer.candidates:
                await connection.add_remote_candidate(Candidate.from_sdp(candidate))
        except Exception as error:
            await relay.close(connection)
            raise refuse("The offer's candidates cannot be read.") from error
        if not connection.local_candidates:
            await relay.close(connection)
            raise gatherer.why_none()
        return connection

    async def _move(self, connection: Any) -> None:
        """Find a pair, then go over to it. Without one all stays as it was."""
        try:
            async with asyncio.timeout(self._settings.connect_s):
                await connection.connect()
        except (ConnectionError, TimeoutError):
            await relay.close(connection)
            return
        except asyncio.CancelledError:
            await relay.close(connection)
            raise
        self.restarts += 1
        await self.path.take_over(connection)

    def _dtls_changed(self) -> None:
        if self.dtls.state in ("closed", "failed"):
            self._on_gone()


def _servers(settings: RtcSettings) -> list[Any]:
    """None unless configured: aiortc would ask a public one if it were told nothing."""
    from aiortc import RTCIceServer

    return [
        RTCIceServer(url, username=settings.ice_username or None, credential=settings.ice_credential or None)
        for url in settings.ice_servers
    ]


def _policy(settings: RtcSettings) -> Any:
    from aiortc import RTCIceTransportPolicy

    return RTCIceTransportPolicy.RELAY if settings.relay_only else RTCIceTransportPolicy.ALL


def _relay_or_all(settings: RtcSettings) -> Any:
    from aioice import TransportPolicy

    return TransportPolicy.RELAY if settings.relay_only else TransportPolicy.ALL
