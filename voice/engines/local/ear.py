"""Who listens for turns: sound in, the edges of speech out.

One window of the voice detector costs about 0.1 ms, so windows run where the sound arrives; the caller bounds how
much sound it hands over at once. The detector is reset after every utterance and now and then in silence: kept
running, it notices quiet speech in noise more than 100 ms later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from voice.audio.frames import PCM_16K
from voice.engines.local.input_buffer import BYTES_PER_MS, InputBuffer
from voice.engines.local.turns import MANUAL, TurnPolicy
from voice.engines.stages import SpeechProbability
from voice.errors import Misuse

_REFRESH_MS = 5000


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """A voice set in. `sound` reaches from `audio_start_ms` (padding included) to now."""

    audio_start_ms: int
    sound: bytes


@dataclass(frozen=True, slots=True)
class SpeechGoesOn:
    """More of the utterance, also its pauses: for `silent_ms` there was no voice."""

    sound: bytes
    silent_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The turn is over; `sound` is all of it, the silence at its end included."""

    audio_end_ms: int
    sound: bytes
    why: Literal["silence", "unsure", "too_long"]


Heard = SpeechStarted | SpeechGoesOn | SpeechStopped


class Ear:
    """The input buffer and the machine over it: quiet, or in an utterance."""

    def __init__(self, vad: SpeechProbability, *, limit_ms: int = 120_000) -> None:
        if vad.rate_hz != PCM_16K.rate_hz:
            raise Misuse(f"The voice detector works at {vad.rate_hz} Hz; the embedded engine hears at 16000 Hz.")
        self.buffer = InputBuffer(limit_ms)
        self._vad = vad
        self._window_bytes = vad.window_samples * 2
        self._window_ms = self._window_bytes / BYTES_PER_MS
        self._policy = MANUAL
        self._ends_turns = False
        self._unheard = bytearray()
        self._start_ms: float | None = None
        self._onset_ms = self._voice_ms = self._sure_ms = 0.0
        self._voiced_ms = 0.0
        self._fresh_ms = 0.0
        vad.reset()

    @property
    def in_speech(self) -> bool:
        return self._start_ms is not None

    def detect(self, policy: TurnPolicy, *, ends_turns: bool) -> None:
        """Change the rules. Without `ends_turns` speech is noticed but goes on until a commit. Sound is kept."""
        self._policy = policy
        self._ends_turns = ends_turns
        self._start_over()

    def hear(self, pcm: bytes, words: Callable[[], str]) -> Iterator[Heard]:
        """More sound. `words` tells what was recognised of the utterance so far; it is asked in pauses only."""
        self.buffer.append(pcm)
        self._unheard += pcm
        while len(self._unheard) >= self._window_bytes:
            window = bytes(self._unheard[: self._window_bytes])
            del self._unheard[: self._window_bytes]
            yield from self._judge(window, words)

    def commit(self) -> bytes:
        """Take all sound that is not yet an item: in an utterance from its beginning."""
        start_ms = self.buffer.start_ms
        if self._ends_turns and self._start_ms is not None:
            start_ms = self._start_ms
        sound = self.buffer.take(start_ms, self.buffer.now_ms)
        self._start_over()
        return sound

    def clear(self) -> None:
        """Forget what was heard and not committed."""
        self.buffer.clear()
        self._start_over()

    def _judge(self, window: bytes, words: Callable[[], str]) -> Iterator[Heard]:
        at_ms = self.buffer.now_ms - len(self._unheard) / BYTES_PER_MS
        probability = self._vad.feed(window)
        if self._start_ms is None:
            yield from self._in_quiet(probability, at_ms)
        else:
            yield from self._in_speech(window, probability, at_ms, words)

    def _in_quiet(self, probability: float, at_ms: float) -> Iterator[Heard]:
        self._voiced_ms = self._voiced_ms + self._window_ms if probability >= self._policy.threshold else 0.0
        if not self._voiced_ms and at_ms - self._fresh_ms >= _REFRESH_MS:
            self._vad.reset()
            self._fresh_ms = at_ms
        if self._voiced_ms >= self._policy.rules.onset_ms:
            padded_ms = at_ms - self._voiced_ms - self._policy.prefix_ms
            self._start_ms = max(padded_ms, self.buffer.start_ms)
            self._onset_ms = at_ms - self._voiced_ms
            self._voice_ms = self._sure_ms = at_ms
            yield SpeechStarted(round(self._start_ms), self.buffer.sound(self._start_ms, at_ms))
        elif self._ends_turns:
            self.buffer.forget_before(at_ms - self._voiced_ms - self._policy.prefix_ms)

    def _in_speech(self, window: bytes, probability: float, at_ms: float, words: Callable[[], str]) -> Iterator[Heard]:
        if probability >= self._policy.release:
            self._voice_ms = at_ms
        if probability >= self._policy.threshold:
            self._sure_ms = at_ms
        yield SpeechGoesOn(window, at_ms - self._voice_ms)
        if self._ends_turns and (why := self._is_over(at_ms, words)) is not None:
            assert self._start_ms is not None
            sound = self.buffer.take(self._start_ms, at_ms)
            self._forget()
            yield SpeechStopped(round(at_ms), sound, why)

    def _is_over(self, at_ms: float, words: Callable[[], str]) -> Literal["silence", "unsure", "too_long"] | None:
        silent_ms = at_ms - self._voice_ms
        if silent_ms > 0 and silent_ms >= self._policy.wait_ms(words()):
            return "silence"
        if at_ms - self._sure_ms >= self._policy.longest_wait_ms:
            return "unsure"
        if at_ms - self._onset_ms >= self._policy.rules.longest_turn_ms:
            return "too_long"
        return None

    def _start_over(self) -> None:
        """Quiet again, and what was not judged yet is not judged any more: it belongs to the past."""
        self._unheard.clear()
        self._forget()

    def _forget(self) -> None:
        self._start_ms = None
        self._voiced_ms = 0.0
        self._fresh_ms = self.buffer.now_ms
        self._vad.reset()
