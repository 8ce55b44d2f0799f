"""Who may open `WS /v1/realtime` or a carrier's socket, and to what."""

from __future__ import annotations

from collections.abc import Callable

from voice.errors import RequestRefused, VoiceError
from voice.net.base import PendingSocket, SocketHandler
from voice.runtime.hub import Place
from voice.server.auth import Caller
from voice.server.calls import Hold
from voice.server.carriers import SIGNATURE, TwilioSignature
from voice.server.http import answer_for
from voice.server.reception import Reception
from voice.server.shared import SharedTransport
from voice.server.sideband import Sideband
from voice.server.visits import Visit
from voice.transports.base import Transport

CARRIER = Caller("key", "twilio", frozenset({"realtime"}))


class Sockets:
    """Decides about each request to open a websocket, and holds the conversation behind it."""

    def __init__(self, reception: Reception, hold: Hold) -> None:
        self._reception = reception
        self._hold = hold

    def realtime(self, transport: Callable[[PendingSocket], Transport]) -> SocketHandler:
        """The handler of the realtime endpoint: a conversation, or with `call_id` a sideband to one."""

        async def handle(pending: PendingSocket) -> None:
            try:
                caller = self._identify(pending)
                if "call_id" in pending.query:
                    self._attend(pending, caller)
                    return
                caller.need("realtime")
                visit = self._reception.assistants.visit(caller, pending.query)
                place = self._place(caller)
            except VoiceError as error:
                turn_away(pending, error)
                return
            await self._hold(self._screened(transport(pending), visit), visit, place)

        return handle

    def carrier(
        self, transport: Callable[[PendingSocket], Transport], signature: TwilioSignature | None
    ) -> SocketHandler:
        """The handler of a telephone carrier's socket. With a `signature` to check, that is what lets it in."""

        async def handle(pending: PendingSocket) -> None:
            try:
                if signature is None:
                    caller = self._identify(pending)
                    caller.need("realtime")
                else:
                    signature.check(pending.path, pending.headers.get(SIGNATURE, ""))
                    caller = CARRIER
                visit = self._reception.assistants.visit(caller, pending.query)
                place = self._place(caller)
            except VoiceError as error:
                turn_away(pending, error)
                return
            await self._hold(transport(pending), visit, place)

        return handle

    def _identify(self, pending: PendingSocket) -> Caller:
        address = pending.client.rpartition(":")[0]
        return self._reception.authority.identify(
            pending.headers, address, query=pending.query, subprotocols=pending.subprotocols
        )

    def _place(self, caller: Caller) -> Place:
        """Room for one more conversation of this caller. A client secret has been used then."""
        place = self._reception.place(caller)
        try:
            if caller.secret is not None:
                self._reception.secrets.use(caller.secret)
        except VoiceError:
            place.give_back()
            raise
        return place

    def _screened(self, transport: Transport, visit: Visit) -> Transport:
        if visit.overrides.is_free and not visit.transcribes:
            return transport
        return SharedTransport(transport, visit.overrides, transcribes=visit.transcribes)

    def _attend(self, pending: PendingSocket, caller: Caller) -> None:
        caller.need("calls")
        call = self._reception.calls.find(pending.query["call_id"], caller)
        if call.transport.attendants >= self._reception.limits.sidebands_per_call:
            raise RequestRefused(429, "too_many_sidebands", "This call has enough sidebands.", retry_after_s=5)
        Sideband(call.transport, Visit(caller, call.visit.assistant).overrides).open(pending)


def turn_away(pending: PendingSocket, error: VoiceError) -> None:
    """Answer with a status instead of a socket."""
    answer = answer_for(error)
    pending.reject(answer.status, answer.body, answer.headers)
