"""The doors, and the conversations behind them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import AsyncExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from voice import __version__
from voice.app.closing import ClosingWords
from voice.app.conversations import Company, Conversations, every_tool, now, settings_of, tools_for
from voice.app.engines import Engines, open_engines
from voice.app.hearing import Hearing
from voice.app.tooling import open_tools
from voice.app.warming import warming_up
from voice.config import ServerSettings, Settings
from voice.errors import ConfigError
from voice.net.base import PendingSocket, SocketLimits
from voice.runtime.hub import Hub, HubLimits
from voice.runtime.metrics import Metrics
from voice.runtime.quota import QuotaLimits, Quotas
from voice.server.auth import Authority, Caller
from voice.server.calls import Calls
from voice.server.carriers import TwilioSignature
from voice.server.guard import check_reach
from voice.server.keys import ApiKey, KeyFile
from voice.server.reception import Reception
from voice.server.secrets import ClientSecrets
from voice.server.visits import Assistants
from voice.transports.base import Transport

if TYPE_CHECKING:
    from voice.server.door import Door

logger = logging.getLogger(__name__)

KEYS_AGAIN_S = 2.0


class Service:
    """One service, in one process, on one port."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._hub: Hub
        self._conversations: Conversations
        self._metrics: Metrics
        self._quotas: Quotas
        self.door: Door
        self.authority: Authority
        self.secrets: ClientSecrets
        self.calls: Calls

    async def serve(self, ready: Callable[[str], None], *, signals: bool = True) -> None:
        """Open the doors and run until told to stop. Raises PortInUse, ConfigError, ExtraMissing or EngineError."""
        server = self._settings.server
        keys = await self._keys()
        check_reach(server, authenticated=keys is not None)
        reception = self._receive(keys)
        self.door = self._make_door(reception)
        self.door.reserve()
        async with AsyncExitStack() as stack:
            stack.callback(self.door.give_up)
            if server.state_path and not self._quotas.is_free:
                from voice.app.keeping import kept

                await stack.enter_async_context(kept(self._quotas, Path(server.state_path), now))
            await self._open(self._conversations, reception.assistants, stack)
            stack.push_async_callback(self.calls.close)
            if self.authority.keys_needed:
                _look_after(self._watch_keys(), stack)
            elif server.open_to_all:
                logger.warning("this service asks for no key: something in front of it must")

            def accepting(address: str) -> None:
                stack.enter_context(warming_up())
                ready(address)

            await self.door.serve(accepting, signals=signals)

    def _receive(self, keys: tuple[ApiKey, ...] | None) -> Reception:
        """Everything that decides who may come in."""
        settings, server, limits = self._settings, self._settings.server, self._settings.limits
        hub = self._hub = Hub(
            HubLimits(
                max_sessions=server.max_sessions,
                max_sessions_per_owner=limits.sessions_per_key,
                max_session_s=server.max_session_minutes * 60,
                grace_s=server.grace_s,
            )
        )
        self._metrics = Metrics(hub)
        assistants = Assistants(settings)
        self._quotas = Quotas(QuotaLimits(limits.minutes_per_key, limits.usd_per_key, limits.usd))
        conversations = self._conversations = Conversations(settings, assistants, hub, self._quotas, self._metrics)
        self.secrets = ClientSecrets(limits.client_secrets, time.time)
        self.authority = Authority(
            keys, self.secrets, limits, trusted_proxies=server.trusted_proxies, open_to_all=server.open_to_all
        )
        self.calls = Calls(conversations.hold, most_pending=limits.pending_calls)
        return Reception(self.authority, self.secrets, assistants, self.calls, hub, conversations.may_begin, limits)

    def _make_door(self, reception: Reception) -> Door:
        from voice.server.door import Door
        from voice.server.routes import Routes
        from voice.server.sockets import Sockets

        server, authority, conversations = self._settings.server, self.authority, self._conversations
        sockets = Sockets(reception, conversations.hold)
        facts = self._facts(reception.assistants, authority)
        routes = Routes(reception, answer=self._answer, effective=conversations.effective, facts=facts)
        return Door(
            host=server.host,
            port=server.port,
            sockets={
                "/v1/realtime": sockets.realtime(_realtime),
                "/twilio": sockets.carrier(_twilio, _signature(server)),
            },
            readiness=self._readiness,
            metrics=self._metrics.render,
            may_read_metrics=lambda headers, client: authority.identify(headers, client).need("metrics"),
            page=self._plain_page,
            on_drain=self._hub.drain,
            allowed_hosts=(*server.allowed_hosts, *_host_of(server.public_origin)),
            allowed_origins=server.allowed_origins,
            authenticated=authority.keys_needed or server.open_to_all,
            limits=SocketLimits(max_message_bytes=server.max_message_bytes),
            further_routes=routes.all(),
            tls=(server.tls_cert, server.tls_key) if server.tls_cert else None,
        )

    def _plain_page(self) -> str:
        from voice.server.page.plain import render

        address = self._settings.server.public_origin or self.door.address
        return render(address, sockets=("/v1/realtime", "/twilio"), key_needed=self.authority.keys_needed)

    async def _open(self, conversations: Conversations, assistants: Assistants, stack: AsyncExitStack) -> None:
        """Everything that conversations are made of."""
        settings = self._settings
        executor = open_tools(every_tool(settings, assistants))
        tools = executor.registry.tools_for_model()
        engines = await open_engines(settings, None, stack)
        companies: dict[str, Company] = {}
        for name, assistant in assistants.all.items():
            own = settings_of(settings, assistant)
            hearing = Hearing(own)
            stack.push_async_callback(hearing.close)
            companies[name] = Company(
                own,
                await self._engines_for(own, engines, stack),
                tools_for(assistant, tools),
                await ClosingWords.spoken(own),
                hearing,
            )
        conversations.open(companies, executor)

    async def _engines_for(self, own: Settings, engines: Engines, stack: AsyncExitStack) -> Engines:
        """The general engines, unless this assistant wants another model of a remote one."""
        if own.engine == self._settings.engine or own.engine.kind == "local":
            return engines
        return await open_engines(own, None, stack)

    async def _answer(self, offer: str) -> tuple[Transport, str]:
        from voice.transports.webrtc import answer_offer

        transport = await answer_offer(offer, self._settings.webrtc)
        return transport, transport.answer_sdp

    def _facts(self, assistants: Assistants, authority: Authority) -> Callable[[Caller | None], Mapping[str, Any]]:
        has_webrtc = find_spec("aiortc") is not None

        def facts(caller: Caller | None) -> Mapping[str, Any]:
            return {
                "version": __version__,
                "engine": self._settings.engine.kind,
                "auth": "key" if authority.keys_needed else "none",
                "webrtc": has_webrtc,
                "assistants": self._conversations.facts(known=caller is not None),
                "default_assistant": assistants.default,
            }

        return facts

    def _readiness(self) -> tuple[bool, str]:
        if not self._conversations.is_open:
            return False, "starting"
        return self._hub.readiness()

    # Keys

    async def _keys(self) -> tuple[ApiKey, ...] | None:
        """The keys that clients must show; None: there is no file of them, so nobody needs one. Raises ConfigError."""
        path = self._settings.server.keys_file
        return None if not path else await asyncio.to_thread(KeyFile(Path(path)).read)

    def change_keys(self, keys: Iterable[ApiKey]) -> None:
        """These are the keys from now on; whoever talks with a revoked one is hung up on."""
        for owner in self.authority.change_keys(keys):
            logger.info("key revoked", extra={"owner": owner})
            self._hub.end_all_of(owner, "the key was revoked")

    async def _watch_keys(self) -> None:
        """A key that was made or revoked counts within seconds. A file that cannot be read changes nothing."""
        file = KeyFile(Path(self._settings.server.keys_file))
        while True:
            await asyncio.sleep(KEYS_AGAIN_S)
            try:
                self.change_keys(await asyncio.to_thread(file.read))
            except ConfigError as error:
                logger.error("keys cannot be read", extra={"error": error.log})


def build_service(settings: Settings) -> Service:
    """A service that is not running yet."""
    return Service(settings)


def _realtime(pending: PendingSocket) -> Transport:
    from voice.transports.websocket import RealtimeTransport

    return RealtimeTransport(pending)


def _twilio(pending: PendingSocket) -> Transport:
    from voice.transports.telephony.stream import TelephonyTransport
    from voice.transports.telephony.twilio import TwilioCodec

    return TelephonyTransport(TwilioCodec(), pending)


def _signature(server: ServerSettings) -> TwilioSignature | None:
    token = server.twilio_auth_token
    return TwilioSignature(token, server.public_origin) if token else None


def _host_of(origin: str) -> tuple[str, ...]:
    host = urlsplit(origin).hostname if origin else None
    return (host,) if host else ()


def _look_after(work: Coroutine[Any, Any, None], stack: AsyncExitStack) -> None:
    """A task that ends with the service."""
    task = asyncio.get_running_loop().create_task(work, name="watch keys")

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)
