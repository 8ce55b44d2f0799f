"""Which engine answers, and what it is made of."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from voice.config import EngineSettings, Settings
from voice.config.loading import OPENAI_HOST
from voice.engines.base import Engine
from voice.protocol.traits import EngineTraits
from voice.runtime.turn_watch import TurnSenses

if TYPE_CHECKING:
    from voice.engines.stages import Brain, Recogniser, Speaker, SpeechProbability


OPENAI_URL = "wss://api.openai.com/v1/realtime"
OPENAI_MODEL = "gpt-realtime-2.1"
TRANSCRIPTION_MODEL = "gpt-transcribe"
LOCAL_MODEL = "voice-local"


class LocalStages:
    """The embedded engine's parts, loaded once and shared by all conversations."""

    recogniser: Recogniser
    speaker: Speaker
    brain: Brain

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.local
        self.is_whole: Callable[[str], bool] | None = None

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
            self.recogniser, self.is_whole = phrased, phrased.is_whole
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
            is_whole=self.is_whole,
        )


@dataclass(frozen=True, slots=True)
class Engines:
    """Makes the engine of each conversation. `senses` tell what a turn of our own ear is like so far."""

    traits: EngineTraits
    make: Callable[[str], Engine]
    transcription: str
    senses: TurnSenses = field(default_factory=TurnSenses)

    @property
    def embedded(self) -> bool:
        """Whether the engine is in this process. It tells the person's words while they are spoken, for the asking."""
        return self.transcription == LOCAL_MODEL


def remote_engines(url: str, settings: EngineSettings, *, model: str = "") -> Engines:
    """Engines at a realtime server; a `model` already in the URL stays."""
    from voice.engines.remote import RemoteEngine

    def make(session_id: str) -> Engine:
        wanted = model or settings.model
        return RemoteEngine(url, model=wanted, api_key=settings.api_key, key_name=_key_name(url, settings))

    return Engines(make("").traits, make, TRANSCRIPTION_MODEL)


def _key_name(url: str, settings: EngineSettings) -> str:
    """What to set when the server wants a key, or another one."""
    if settings.api_key_env:
        return settings.api_key_env
    if urlsplit(url).hostname == OPENAI_HOST:
        return "OPENAI_API_KEY"
    return "engine.api_key_env (or VOICE_ENGINE_API_KEY_ENV) to the name of the variable that holds it"


async def open_engines(settings: Settings, url: str | None, stack: AsyncExitStack) -> Engines:
    """The engines that the settings ask for, ready to be made. `url` wins over the settings."""
    stages = LocalStages(settings)
    engines = await _chosen_engines(settings, url, stages, stack)
    return replace(engines, senses=await _open_senses(settings, stages, stack))


async def _open_senses(settings: Settings, stages: LocalStages, stack: AsyncExitStack) -> TurnSenses:
    """The lists of words are English. Raises ConfigError or ExtraMissing for a model that cannot be used."""
    from voice.engines.endings import ending_of

    english = settings.session.language.lower().startswith("en")
    words = partial(ending_of, is_whole=stages.is_whole) if english else None
    path = settings.turns.end_of_turn_model
    if not path:
        return TurnSenses(words)
    from voice.engines.speech.smart_turn import SmartTurn

    model = SmartTurn(path)
    stack.push_async_callback(model.close)
    await model.open()
    return TurnSenses(words, model)


async def _chosen_engines(settings: Settings, url: str | None, stages: LocalStages, stack: AsyncExitStack) -> Engines:
    engine = settings.engine
    if url is not None:
        return remote_engines(url, engine)
    if engine.kind == "openai":
        return remote_engines(OPENAI_URL, engine, model=engine.model or OPENAI_MODEL)
    if engine.kind == "url":
        return remote_engines(engine.url, engine)
    await stages.open()
    stack.push_async_callback(stages.close)
    return Engines(EngineTraits(LOCAL_MODEL, any_model=True), stages.engine, LOCAL_MODEL)
