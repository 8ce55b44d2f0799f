"""The one port: HTTP and websockets, from binding it to the last goodbye."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import uvicorn
from starlette.routing import Route

from voice.errors import ConfigError, PortInUse
from voice.net.base import SocketHandler, SocketLimits
from voice.net.server import Refusal, Upgrades
from voice.server.guard import Guard, check_bind, check_tls, problem
from voice.server.http import application, routes, socket_routes
from voice.server.page.built import Page
from voice.server.requests import PromptRequests

logger = logging.getLogger(__name__)

GOING_AWAY = 1001
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_BACKLOG = 2048
_LAST_REQUESTS_S = 2


class Door:
    """Listens, answers, and closes in good order.

    `sockets` maps a path to the handler of its websockets. `readiness` says whether a new session would be admitted,
    and why not; `metrics` gives Prometheus text, `page` the HTML of `/` where no browser client was built; each must
    return at once. `may_read_metrics` raises RequestRefused for those who may not. `on_drain` is awaited between the
    signal to stop and the closing of the port: it lets conversations finish. `authenticated` says that the handlers
    ask for a key; without it only loopback addresses can be listened on. `tls` are the PEM files of a certificate and
    its key.
    """

    def __init__(
        self,
        *,
        sockets: Mapping[str, SocketHandler],
        readiness: Callable[[], tuple[bool, str]],
        metrics: Callable[[], str],
        page: Callable[[], str],
        on_drain: Callable[[], Awaitable[None]],
        host: str = "127.0.0.1",
        port: int = 8080,
        allowed_hosts: Iterable[str] = (),
        allowed_origins: Iterable[str] = (),
        authenticated: bool = False,
        limits: SocketLimits | None = None,
        further_routes: Sequence[Route] = (),
        may_read_metrics: Callable[[Mapping[str, str], str], None] = lambda headers, client: None,
        tls: tuple[str, str] | None = None,
    ) -> None:
        """Raises ConfigError for a public address without authentication, and for a certificate that is none."""
        check_bind(host, authenticated=authenticated)
        self._host = host
        self._port = port
        self._readiness = readiness
        self._on_drain = on_drain
        self._guard = Guard((host, *allowed_hosts), allowed_origins)
        self._upgrades = Upgrades(sockets, gate=self._gate, limits=limits)
        self._tls = tls
        check_tls(tls)
        plain = routes(readiness=self.readiness, metrics=metrics, may_read_metrics=may_read_metrics)
        all_routes = [*plain, *Page(page).routes(), *further_routes, *socket_routes(sockets)]
        self.routes = tuple(all_routes)
        self._app = application(all_routes, self._guard)
        self._listener: socket.socket | None = None
        self._stopping: asyncio.Event | None = None
        self._at_once: asyncio.Event | None = None
        self.address = ""

    def readiness(self) -> tuple[bool, str]:
        """What `/readyz` says: the session's answer, unless we are on our way out."""
        if self._stopping is not None and self._stopping.is_set():
            return False, "draining: the service is stopping"
        return self._readiness()

    def stop(self) -> None:
        """As a stop signal does: drain at the first call, leave at once at the second."""
        if self._stopping is None or self._at_once is None:
            return
        if self._stopping.is_set():
            self._at_once.set()
        self._stopping.set()

    def reserve(self) -> None:
        """Take the port without listening yet, so that one that is taken is noticed before anything else is loaded.
        `serve` does it otherwise. Raises PortInUse, or ConfigError for an address that this machine does not have."""
        if self._listener is None:
            self._listener = _bind(self._host, self._port)

    def give_up(self) -> None:
        """Let the port go that nobody will serve. Idempotent."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    def _listen(self) -> socket.socket:
        self.reserve()
        assert self._listener is not None
        try:
            with _told(self._host, self._port):
                self._listener.listen(_BACKLOG)
        except BaseException:
            self.give_up()
            raise
        return self._listener

    async def serve(self, ready: Callable[[str], None] | None = None, *, signals: bool = True) -> None:
        """Until it is told to stop. `ready` is called with the address (`http://host:port`) when the port accepts.

        With `signals` SIGINT and SIGTERM call `stop`, and have their former meaning again afterwards. Raises
        PortInUse, or ConfigError for an address that this machine does not have.
        """
        self._stopping, self._at_once = asyncio.Event(), asyncio.Event()
        listener = self._listen()
        self.address = _url(self._host, listener.getsockname()[1], tls=self._tls is not None)
        server = _Server(self._config(), lambda: ready(self.address) if ready is not None else None)
        with _stop_signals(self.stop) if signals else nullcontext():
            serving = asyncio.create_task(server.serve(sockets=[listener]), name="http server")
            try:
                await self._until_told_to_stop(serving)
            finally:
                server.should_exit = True
                self._upgrades.abort()
                await serving
                self.give_up()

    async def _until_told_to_stop(self, serving: asyncio.Task[None]) -> None:
        assert self._stopping is not None
        assert self._at_once is not None
        if await _first(serving, self._stopping.wait()):
            return
        logger.info("draining", extra={"sockets": len(self._upgrades)})
        if await _first(self._goodbye(), self._at_once.wait()):
            return
        logger.warning("stopping at once", extra={"sockets": len(self._upgrades)})

    async def _goodbye(self) -> None:
        try:
            await self._on_drain()
        except Exception:
            logger.exception("draining failed")
        await self._upgrades.close(GOING_AWAY, "the service is stopping")

    def _gate(self, path: str, headers: Mapping[str, str]) -> Refusal | None:
        if refusal := self._guard.check_socket(path, headers):
            return refusal
        if self._stopping is not None and self._stopping.is_set():
            body = problem("server_stopping", "The service is stopping. Try again in a moment.")
            return Refusal(503, body, {"retry-after": "5"})
        return None

    def _config(self) -> uvicorn.Config:
        """No lifespan, no access log, no server or date header."""
        upgrades: Any = self._upgrades
        certificate, key = self._tls or (None, None)
        return uvicorn.Config(
            self._app,
            ssl_certfile=certificate,
            ssl_keyfile=key,
            http=PromptRequests,
            ws=upgrades,
            loop="none",
            lifespan="off",
            interface="asgi3",
            access_log=False,
            log_config=None,
            log_level="warning",
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_LAST_REQUESTS_S,
        )


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handling, and with a word when it is ready."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()


async def _first(one: Awaitable[Any], other: Awaitable[Any]) -> bool:
    """Wait for either; cancel what was made here and is not done. True when it was `one`; raises what `one` raised."""
    tasks = [asyncio.ensure_future(one), asyncio.ensure_future(other)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            tasks[0].result()
        return tasks[0].done()
    finally:
        for task in tasks:
            if task is not one:
                task.cancel()
        await asyncio.gather(*(task for task in tasks if task is not one), return_exceptions=True)


@contextmanager
def _stop_signals(stop: Callable[[], None]) -> Generator[None, None, None]:
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number in _SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def _bind(host: str, port: int) -> socket.socket:
    """A socket at the address that does not listen yet. Raises PortInUse or ConfigError."""
    name = host.strip("[]")
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        with _told(host, port):
            if os.name == "posix":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((name, port))
    except BaseException:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


@contextmanager
def _told(host: str, port: int) -> Generator[None, None, None]:
    """What the system says of an address, as PortInUse or ConfigError."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(
                f"Port {port} on {host} is taken.", fix="Stop what listens there, or choose another with --port."
            ) from error
        if error.errno == errno.EACCES:
            raise ConfigError(f"Port {port} may not be opened.", fix="Choose one above 1023 with --port.") from error
        raise ConfigError(
            f"{host} is not an address of this machine.", fix="Listen on 127.0.0.1 or one of its own addresses."
        ) from error


def _url(host: str, port: int, *, tls: bool) -> str:
    """The address to show to a person: one that can be typed into a browser."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
    return (
        f"{'https' if tls else 'http'}://{f'[{shown}]' if ':' in shown and not shown.startswith('[') else shown}:{port}"
    )
