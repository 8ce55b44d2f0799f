"""Where a call listens: the addresses, the range of ports, and the address that a NAT in front of us has."""

from __future__ import annotations

import asyncio
import logging
import random
from functools import cache
from ipaddress import ip_address
from typing import Any, cast

from voice.errors import Busy, RelayUnusable, VoiceError
from voice.transports.rtp import is_media
from voice.transports.webrtc import parts, relay
from voice.transports.webrtc.datagrams import bound
from voice.transports.webrtc.settings import RtcSettings, ports_of

logger = logging.getLogger(__name__)

_STUN_S = 5.0
_LOOPBACK = "127.0.0.1"


def gather_by(settings: RtcSettings, connection: Any) -> Gatherer:
    """Let this ICE connection gather its candidates as the settings say."""
    gatherer = Gatherer(settings, connection)
    parts.divert_gathering(connection, gatherer.gather)
    return gatherer


class Gatherer:
    """Host candidates on our ports, what a NAT shows of them, and whatever a TURN server lends."""

    def __init__(self, settings: RtcSettings, connection: Any) -> None:
        self._settings = settings
        self._connection = connection
        self._ports = ports_of(settings)
        self._no_relay: RelayUnusable | None = None

    async def gather(self, component: int, addresses: list[str]) -> list[Any]:
        protocols = [protocol for address in self._wanted(addresses) if (protocol := await self._open(address))]
        found = []
        for protocol in protocols:
            parts.add_protocol(self._connection, protocol)
            found += self._host_candidates(component, protocol)
        outside = await asyncio.gather(*(self._reflexive(protocol) for protocol in protocols), self._relayed(component))
        return found + [candidate for candidate in outside if candidate is not None]

    def why_none(self) -> VoiceError:
        """What to say when no candidate was found."""
        if self._settings.relay_only:
            return self._no_relay or relay.none_named()
        return Busy("No UDP port is free for another call.", retry_after_s=10.0)

    def _wanted(self, found: list[str]) -> list[str]:
        """With a relay only nothing of this machine is shown: then none were found."""
        if self._settings.relay_only:
            return []
        return list(self._settings.addresses) or found or [_LOOPBACK]

    async def _open(self, address: str) -> Any:
        """A socket at one address, on the first port of the range that is free; None when there is none."""
        make = _socket_protocol()
        for port in self._tried_ports():
            try:
                return await bound(make(self._connection), address, port)
            except OSError:
                continue
        return None

    def _tried_ports(self) -> list[int]:
        if self._ports is None:
            return [0]
        first = random.randrange(len(self._ports))
        return [*self._ports[first:], *self._ports[:first]]

    def _host_candidates(self, component: int, protocol: Any) -> list[Any]:
        host, port = protocol.transport.get_extra_info("sockname")[:2]
        protocol.local_candidate = _candidate(component, host, port)
        public = self._settings.public_address
        if not public or ip_address(public).version != ip_address(host).version or ip_address(host).is_loopback:
            return [protocol.local_candidate]
        return [_candidate(component, public, port), protocol.local_candidate]

    async def _relayed(self, component: int) -> Any:
        """What a TURN server lends, when one is configured. Without it there may be other ways."""
        connection = self._connection
        if connection.turn_server is None:
            return None
        only = self._settings.relay_only
        make = _socket_protocol()
        try:
            candidate, protocol = await relay.lend(connection, component, lambda: make(connection), hide_origin=only)
        except RelayUnusable as error:
            self._no_relay = error
            logger.log(
                logging.ERROR if only else logging.WARNING,
                "no relay",
                extra={"why": error.person, "detail": error.detail},
            )
            return None
        parts.add_protocol(connection, protocol)
        return candidate

    async def _reflexive(self, protocol: Any) -> Any:
        """How a STUN server sees this socket, when one is configured and answers."""
        from aioice.ice import server_reflexive_candidate

        server = self._connection.stun_server
        if server is None or ip_address(protocol.local_candidate.host).version != 4:
            return None
        try:
            async with asyncio.timeout(_STUN_S):
                candidate, _ = await server_reflexive_candidate(protocol, cast(Any, server))
        except Exception:  # an unreachable STUN server costs a candidate, never a call
            return None
        return candidate


@cache
def _socket_protocol() -> Any:
    """aioice's protocol for a socket, that does not try to read sound as STUN first."""
    from aioice.ice import StunProtocol

    class SocketProtocol(StunProtocol):
        def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
            if isinstance(data, bytes) and is_media(data):
                self.receiver.data_received(data, 1)
            else:
                super().datagram_received(data, addr)

    return SocketProtocol


def _candidate(component: int, host: str, port: int) -> Any:
    from aioice.candidate import Candidate, candidate_foundation, candidate_priority

    return Candidate(
        foundation=candidate_foundation("host", "udp", host),
        component=component,
        transport="udp",
        priority=candidate_priority(component, "host"),
        host=host,
        port=port,
        type="host",
    )
