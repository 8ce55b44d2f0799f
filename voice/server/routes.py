"""The HTTP half of the realtime service: client secrets, calls over WebRTC, and what this service is."""

from __future__ import annotations

import asyncio
import json
import secrets as random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from voice.config import LimitSettings
from voice.errors import Busy, RequestRefused
from voice.protocol.settings import Session
from voice.server import bodies
from voice.server.auth import Caller
from voice.server.calls import Call
from voice.server.http import peer
from voice.server.reception import Reception
from voice.server.secrets import LEAST_S, MOST_S, USUAL_S
from voice.server.visits import Visit
from voice.transports.base import Transport

ANSWER_S = 15.0
"""So long an offer may wait for its answer: gathering candidates can hang on a network that says nothing."""
AGAIN_S = 5.0
_SDP = "application/sdp"
_EXTENSION = "voice"
_Answered = TypeVar("_Answered")

Answer = Callable[[str], Awaitable[tuple[Transport, str]]]
"""Answers an SDP offer: the transport, and the answer. Raises ProtocolError for a bad offer, ExtraMissing."""


class Routes:
    """Every route below `/v1`, over the parts that know the answers.

    `effective` gives the whole session object that a visit's settings come to; `facts` what `/v1/info` says to whom.
    """

    def __init__(
        self,
        reception: Reception,
        *,
        answer: Answer,
        effective: Callable[[Visit], Mapping[str, Any]],
        facts: Callable[[Caller | None], Mapping[str, Any]],
    ) -> None:
        self._reception = reception
        self._authority = reception.authority
        self._calls = reception.calls
        self._limits = reception.limits
        self._answer = answer
        self._effective = effective
        self._facts = facts

    def all(self) -> list[Route]:
        call = "/v1/realtime/calls/{call_id}"
        return [
            Route("/v1/info", self.info, methods=["GET"]),
            Route("/v1/openapi.json", self.openapi, methods=["GET"]),
            Route("/v1/realtime/client_secrets", self.make_secret, methods=["POST"]),
            Route("/v1/realtime/calls", self.begin_call, methods=["POST"]),
            Route(call, self.renegotiate, methods=["POST"]),
            Route(f"{call}/hangup", self.hang_up, methods=["POST"]),
            Route(f"{call}/accept", self.not_a_sip_call, methods=["POST"]),
            Route(f"{call}/reject", self.not_a_sip_call, methods=["POST"]),
            Route(f"{call}/refer", self.not_a_sip_call, methods=["POST"]),
        ]

    # What this service is

    async def info(self, request: Request) -> Response:
        """Open to everybody; who shows no key where keys are needed learns of no assistant."""
        caller = None
        if not self._authority.keys_needed or "authorization" in request.headers:
            caller = self._identify(request)
        return JSONResponse(self._facts(caller), headers={"cache-control": "no-store"})

    async def openapi(self, request: Request) -> Response:
        from voice.server.openapi import document  # few ask, and not before the service is up

        return JSONResponse(document())

    # Client secrets

    async def make_secret(self, request: Request) -> Response:
        caller = self._identify(request)
        caller.need("secrets")
        body = await bodies.read(request, self._limits.max_body_bytes)
        asked = bodies.json_object(body) if body.strip() else {}
        visit = self._reception.assistants.visit(caller, request.query_params, asked.get("session"))
        lasts_s, uses = _lasts_s(asked.get("expires_after")), _uses(asked.get(_EXTENSION))
        effective = self._effective(visit)
        secret = self._reception.secrets.make(
            caller.owner, visit.assistant.name, visit.session or Session(), lasts_s=lasts_s, uses=uses
        )
        shown = {**effective, "expires_at": secret.expires_at}
        answer = {"value": secret.value, "expires_at": secret.expires_at, "session": shown}
        return JSONResponse(answer, headers={"cache-control": "no-store"})

    # Calls

    async def begin_call(self, request: Request) -> Response:
        caller = self._identify(request)
        caller.need("realtime")
        offer, session = await self._offer_in(request)
        visit = self._reception.assistants.visit(caller, request.query_params, session)
        self._effective(visit)  # settings that cannot be are refused before anything is opened
        place = self._reception.place(caller)
        call, answer = await self._calls.begin(lambda: self._answered(offer, caller), visit, place)
        headers = {"location": f"/v1/realtime/calls/{call.id}", "cache-control": "no-store"}
        return Response(answer, 201, headers, media_type=_SDP)

    async def _answered(self, offer: str, caller: Caller) -> tuple[Transport, str]:
        transport, answer = await _in_time(self._answer(offer))
        try:
            if caller.secret is not None:
                self._reception.secrets.use(caller.secret)
        except RequestRefused:
            await transport.close()
            raise
        return transport, answer

    async def _offer_in(self, request: Request) -> tuple[str, Any]:
        """The offer, and the session settings beside it (None: there are none)."""
        content_type = request.headers.get("content-type", "")
        kind = bodies.media_type(content_type)
        if kind == _SDP:
            return _sdp(await bodies.read(request, self._limits.max_sdp_bytes), self._limits), None
        if kind != "multipart/form-data":
            raise RequestRefused(
                415, "unsupported_media_type", f"Send the offer as {_SDP}, or as multipart/form-data with a part sdp."
            )
        most = self._limits.max_sdp_bytes + self._limits.max_body_bytes
        parts = bodies.parts_of(await bodies.read(request, most), content_type)
        offer = _sdp(parts.get("sdp", b""), self._limits)
        session = parts.get("session")
        return offer, None if session is None else bodies.json_object(session, "session")

    async def renegotiate(self, request: Request) -> Response:
        """A second offer to a call (an ICE restart, after the client's network has changed)."""
        call = self._call_in(request, "realtime")
        if bodies.media_type(request.headers.get("content-type", "")) != _SDP:
            raise RequestRefused(415, "unsupported_media_type", f"Send the offer as {_SDP}.")
        offer = _sdp(await bodies.read(request, self._limits.max_sdp_bytes), self._limits)
        return Response(await _in_time(self._calls.renegotiate(call, offer)), media_type=_SDP)

    async def hang_up(self, request: Request) -> Response:
        self._calls.hang_up(self._call_in(request, "realtime"))
        return Response(status_code=200)

    async def not_a_sip_call(self, request: Request) -> Response:
        """Accept, reject and refer are for calls that come from a telephone network (SIP)."""
        self._call_in(request, "calls")
        verb = request.url.path.rpartition("/")[2]
        message = f"Only SIP calls can be given to '{verb}'; this one came over WebRTC and is connected already."
        raise RequestRefused(400, "not_a_sip_call", message, param="call_id")

    def _call_in(self, request: Request, scope: str) -> Call:
        caller = self._identify(request)
        if caller.kind != "secret":
            caller.need("calls")
        else:
            caller.need(scope)
        return self._calls.find(request.path_params["call_id"], caller)

    def _identify(self, request: Request) -> Caller:
        return self._authority.identify(request.headers, peer(request), query=request.query_params)


async def _in_time(answering: Awaitable[_Answered]) -> _Answered:
    """Raises Busy when an offer is not answered for too long."""
    try:
        async with asyncio.timeout(ANSWER_S):
            return await answering
    except TimeoutError as error:
        message = "The offer could not be answered in time: this service, or its STUN or TURN server, is slow."
        raise Busy(message, retry_after_s=AGAIN_S) from error


def _sdp(body: bytes, limits: LimitSettings) -> str:
    if len(body) > limits.max_sdp_bytes:
        raise RequestRefused(413, "request_too_large", "The offer is too long.", param="sdp")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = ""
    if not text.startswith("v=0"):
        raise RequestRefused(400, "invalid_sdp", "The offer is not SDP: it begins with 'v=0'.", param="sdp")
    return text


def _lasts_s(asked: Any) -> int:
    """`expires_after` in seconds."""
    if asked is None:
        return USUAL_S
    if not isinstance(asked, dict):
        raise _wrong("expires_after", "an object")
    if asked.get("anchor", "created_at") != "created_at":
        raise _wrong("expires_after.anchor", "'created_at'")
    seconds = asked.get("seconds", USUAL_S)
    if type(seconds) is not int or not LEAST_S <= seconds <= MOST_S:
        raise _wrong("expires_after.seconds", f"a whole number from {LEAST_S} to {MOST_S}")
    return seconds


def _uses(asked: Any) -> int | None:
    """An extension of ours, `{"voice": {"uses": 1}}`: how many conversations it opens; None: any number."""
    if asked is None:
        return None
    uses = asked.get("uses") if isinstance(asked, dict) else asked
    if uses is None:
        return None
    if type(uses) is not int or not 1 <= uses <= 1_000_000:
        raise _wrong("voice.uses", "a whole number from 1 to 1000000")
    return uses


def _wrong(param: str, expected: str) -> RequestRefused:
    return RequestRefused(400, "invalid_value", f"Expected {expected}.", param=param)


def session_id() -> str:
    """An id for a session that does not exist yet."""
    return f"sess_{random.token_hex(12)}"


def as_json(settings: Any) -> dict[str, Any]:
    """Settings of the protocol as JSON says them: what nobody set is left out."""
    shown: dict[str, Any] = json.loads(settings.model_dump_json(exclude_unset=True))
    return shown
