"""Speech for tests: every word is a pair of tones, so whoever hears the sound can tell exactly which words came.

The tones are whole multiples of 100 Hz inside the telephone band (ITU-T G.711's 300–3400 Hz): any 10 ms of one holds
a whole number of cycles wherever the cut falls, so words survive being cut into other frames, companding to 8 bits
and a change of rate. The first half of a word takes one of 14 low tones and the second half one of 14 high ones.
"""

from __future__ import annotations

from array import array
from functools import lru_cache
from math import pi, sin

from voice.audio import g711
from voice.audio.frames import PCM_24K, AudioFormat, AudioFrame
from voice.audio.quiet import is_quiet
from voice.errors import Misuse

WORD_MS = 200
WINDOW_MS = 10
TONES = 14
LOWEST_HZ = 300
STEP_HZ = 100
LOUD = 1_000
_AMPLITUDE = 8_000
_PHASE = 0.4  # keeps samples away from zero, where a sign means nothing


class Vocabulary:
    """Numbers words as they are first used, at most 196 of them; the speaker and the listener share one."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._words: list[str] = []

    def speak(self, text: str, format: AudioFormat = PCM_24K, *, word_ms: int = WORD_MS) -> bytes:
        """The sound of a text. `word_ms` is a multiple of 20 and at least 60. Raises Misuse."""
        return b"".join(self.sound_of(word, format, word_ms=word_ms) for word in text.split())

    def sound_of(self, word: str, format: AudioFormat = PCM_24K, *, word_ms: int = WORD_MS) -> bytes:
        """The sound of one word. Raises Misuse for one word too many."""
        if word_ms % 20 or word_ms < 60:
            raise Misuse("A word lasts a multiple of 20 ms and at least 60 ms.")
        return _word(self._number(word), format, word_ms)

    def word(self, low: int, high: int) -> str | None:
        """The word of two tones; None when nobody said it yet."""
        number = low * TONES + high
        return self._words[number] if number < len(self._words) else None

    def _number(self, word: str) -> int:
        number = self._numbers.get(word)
        if number is None:
            number = len(self._words)
            if number >= TONES * TONES:
                raise Misuse(f"A vocabulary holds at most {TONES * TONES} words.")
            self._numbers[word] = number
            self._words.append(word)
        return number


class WordReader:
    """Turns a stream of marked sound back into words, 10 ms at a time. A word counts once most of it was heard."""

    def __init__(self, vocabulary: Vocabulary, format: AudioFormat = PCM_24K) -> None:
        self.words: list[str] = []
        self.unclear = 0
        self._vocabulary = vocabulary
        self._format = format
        self._window_bytes = format.size_bytes(WINDOW_MS)
        self._rest = b""
        self._tone: int | None = None
        self._times = 0
        self._low: int | None = None

    def feed(self, frame: AudioFrame) -> list[bool]:
        """The next sound: for each whole 10 ms of it whether it was loud. New words are at the end of `words`."""
        if frame.format != self._format:
            self.forget_half()
            self._format, self._window_bytes = frame.format, frame.format.size_bytes(WINDOW_MS)
        size = self._window_bytes
        if not self._rest and is_quiet(frame):
            windows, rest = divmod(len(frame.data), size)
            self._rest = frame.data[len(frame.data) - rest :] if rest else b""
            if self._tone is not None or self._low is not None:
                self._take(None)
            return [False] * windows
        data = self._rest + frame.data if self._rest else frame.data
        loud = []
        for start in range(0, len(data) - size + 1, size):
            tone = _tone(data[start : start + size], self._format)
            self._take(tone)
            loud.append(tone is not None)
        self._rest = data[len(data) - len(data) % size :]
        return loud

    def forget_half(self) -> None:
        """What follows does not continue what came before."""
        self._rest = b""
        self._take(None)

    def take_words(self) -> list[str]:
        """The words since this was last asked."""
        words, self.words = self.words, []
        return words

    def _take(self, tone: int | None) -> None:
        self._times = self._times + 1 if tone == self._tone else 1
        self._tone = tone
        if tone is None:
            if self._low is not None:
                self.unclear += 1
            self._low = None
        elif self._times == 2:
            self._tone_is_sure(tone)

    def _tone_is_sure(self, tone: int) -> None:
        if tone < TONES:
            if self._low is not None:
                self.unclear += 1
            self._low = tone
            return
        word = None if self._low is None else self._vocabulary.word(self._low, tone - TONES)
        if word is None:
            self.unclear += 1
        else:
            self.words.append(word)
        self._low = None


@lru_cache(maxsize=8_192)
def _word(number: int, format: AudioFormat, word_ms: int) -> bytes:
    low, high = divmod(number, TONES)
    half_ms = word_ms / 2
    pcm = _sine(low, format.rate_hz, half_ms) + _sine(TONES + high, format.rate_hz, half_ms)
    return pcm if format.encoding == "pcm16" else g711.encode(pcm, format.encoding)


def _sine(tone: int, rate_hz: int, duration_ms: float) -> bytes:
    turn = 2 * pi * (LOWEST_HZ + tone * STEP_HZ) / rate_hz
    count = int(duration_ms * rate_hz / 1000)
    return array("h", [int(_AMPLITUDE * sin(turn * n + _PHASE)) for n in range(count)]).tobytes()


@lru_cache(maxsize=8_192)
def _tone(window: bytes, format: AudioFormat) -> int | None:
    """Which tone 10 ms of sound are; None when they are quiet or no tone of ours."""
    pcm = window if format.encoding == "pcm16" else g711.decode(window, format.encoding)
    samples = array("h", pcm)
    if max(samples) < LOUD:
        return None
    signs = [sample >= 0 for sample in samples]
    # Around the end and back to the start: a whole number of cycles closes on itself.
    turns = sum(a is not b for a, b in zip(signs, [*signs[1:], signs[0]], strict=True))
    tone = turns // 2 - LOWEST_HZ // STEP_HZ
    return tone if 0 <= tone < 2 * TONES else None
