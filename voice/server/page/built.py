"""The browser client's built files, read once and served from memory under a strict content security policy."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from voice.errors import RequestRefused

DIST = Path(__file__).parent / "dist"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".wasm": "application/wasm",
    ".txt": "text/plain; charset=utf-8",
}
_PACKED = frozenset({".png", ".ico", ".woff2"})
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "microphone=(self), autoplay=(self), camera=(), geolocation=()",
}
_FOR_EVER = "public, max-age=31536000, immutable"
_PLAIN_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """One file as it is sent. `zipped` is empty where zipping gains nothing."""

    type: str
    data: bytes
    zipped: bytes
    tag: str


class Page:
    """The routes `/` and `/assets/…`. `plain` gives the HTML where nothing was built."""

    def __init__(self, plain: Callable[[], str], folder: Path = DIST) -> None:
        self._plain = plain
        self._folder = folder
        self._files: Mapping[str, BuiltFile] | None = None

    def routes(self) -> list[Route]:
        return [
            Route("/", self._front, methods=["GET"]),
            Route("/assets/{path:path}", self._asset, methods=["GET"]),
            *(Route(path, self._asset, methods=["GET"]) for path in ("/favicon.svg", "/licences.txt")),
        ]

    async def _front(self, request: Request) -> Response:
        front = (await self._all()).get("index.html")
        if front is None:
            return HTMLResponse(self._plain(), headers={**_HEADERS, "content-security-policy": _PLAIN_POLICY})
        policy = {"content-security-policy": policy_for(request.headers.get("host", ""))}
        return _answer(front, request, {**policy, "cache-control": "no-cache"})

    async def _asset(self, request: Request) -> Response:
        found = (await self._all()).get(request.url.path.removeprefix("/"))
        if found is None:
            raise RequestRefused(404, "not_found", "There is nothing at this path.")
        hashed = request.url.path.startswith("/assets/")  # such names change with their content
        return _answer(found, request, {"cache-control": _FOR_EVER if hashed else "no-cache"})

    async def _all(self) -> Mapping[str, BuiltFile]:
        if self._files is None:
            self._files = await asyncio.to_thread(_read, self._folder)
        return self._files


def policy_for(host: str) -> str:
    """Everything comes from us, and goes to us: `host` (checked before) is how the browser calls us. Sound and workers
    may be made on the spot."""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; "
        f"connect-src 'self' ws://{host} wss://{host}; media-src 'self' blob:; worker-src 'self' blob:; "
        "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _answer(file: BuiltFile, request: Request, more: Mapping[str, str]) -> Response:
    headers = {**_HEADERS, **more, "etag": file.tag, "vary": "Accept-Encoding"}
    if file.tag in request.headers.get("if-none-match", ""):
        return Response(None, 304, headers)
    if file.zipped and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(file.zipped, headers={**headers, "content-type": file.type, "content-encoding": "gzip"})
    return Response(file.data, headers={**headers, "content-type": file.type})


def _read(folder: Path) -> dict[str, BuiltFile]:
    """Every file of a kind we know, by its path below the folder."""
    found = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.suffix in _TYPES and path.is_file():
            data = path.read_bytes()
            zipped = b"" if path.suffix in _PACKED else gzip.compress(data, 6, mtime=0)
            tag = f'"{sha256(data).hexdigest()[:24]}"'
            name = path.relative_to(folder).as_posix()
            found[name] = BuiltFile(_TYPES[path.suffix], data, zipped if len(zipped) < len(data) else b"", tag)
    return found
