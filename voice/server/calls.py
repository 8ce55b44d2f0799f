"""Calls over WebRTC that go on, by their ids: how they begin, who may attend or end them, and that all of them end."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol, cast

from voice.errors import Busy, PeerGone, RequestRefused
from voice.runtime.hub import Place
from voice.server.auth import Caller
from voice.server.shared import SharedTransport
from voice.server.visits import Visit
from voice.transports.base import Transport

logger = logging.getLogger(__name__)

PENDING_AGAIN_S = 2.0

Hold = Callable[[Transport, Visit, Place], Awaitable[None]]
"""Holds one conversation to its end, gives the place back, and raises nothing."""


class Renegotiable(Protocol):
    """A transport that takes a second offer on the same call: the client's network has changed."""

    async def renegotiate(self, offer_sdp: str) -> str: ...


@dataclass(slots=True)
class Call:
    """One call. `line` is what it was answered with, `transport` the same with its attendants."""

    id: str
    owner: str
    line: Transport
    transport: SharedTransport
    visit: Visit = field(repr=False)
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    def is_of(self, caller: Caller) -> bool:
        """Whether this caller made it, or holds the key it was made with."""
        if caller.kind == "secret":
            return caller.secret is self.visit.caller.secret
        return caller.owns(self.owner)


class Calls:
    """All of them. `pending` ones were answered and are not connected yet; there may be `most_pending`."""

    def __init__(self, hold: Hold, *, most_pending: int) -> None:
        self._hold = hold
        self._most_pending = most_pending
        self._calls: dict[str, Call] = {}
        self._being_answered = 0

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def pending(self) -> int:
        return self._being_answered + sum(1 for call in self._calls.values() if not call.transport.is_open)

    async def begin(
        self, answer: Callable[[], Awaitable[tuple[Transport, str]]], visit: Visit, place: Place
    ) -> tuple[Call, str]:
        """Answer an offer and begin the call; returns it with the answer's SDP. The place is given back when it is
        over, or when this raises: Busy when too many are pending, and what `answer` raises."""
        try:
            if self.pending >= self._most_pending:
                raise Busy("Too many calls are about to be connected.", retry_after_s=PENDING_AGAIN_S)
            self._being_answered += 1
            try:
                inner, sdp = await answer()
            finally:
                self._being_answered -= 1
        except BaseException:
            place.give_back()
            raise
        transport = SharedTransport(inner, visit.overrides, transcribes=visit.transcribes)
        call = Call(f"rtc_{secrets.token_hex(16)}", visit.caller.owner, inner, transport, visit)
        self._calls[call.id] = call
        call.task = asyncio.get_running_loop().create_task(self._run(call, place), name="call")
        return call, sdp

    def find(self, call_id: str, caller: Caller) -> Call:
        """Raises RequestRefused (404), also for calls of others: nobody learns that they are there."""
        call = self._calls.get(call_id)
        if call is None or not call.is_of(caller):
            raise RequestRefused(404, "call_not_found", "There is no such call, or it is over.", param="call_id")
        return call

    async def renegotiate(self, call: Call, offer: str) -> str:
        """Answer a further offer on this call. Raises RequestRefused, ProtocolError, Busy."""
        if not hasattr(call.line, "renegotiate"):
            raise RequestRefused(400, "not_renegotiable", "This call takes no second offer.", param="sdp")
        try:
            return await cast(Renegotiable, call.line).renegotiate(offer)
        except PeerGone as error:
            raise RequestRefused(404, "call_not_found", "This call is over.", param="call_id") from error

    def hang_up(self, call: Call) -> None:
        """End it. One that is not connected yet is given up."""
        if call.transport.is_open:
            call.transport.hang_up("ended by request")
        elif call.task is not None:
            call.task.cancel()

    async def close(self) -> None:
        """End all of them, and wait."""
        tasks = [call.task for call in self._calls.values() if call.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, call: Call, place: Place) -> None:
        try:
            await self._hold(call.transport, call.visit, place)
        except Exception:
            logger.exception("call broke")
        finally:
            del self._calls[call.id]
            place.give_back()
            await call.transport.close(1000, "the call is over")
