"""The doors, and the conversations behind them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from voice.app.closing import ClosingWords
from voice.app.engines import Engines, open_engines
from voice.app.hearing import Hearing
from voice.app.sessions import make_driver, session_config
from voice.app.tooling import open_tools
from voice.config import Settings
from voice.errors import Busy, EngineError, PeerGone, VoiceError
from voice.net.base import PendingSocket, SocketLimits
from voice.runtime.driver import Driver
from voice.runtime.hub import Hub, HubLimits
from voice.runtime.observe import Metrics, Observer
from voice.session.rules import LinkRules
from voice.transports.base import Transport

if TYPE_CHECKING:
    from voice.tools.executor import Executor

logger = logging.getLogger(__name__)


class Service:
    """The doors, and the conversations behind them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engines: Engines | None = None
        self._executor: Executor | None = None
        self._closing = ClosingWords()
        self._hearing = Hearing(settings)
        self._hub: Hub
        self._metrics: Metrics

    async def serve(self, ready: Callable[[str], None], *, signals: bool = True) -> None:
        """Open the doors and run until told to stop. Raises PortInUse, ConfigError, ExtraMissing or EngineError."""
        from voice.server.door import Door
        from voice.server.page.plain import render

        server = self._settings.server
        self._hub = Hub(
            HubLimits(
                max_sessions=server.max_sessions,
                max_session_s=server.max_session_minutes * 60,
                grace_s=server.grace_s,
            )
        )
        self._metrics = Metrics(self._hub)
        door = Door(
            host=server.host,
            port=server.port,
            sockets={"/v1/realtime": self._realtime, "/twilio": self._twilio},
            readiness=self._readiness,
            metrics=self._metrics.render,
            page=lambda: render(server.public_origin or door.address, sockets=("/v1/realtime", "/twilio")),
            on_drain=self._hub.drain,
            allowed_hosts=server.allowed_hosts,
            allowed_origins=server.allowed_origins,
            limits=SocketLimits(max_message_bytes=server.max_message_bytes),
        )
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._hearing.close)
            self._executor = open_tools(self._settings)
            self._closing = await ClosingWords.spoken(self._settings)
            self._engines = await open_engines(self._settings, None, stack)
            await door.serve(ready, signals=signals)

    def _readiness(self) -> tuple[bool, str]:
        if self._engines is None:
            return False, "starting"
        return self._hub.readiness()

    async def _realtime(self, pending: PendingSocket) -> None:
        from voice.transports.websocket import RealtimeTransport

        await self._converse(pending, lambda: RealtimeTransport(pending))

    async def _twilio(self, pending: PendingSocket) -> None:
        from voice.transports.telephony.stream import TelephonyTransport
        from voice.transports.telephony.twilio import TwilioCodec

        await self._converse(pending, lambda: TelephonyTransport(TwilioCodec(), pending))

    async def _converse(self, pending: PendingSocket, make_transport: Callable[[], Transport]) -> None:
        try:
            self._hub.admit()
        except Busy as busy:
            pending.reject(503, b'{"error":{"code":"busy"}}', {"retry-after": str(int(busy.retry_after_s or 5))})
            return
        try:
            await self._hub.run(lambda: self._driver(make_transport()))
        except PeerGone:
            logger.info("caller left before the call began")
        except EngineError as error:
            logger.warning("engine failed", extra={"error": error.log})
        except VoiceError as error:
            logger.warning("session failed", extra={"error": error.log})

    def _driver(self, transport: Transport) -> Driver:
        assert self._engines is not None
        assert self._executor is not None
        config = session_config(
            self._settings,
            transport,
            self._engines,
            self._executor.registry.tools_for_model(),
            LinkRules(),
            self._closing,
        )
        observer = Observer(self._metrics, config.session_id)
        return make_driver(config, transport, self._engines, self._executor, [observer], self._hearing)


def build_service(settings: Settings) -> Service:
    """A service that is not running yet."""
    return Service(settings)
