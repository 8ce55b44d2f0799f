"""The plain HTTP routes, and what every request passes: is it alive, is it ready, what does it count."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from voice.errors import Busy, ExtraMissing, ProtocolError, RelayUnusable, RequestRefused, VoiceError
from voice.net.server import Refusal
from voice.server.guard import Guard, problem

logger = logging.getLogger(__name__)

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_READY_AGAIN_S = "5"
_SAFE = frozenset({"GET", "HEAD"})


def routes(
    *,
    readiness: Callable[[], tuple[bool, str]],
    metrics: Callable[[], str],
    may_read_metrics: Callable[[Mapping[str, str], str], None],
) -> list[Route]:
    """The routes over what the callables say at the moment of each request; all of them return at once."""

    async def healthz(request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(request: Request) -> Response:
        ready, reason = readiness()
        body = {"ready": ready, "reason": reason}
        return JSONResponse(body) if ready else JSONResponse(body, 503, {"retry-after": _READY_AGAIN_S})

    async def numbers(request: Request) -> Response:
        may_read_metrics(request.headers, peer(request))
        return Response(metrics(), headers={"content-type": METRICS_TYPE})

    return [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", numbers, methods=["GET"]),
    ]


def socket_routes(paths: Iterable[str]) -> list[Route]:
    """What a plain GET learns at a path that is a websocket: 426 (RFC 9110 section 15.5.22)."""

    async def upgrade(request: Request) -> Response:
        response = _problem(426, "upgrade_required", "This path is a websocket.")
        response.headers["upgrade"] = "websocket"
        response.headers["connection"] = "upgrade"
        return response

    return [Route(path, upgrade, methods=["GET"]) for path in paths]


def application(routes: Iterable[BaseRoute], guard: Guard) -> ASGIApp:
    """The routes behind the guard; everything else is a JSON error."""

    async def not_found(request: Request, error: Exception) -> Response:
        return _problem(404, "not_found", "There is nothing at this path.")

    async def not_allowed(request: Request, error: Exception) -> Response:
        response = _problem(405, "method_not_allowed", "This path does not take that method.")
        response.headers.update(getattr(error, "headers", None) or {})
        return response

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, VoiceError)
        answer = answer_for(error)
        if answer.status == 500:
            logger.error("request failed", extra={"path": request.url.path, "error": error.log})
        return _response(answer)

    async def broken(request: Request, error: Exception) -> Response:
        return _problem(500, "internal_error", "Something broke here; it is in the log.")

    handlers = {404: not_found, 405: not_allowed, VoiceError: refused, 500: broken}
    app = Starlette(routes=list(routes), exception_handlers=handlers)
    app.router.redirect_slashes = False

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        raw = Headers(scope=scope)
        headers = {**raw, "host": ", ".join(raw.getlist("host"))}
        refusal = guard.check_host(headers)
        if refusal is None and scope["method"] not in _SAFE:
            refusal = guard.check_origin(headers)
        if refusal is not None:
            await _response(refusal)(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await Response(None, 204, guard.preflight(headers))(scope, receive, send)
        else:
            await app(scope, receive, _with_headers(send, guard.cors(headers)))

    return guarded


def answer_for(error: VoiceError) -> Refusal:
    """How a request is told about an error: status, body, and when to come back."""
    if isinstance(error, RequestRefused):
        kind = "rate_limit_error" if error.status == 429 else "invalid_request_error"
        body = problem(error.code, error.message, param=error.param, type=kind)
        return Refusal(error.status, body, _again(error.retry_after_s, error.status))
    if isinstance(error, Busy):
        body = problem(error.code, error.message, type="server_error")
        return Refusal(503, body, _again(error.retry_after_s, 503))
    if isinstance(error, ProtocolError):
        return Refusal(400, problem(error.code, error.message, type=error.type, param=error.param))
    if isinstance(error, ExtraMissing):
        return Refusal(501, problem(error.code, error.person, type="server_error"))
    if isinstance(error, RelayUnusable):
        return Refusal(502, problem(error.code, error.message, type="server_error"))
    return Refusal(500, problem("internal_error", "Something broke here; it is in the log.", type="server_error"))


def peer(request: Request) -> str:
    """The address of the other end, without its port."""
    return request.client.host if request.client is not None else ""


def _again(retry_after_s: float | None, status: int) -> dict[str, str]:
    headers = {"www-authenticate": "Bearer"} if status == 401 else {}
    if retry_after_s is not None:
        headers["retry-after"] = str(max(1, math.ceil(retry_after_s)))
    return headers


def _with_headers(send: Send, more: Mapping[str, str]) -> Send:
    if not more:
        return send

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(more)
        await send(message)

    return sending


def _response(refusal: Refusal) -> Response:
    return Response(refusal.body, refusal.status, dict(refusal.headers), media_type="application/json")


def _problem(status: int, code: str, message: str) -> Response:
    return Response(problem(code, message), status, media_type="application/json")
