"""What a session is told at its birth, and who carries it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from voice.app.closing import ClosingWords
from voice.app.engines import Engines
from voice.app.hearing import Hearing, has_ear
from voice.config import Settings
from voice.errors import ExtraMissing
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
from voice.runtime.driver import Driver, Watcher
from voice.runtime.phrases import phrase_lists
from voice.session.rules import FloorRules, LinkRules, SessionConfig, TurnRules
from voice.session.session import Session
from voice.transports.base import Transport

if TYPE_CHECKING:
    from voice.tools.executor import Executor


_FORMATS = {"pcm16": PcmFormat, "pcmu": PcmuFormat, "pcma": PcmaFormat}


def wire_settings(settings: Settings, transport: Transport, engines: Engines, *, judged: bool) -> SessionWire:
    """What a session asks of its engine for this far end. A realtime client chooses its own sound and turns. Where
    interruptions are `judged`, an engine of ours writes down early what it hears."""
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
    transcription = Transcription(model=engines.transcription, language=wanted.language or None)
    if engines.embedded and judged:
        transcription.delay = "low"
    output = AudioOutput(format=_FORMATS[traits.output_format.encoding]())
    if wanted.voice:
        output = output.model_copy(update={"voice": wanted.voice})
    given["audio"] = AudioSettings(
        input=AudioInput(
            format=_FORMATS[traits.input_format.encoding](),
            transcription=transcription,
            turn_detection=detection,
        ),
        output=output,
    )
    return SessionWire(output_modalities=["audio"], **given)


def session_config(
    settings: Settings,
    transport: Transport,
    engines: Engines,
    tools: Sequence[FunctionTool],
    link: LinkRules,
    closing: ClosingWords | None = None,
) -> SessionConfig:
    """All a session is told at its birth."""
    floor = floor_rules(settings, transport, engines)
    return SessionConfig(
        session_id=f"sess_{secrets.token_hex(8)}",
        settings=wire_settings(settings, transport, engines, judged=floor is not None),
        traits=engines.traits,
        tools=tuple(tools),
        client_face=transport.traits.realtime,
        can_duck=transport.traits.can_duck,
        can_hush=transport.traits.can_hush,
        can_approve=transport.traits.can_approve,
        playout=transport.traits.playout,
        greeting=settings.session.greeting,
        closing=closing.for_line(transport.traits.output_format) if closing is not None else None,
        turns=turn_rules(settings, transport),
        link=link,
        floor=floor,
    )


def turn_rules(settings: Settings, transport: Transport) -> TurnRules:
    """How the settings want turns to be taken. A realtime client says by itself how its turns are found."""
    turns = settings.turns
    return TurnRules(
        mode="server_vad" if transport.traits.realtime else turns.mode,
        floor=turns.floor,
        eagerness=turns.eagerness,
        toggle=turns.toggle,
        silence_ms=float(turns.silence_ms),
        speculate_ms=float(turns.speculate_ms) if turns.speculate_ms else None,
        idle_ms=turns.idle_s * 1000 if turns.idle_s else None,
        idle_text=turns.idle_text,
    )


def floor_rules(settings: Settings, transport: Transport, engines: Engines) -> FloorRules | None:
    """How interruptions are judged, where an ear of ours can and shall judge them."""
    traits = transport.traits
    if traits.playout == "client":
        return None
    interruption = settings.turns.interruption
    local = settings.turns.mode == "local" and not traits.realtime
    installed = has_ear()
    if not installed:
        if local:
            raise ExtraMissing('The ear that turns.mode = "local" needs', "local")
        if interruption == "judged":
            raise ExtraMissing('The ear that turns.interruption = "judged" needs', "local")
    wanted = local or interruption == "judged" or (interruption == "auto" and engines.embedded)
    if not wanted or not installed:
        return None
    return FloorRules(phrases=phrase_lists(settings.session.language), names_moments=True)


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
        senses=engines.senses,
        watchers=watchers,
    )
