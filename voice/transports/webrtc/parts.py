"""The parts of aiortc and aioice that this package touches although they are not promised to stay.

All of them are named here and nowhere else. `check` looks at each; a release that changes one is told by the name of
what is missing. Why they are needed is in `docs/decisions/008-webrtc-on-aiortc.md`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

from voice.errors import ExtraMissing, TransportError
from voice.protocol.codec import build_models
from voice.transports.webrtc.opus import library

TESTED = {"aiortc": "1.16", "aioice": "0.13"}
"""The releases whose inside this was written for."""


def srtp_of(dtls: Any) -> tuple[Any, Any]:
    """The sessions that open and close SRTP, (None, None) before the handshake is over."""
    return dtls._rx_srtp, dtls._tx_srtp


def ice_connection(ice: Any) -> Any:
    """aioice's connection below an ICE transport."""
    return ice._connection


def replace_connection(ice: Any, connection: Any) -> None:
    """From now on closing the transport closes this one."""
    ice._connection = connection
    ice.iceGatherer._connection = connection


def divert_datagrams(connection: Any, received: Callable[[bytes, int], None]) -> None:
    """Give what is not STUN to `received` instead of the connection's own queue."""
    connection.data_received = received


def divert_ice(ice: Any, receive: Callable[[], Awaitable[bytes]], send: Callable[[bytes], Awaitable[None]]) -> None:
    """Let DTLS read and write here."""
    ice._recv, ice._send = receive, send


def divert_gathering(connection: Any, gather: Callable[..., Awaitable[list[Any]]]) -> None:
    """Gather candidates with this."""
    connection.get_component_candidates = gather


def add_protocol(connection: Any, protocol: Any) -> None:
    """One more socket to check pairs from."""
    connection._protocols.append(protocol)


def protocols(connection: Any) -> list[Any]:
    """Its sockets and relays."""
    return list(connection._protocols)


def forget_relays(protocols: list[Any]) -> None:
    """Relays that are being given back are closed without the server's consent."""
    for protocol in protocols:
        closing = getattr(protocol.transport, "_TurnTransport__close_task", None)
        if closing is not None:
            closing.cancel()


def nominated_pair(connection: Any) -> Any:
    """The pair in use, or None."""
    return connection._nominated.get(1)


def divert_media(transceiver: Any, start: Callable[[], None]) -> None:
    """Neither aiortc's sender nor its receiver begins; `start` is called when they would."""

    async def begin(parameters: object) -> None:
        start()

    transceiver.sender.send = begin
    transceiver.receiver.receive = begin


def sender_ssrc(transceiver: Any) -> int:
    """The number that the answer gives our stream."""
    return int(transceiver.sender._ssrc)


def unfinished_bytes(sctp: Any) -> int:
    """What came of messages on data channels that have not ended yet; aiortc keeps it however much it is."""
    if sctp is None:
        return 0
    return sum(len(chunk.user_data) for stream in sctp._inbound_streams.values() for chunk in stream.reassembly)


def remote_password(connection: Any) -> str:
    """What signs connectivity checks; empty before the other side's is known."""
    return connection.remote_password or ""


_known_good: list[bool] = []


def _import() -> None:
    import_module("aiortc")
    library()
    build_models()


async def load() -> None:
    """Import aiortc and open libopus, on a thread because that takes its time, and look at aiortc's inside; once.

    Raises ExtraMissing, or TransportError when the inside is not the one we know."""
    if _known_good:
        return
    try:
        await asyncio.to_thread(_import)
    except ModuleNotFoundError as error:
        raise ExtraMissing("aiortc", "webrtc") from error
    missing = check()
    if missing:
        raise TransportError(
            f"This release of aiortc is not one that we know: {missing[0]} is not there.",
            fix="Install the one that works with: pip install 'voice[webrtc]'",
            detail=", ".join(missing),
        )
    _known_good.append(True)


def check() -> list[str]:
    """Which of the parts are missing from the installed aiortc and aioice. Opens no socket; needs a running loop."""
    import aioice.ice
    from aioice.turn import TurnClientUdpProtocol, TurnTransport
    from aiortc import (
        RTCDtlsTransport,
        RTCIceGatherer,
        RTCIceTransport,
        RTCRtpReceiver,
        RTCRtpSender,
        RTCSctpTransport,
    )
    from aiortc.rtcdtlstransport import RTCCertificate
    from aiortc.rtcsctptransport import InboundStream

    gatherer = RTCIceGatherer(iceServers=[])
    ice = RTCIceTransport(gatherer)
    dtls = RTCDtlsTransport(ice, [RTCCertificate.generateCertificate()])
    wanted: list[tuple[str, Any, str]] = [
        *(("RTCDtlsTransport", dtls, name) for name in ("_rx_srtp", "_tx_srtp")),
        *(("RTCIceTransport", ice, name) for name in ("_connection", "_recv", "_send")),
        ("RTCIceGatherer", gatherer, "_connection"),
        ("RTCRtpSender", RTCRtpSender("audio", dtls), "_ssrc"),
        ("RTCRtpSender", RTCRtpSender, "send"),
        ("RTCRtpReceiver", RTCRtpReceiver, "receive"),
        ("RTCSctpTransport", RTCSctpTransport(dtls), "_inbound_streams"),
        ("InboundStream", InboundStream(), "reassembly"),
        ("TurnTransport", TurnTransport(TurnClientUdpProtocol(("", 0), "", "", 0, 0)), "_TurnTransport__close_task"),
        *(
            ("aioice.Connection", ice_connection(ice), name)
            for name in (
                "data_received",
                "get_component_candidates",
                "build_request",
                "_protocols",
                "_nominated",
                "remote_password",
            )
        ),
        *(
            ("aioice.ice", aioice.ice, name)
            for name in ("StunProtocol", "get_host_addresses", "server_reflexive_candidate", "relayed_candidate")
        ),
    ]
    return [f"{owner}.{name}" for owner, thing, name in wanted if not hasattr(thing, name)]
