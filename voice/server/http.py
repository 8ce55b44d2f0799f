"""The plain HTTP routes: is it alive, is it ready, what does it count, how does one connect."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from voice.server.guard import Guard, problem

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_PAGE_HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


def routes(
    *, readiness: Callable[[], tuple[bool, str]], metrics: Callable[[], str], page: Callable[[], str]
) -> list[Route]:
    """The routes over what the three callables say at the moment of each request; all of them return at once."""

    async def healthz(request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(request: Request) -> Response:
        ready, reason = readiness()
        return JSONResponse({"ready": ready, "reason": reason}, 200 if ready else 503)

    async def numbers(request: Request) -> Response:
        return Response(metrics(), headers={"content-type": METRICS_TYPE})

    async def front(request: Request) -> Response:
        return HTMLResponse(page(), headers=_PAGE_HEADERS)

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", numbers),
        Route("/", front),
    ]


def socket_routes(paths: Iterable[str]) -> list[Route]:
    """What a plain GET learns at a path that is a websocket: 426 (RFC 9110 section 15.5.22)."""

    async def upgrade(request: Request) -> Response:
        response = _problem(426, "upgrade_required", "This path is a websocket.")
        response.headers["upgrade"] = "websocket"
        response.headers["connection"] = "upgrade"
        return response

    return [Route(path, upgrade) for path in paths]


def application(routes: list[Route], guard: Guard) -> ASGIApp:
    """The routes behind the guard; everything else is a JSON error."""

    async def not_found(request: Request, error: Exception) -> Response:
        return _problem(404, "not_found", "There is nothing at this path.")

    async def not_allowed(request: Request, error: Exception) -> Response:
        return _problem(405, "method_not_allowed", "This path does not take that method.")

    async def broken(request: Request, error: Exception) -> Response:
        return _problem(500, "internal_error", "Something broke here; it is in the log.")

    app = Starlette(routes=routes, exception_handlers={404: not_found, 405: not_allowed, 500: broken})

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        refusal = guard.check_host({"host": ", ".join(headers.getlist("host"))})
        if refusal is None:
            await app(scope, receive, send)
        else:
            response = Response(refusal.body, refusal.status, media_type="application/json")
            await response(scope, receive, send)

    return guarded


def _problem(status: int, code: str, message: str) -> Response:
    return Response(problem(code, message), status, media_type="application/json")
