"""The engine's side of listening: its own voice detector and its own idea of when a turn is over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from tests.benchmarks.interaction.policies import Policy
from voice.audio.convert import Converter
from voice.audio.frames import PCM_16K, AudioFormat, AudioFrame
from voice.engines.local.ear import Ear, SpeechGoesOn, SpeechStarted, SpeechStopped
from voice.engines.local.turns import policy_for
from voice.engines.stages import SpeechProbability

if TYPE_CHECKING:
    from voice.engines.speech.pocketsphinx_decoder import PhraseDecoder

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


class Words:
    """What the embedded recogniser makes of the utterance so far, looked at every 100 ms."""

    EVERY_BYTES = PCM_16K.size_bytes(100)

    def __init__(self, phrases: Sequence[str]) -> None:
        self._decoder = _decoder()
        self._phrases = tuple(phrases)
        self._fed = 0
        self.text = ""
        self.start()

    def start(self) -> None:
        self._decoder.start(self._phrases)
        self._fed = 0
        self.text = ""

    def feed(self, pcm: bytes) -> bool:
        """More of the utterance; whether the words are others now."""
        self._decoder.feed(pcm)
        before, self._fed = self._fed, self._fed + len(pcm)
        if before // self.EVERY_BYTES == self._fed // self.EVERY_BYTES:
            return False
        said, self.text = self.text, self._decoder.heard().text
        return self.text != said

    def end(self) -> str:
        """The utterance is over: its words."""
        return self._decoder.end().text


@cache
def _decoder() -> PhraseDecoder:
    """One for each process: it holds 90 MB."""
    from voice.engines.speech.pocketsphinx_decoder import PhraseDecoder

    return PhraseDecoder()


class EngineEar:
    """Sound in the line's format in, the two edges of turns out. Without `words` a turn's end waits by the clock."""

    def __init__(self, format: AudioFormat, policy: Policy, vad: SpeechProbability, words: Words | None) -> None:
        self._converter = Converter(format, PCM_16K)
        self._ear = Ear(vad)
        self._ear.detect(policy_for(policy.detection), ends_turns=True)
        self._words = words

    def hear(self, frame: AudioFrame) -> list[str]:
        """`started`, `words` (there are others) and `stopped`, in order."""
        edges: list[str] = []
        for heard in self._ear.hear(self._converter.convert(frame.data), lambda: self.text):
            match heard:
                case SpeechStarted():
                    edges.append("started")
                    if self._words is not None:
                        self._words.start()
                        self._words.feed(heard.sound)
                case SpeechGoesOn() if self._words is not None:
                    if self._words.feed(heard.sound):
                        edges.append("words")
                case SpeechStopped():
                    edges.append("stopped")
        return edges

    def recognise(self, frame: AudioFrame) -> bool:
        """Sound of a turn that somebody else found; whether the words are others now."""
        return self._words is not None and self._words.feed(self._converter.convert(frame.data))

    @property
    def recognises(self) -> bool:
        return self._words is not None

    def all_text(self) -> str:
        """The words of a turn that is over; `begin_again` is next."""
        return "" if self._words is None else self._words.end()

    def begin_again(self) -> None:
        """The turn is over."""
        if self._words is not None:
            self._words.start()

    @property
    def text(self) -> str:
        """The words of the utterance so far."""
        return "" if self._words is None else self._words.text
