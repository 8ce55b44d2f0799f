"""Conversations of this service: what each of them is made of, and how it is held to its end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from voice.app.closing import ClosingWords
from voice.app.engines import Engines
from voice.app.hearing import Hearing
from voice.app.sessions import make_driver, session_config
from voice.app.tooling import approval_rules
from voice.config import AssistantSettings, Settings
from voice.errors import ConfigError, EngineError, PeerGone, VoiceError
from voice.protocol.settings import AudioOutput, AudioSettings, FunctionTool, Session, TranscriptionSession, merge
from voice.runtime.driver import Driver, Watcher
from voice.runtime.hub import Hub, Place
from voice.runtime.metrics import Metrics
from voice.runtime.observe import Observer
from voice.runtime.quota import CHECK_S, Meter, Quotas
from voice.server import transcription
from voice.server.visits import Assistants, Visit
from voice.session.rules import LinkRules, Prices, SessionConfig
from voice.transports.base import Transport

if TYPE_CHECKING:
    from voice.tools.executor import Executor

_AT_START = time.time() - time.monotonic()
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Company:
    """Everything that conversations with one assistant are made of."""

    settings: Settings
    engines: Engines
    tools: tuple[FunctionTool, ...]
    closing: ClosingWords
    hearing: Hearing


class Conversations:
    """Holds them. `open` says who is there; before it nobody can be talked with."""

    def __init__(self, settings: Settings, assistants: Assistants, hub: Hub, quotas: Quotas, metrics: Metrics) -> None:
        self._settings = settings
        self._assistants = assistants
        self._hub = hub
        self._quotas = quotas
        self._metrics = metrics
        self._prices = Prices(**asdict(settings.prices))
        self._companies: Mapping[str, Company] = {}
        self._executor: Executor | None = None

    def open(self, companies: Mapping[str, Company], executor: Executor) -> None:
        self._companies, self._executor = companies, executor

    @property
    def is_open(self) -> bool:
        return bool(self._companies)

    def may_begin(self, owner: str) -> None:
        """Raises RequestRefused or Busy when the owner has used up what it may take."""
        self._quotas.check(owner, now())

    async def hold(self, transport: Transport, visit: Visit, place: Place) -> None:
        """One conversation, to its end. Gives the place back; raises nothing that a caller could do anything about."""
        meter = Meter(self._quotas, place.owner, now)
        looking = None if self._quotas.is_free else asyncio.create_task(_look_at(meter), name="look at the meter")
        try:
            await self._hub.run(lambda: self._driver(transport, visit, meter), place)
        except PeerGone:
            logger.info("caller left before the call began")
        except EngineError as error:
            logger.warning("engine failed", extra={"error": error.log})
        except VoiceError as error:
            logger.warning("session failed", extra={"error": error.log})
        finally:
            place.give_back()
            meter.close()
            if looking is not None:
                looking.cancel()
                await asyncio.wait([looking])

    def _driver(self, transport: Transport, visit: Visit, meter: Meter) -> Driver:
        assert self._executor is not None
        company = self._companies[visit.assistant.name]
        config = self._config(company, transport, visit)
        watchers: list[Watcher] = [Observer(self._metrics, config.session_id)]
        if not self._quotas.is_free:
            watchers.append(meter)
        driver = make_driver(config, transport, company.engines, self._executor, watchers, company.hearing)
        meter.over = driver.close
        values = {"session_id": config.session_id, "owner": visit.caller.owner, "assistant": visit.assistant.name}
        logger.info("session admitted", extra=values)
        return driver

    def _config(self, company: Company, transport: Transport, visit: Visit) -> SessionConfig:
        made = session_config(company.settings, transport, company.engines, company.tools, LinkRules(), company.closing)
        assert self._executor is not None
        config = replace(made, prices=self._prices, approvals=approval_rules(company.settings, self._executor))
        if visit.transcribes:
            wished = visit.session if isinstance(visit.session, TranscriptionSession) else None
            settings = transcription.opening(wished, company.engines.transcription)
            return replace(config, settings=settings, tools=(), greeting="")
        if isinstance(visit.session, Session):
            return replace(config, settings=merge(config.settings, _without_model(visit.session)))
        return config

    def effective(self, visit: Visit) -> Mapping[str, Any]:
        """The session object that a visit's settings come to. Raises ProtocolError for what cannot be."""
        from voice.engines.local.settings import Settings as InForce
        from voice.server.routes import as_json, session_id

        name = visit.assistant.name
        wished = visit.assistant.session
        given = Session(instructions=wished.instructions) if wished.instructions else Session()
        if wished.voice:
            given.audio = AudioSettings(output=AudioOutput(voice=wished.voice))
        if visit.transcribes:
            asked = visit.session if isinstance(visit.session, TranscriptionSession) else None
            given = transcription.opening(asked, self._companies[name].engines.transcription)
        elif isinstance(visit.session, Session):
            given = merge(given, _without_model(visit.session))
        in_force = InForce(name, session_id(), given).session
        if not visit.overrides.allows("instructions"):
            in_force = in_force.model_copy(update={"instructions": ""})
        return as_json(transcription.for_client(in_force) if visit.transcribes else in_force)

    def facts(self, *, known: bool) -> list[dict[str, Any]]:
        """What `/v1/info` tells of the assistants, to whom may know."""
        return [self._facts_of(assistant) for assistant in self._assistants.all.values()] if known else []

    def _facts_of(self, assistant: AssistantSettings) -> dict[str, Any]:
        company = self._companies.get(assistant.name)
        return {
            "name": assistant.name,
            "description": assistant.description,
            "voice": assistant.session.voice,
            "tools": [tool.name for tool in company.tools] if company is not None else [],
        }


def settings_of(settings: Settings, assistant: AssistantSettings) -> Settings:
    """The settings of the service, as they are for this assistant."""
    engine = replace(settings.engine, model=assistant.model) if assistant.model else settings.engine
    return replace(settings, session=assistant.session, turns=assistant.turns, tools=assistant.tools, engine=engine)


def every_tool(settings: Settings, assistants: Assistants) -> Settings:
    """Settings under which each tool is there that any assistant may use."""
    wanted = [assistant.tools.enabled for assistant in assistants.all.values()]
    if "all" in wanted:
        enabled: Any = "all"
    else:
        enabled = tuple(dict.fromkeys(name for names in wanted for name in names))
    return replace(settings, tools=replace(settings.tools, enabled=enabled))


def tools_for(assistant: AssistantSettings, tools: Sequence[FunctionTool]) -> tuple[FunctionTool, ...]:
    """Those that this assistant may use. Raises ConfigError for one that nobody knows."""
    wanted = assistant.tools.enabled
    if wanted == "all":
        return tuple(tools)
    known = {tool.name: tool for tool in tools}
    for name in wanted:
        if name not in known:
            raise ConfigError(
                f"[assistants.{assistant.name}] names the tool {name!r}, and there is none.",
                fix=f"There are: {', '.join(known)}.",
            )
    return tuple(known[name] for name in wanted)


def _without_model(session: Session) -> Session:
    """It has chosen the assistant, and the assistant's engine has its own."""
    copy = session.model_copy()
    copy.model = None
    copy.model_fields_set.discard("model")
    return copy


async def _look_at(meter: Meter) -> None:
    """Until cancelled."""
    while True:
        await asyncio.sleep(CHECK_S)
        meter.look()


def now() -> float:
    """Seconds since 1970, by a clock that nobody sets while we run."""
    return _AT_START + time.monotonic()
