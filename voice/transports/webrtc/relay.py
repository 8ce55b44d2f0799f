"""A place at a TURN server (RFC 8656), or a sentence that says why there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from voice.errors import RelayUnusable
from voice.transports.webrtc import parts

_MOST_S = 5.0
_FAREWELL_S = 1.5
_CHECK_CREDENTIAL = "Check webrtc.ice_username and the variable that webrtc.ice_credential_env names."
_CHECK_SERVER = "Check webrtc.ice_servers, and that a firewall lets us through to it."


def none_named() -> RelayUnusable:
    """There would have to be one, and the settings name none."""
    return RelayUnusable(
        "Only a relay may carry the sound (webrtc.relay_only), and no TURN server is named.",
        fix="Name one in webrtc.ice_servers.",
    )


async def lend(connection: Any, component: int, make: Callable[[], Any], *, hide_origin: bool) -> tuple[Any, Any]:
    """The candidate that the connection's TURN server lends, and the protocol over it. Raises RelayUnusable."""
    from aioice.ice import relayed_candidate

    try:
        async with asyncio.timeout(_MOST_S):
            return await relayed_candidate(
                component=component,
                hide_related_address=hide_origin,
                protocol_factory=make,
                turn_server=connection.turn_server,
                turn_username=connection.turn_username,
                turn_password=connection.turn_password,
                turn_ssl=connection.turn_ssl,
                turn_transport=connection.turn_transport,
            )
    except Exception as error:
        raise unusable(error) from error


@contextmanager
def farewell(connection: Any) -> Iterator[None]:
    """Close the connection inside of this: a TURN server that does not answer when its relay is given back is not
    asked for a minute, and nobody asks it behind the end of the block."""
    protocols = parts.protocols(connection)
    timer = asyncio.get_running_loop().call_later(_FAREWELL_S, parts.forget_relays, protocols)
    try:
        yield
    finally:
        timer.cancel()
        parts.forget_relays(protocols)


async def close(connection: Any) -> None:
    """All of its sockets, and its relay if it has one."""
    with farewell(connection):
        await connection.close()


def unusable(error: Exception) -> RelayUnusable:
    """What went wrong, for people."""
    from aioice.stun import TransactionFailed

    if isinstance(error, TransactionFailed):
        code, phrase = error.response.attributes.get("ERROR-CODE", (0, ""))
        if code in (401, 403):
            message = "The TURN server does not accept the service's user name and password."
            return RelayUnusable(message, fix=_CHECK_CREDENTIAL, detail=f"{code} {phrase}")
        return RelayUnusable("The TURN server lends no relay.", fix="Its log says more.", detail=f"{code} {phrase}")
    if isinstance(error, TimeoutError):
        return RelayUnusable("The TURN server does not answer.", fix=_CHECK_SERVER, detail=f"for {_MOST_S:.0f} s")
    return RelayUnusable("The TURN server cannot be reached.", fix=_CHECK_SERVER, detail=repr(error))
