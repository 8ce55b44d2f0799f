"""The engine's side of listening: its own voice detector and its own idea of when a turn is over."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.interaction.policies import Policy
from voice.audio.convert import Converter
from voice.audio.frames import PCM_16K, AudioFormat, AudioFrame
from voice.engines.local.ear import Ear, SpeechStarted, SpeechStopped
from voice.engines.local.turns import policy_for
from voice.engines.stages import SpeechProbability

Memo = dict[int, float]


class RememberedProbability:
    """A voice detector whose answers are kept: both policies hear the same sound until one of them acts.

    The answer to a window depends on all windows since the last reset, and on nothing else; so does its key.
    """

    rate_hz = 16_000
    window_samples = 512

    def __init__(self, memo: Memo, make: Callable[[], SpeechProbability]) -> None:
        self._memo = memo
        self._make = make
        self._model: SpeechProbability | None = None
        self._since_reset: list[bytes] = []
        self._judged = 0  # of these windows, by the model
        self._state = 0

    def feed(self, window: bytes) -> float:
        self._since_reset.append(window)
        self._state = hash((self._state, window))
        known = self._memo.get(self._state)
        if known is None:
            known = self._memo[self._state] = self._catch_up()
        return known

    def reset(self) -> None:
        self._since_reset.clear()
        self._state = self._judged = 0
        if self._model is not None:
            self._model.reset()

    def _catch_up(self) -> float:
        if self._model is None:
            self._model = self._make()
        probability = 0.0
        for window in self._since_reset[self._judged :]:
            probability = self._model.feed(window)
        self._judged = len(self._since_reset)
        return probability


class EngineEar:
    """Sound in the line's format in, the two edges of turns out."""

    def __init__(self, format: AudioFormat, policy: Policy, vad: SpeechProbability) -> None:
        self._converter = Converter(format, PCM_16K)
        self._ear = Ear(vad)
        self._ear.detect(policy_for(policy.detection), ends_turns=True)
        self.words = ""

    def hear(self, frame: AudioFrame) -> list[str]:
        """`started` and `stopped`, in order."""
        edges = []
        for heard in self._ear.hear(self._converter.convert(frame.data), lambda: self.words):
            if isinstance(heard, SpeechStarted):
                edges.append("started")
            elif isinstance(heard, SpeechStopped):
                edges.append("stopped")
        return edges
