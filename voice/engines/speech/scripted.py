"""Twins of the speech stages that need nothing installed and always do the same."""

from __future__ import annotations

import math
import zlib
from array import array
from collections.abc import AsyncGenerator, Iterable, Sequence

from voice.engines.stages import Transcript


class EnergyProbability:
    """Calls loud windows speech: 0.5 at `level_dbfs`, steeply more and less around it. For tests, not for rooms."""

    rate_hz = 16_000
    window_samples = 512

    def __init__(self, *, level_dbfs: float = -40.0) -> None:
        self._level_dbfs = level_dbfs

    def feed(self, window: bytes) -> float:
        """Probability 0..1 for one window of PCM16."""
        samples = array("h", window)
        power = sum(sample * sample for sample in samples) / max(len(samples), 1)
        level_dbfs = 10 * math.log10(power / 32768**2 + 1e-12)
        return 1 / (1 + math.exp(min(max(self._level_dbfs - level_dbfs, -60), 60)))

    def reset(self) -> None:
        """There is no past."""


class ToneSpeaker:
    """Says each word as a tone of its own pitch and length, so that a listener can tell what was said, and how much."""

    name = "tones"
    rate_hz = 16_000

    def __init__(self, *, word_ms: int = 60, letter_ms: int = 25, gap_ms: int = 40, piece_ms: int = 100) -> None:
        self._word_ms = word_ms
        self._letter_ms = letter_ms
        self._gap_ms = gap_ms
        self._piece_bytes = piece_ms * 2 * self.rate_hz // 1000
        self.spoken: list[str] = []
        """Every text it was asked to say."""

    async def open(self) -> None:
        """Nothing to load."""

    async def speak(self, text: str, *, voice: str = "", speed: float = 1.0) -> AsyncGenerator[bytes, None]:
        """PCM16 at 16 kHz in pieces of 100 ms."""
        self.spoken.append(text)
        sound = b"".join(self.word(word, speed=speed) for word in text.split())
        for at in range(0, len(sound), self._piece_bytes):
            yield sound[at : at + self._piece_bytes]

    async def close(self) -> None:
        """Nothing to end."""

    def word(self, word: str, *, speed: float = 1.0) -> bytes:
        """One word's tone and the gap after it."""
        name = word.lower().strip(".,;:!?\"'()")
        pitch_hz = 200 + zlib.crc32(name.encode()) % 1200
        count = round((self._word_ms + self._letter_ms * len(name)) / speed * self.rate_hz / 1000)
        step = 2 * math.pi * pitch_hz / self.rate_hz
        tone = array("h", (round(8000 * math.sin(step * index)) for index in range(count)))
        return tone.tobytes() + bytes(round(self._gap_ms / speed * self.rate_hz / 1000) * 2)


class ScriptedRecogniser:
    """Hears what it was told to hear: the next line for each utterance, then nothing."""

    name = "scripted"

    def __init__(self, lines: Iterable[str | Exception] = (), *, word_ms: int = 250) -> None:
        self._lines = iter(lines)
        self._word_ms = word_ms
        self.utterances: list[ScriptedRecognition] = []
        """Every utterance that was begun."""

    async def open(self) -> None:
        """Nothing to load."""

    def start(self, *, phrases: Sequence[str] = (), language: str = "en") -> ScriptedRecognition:
        """Begin an utterance, which takes the next line."""
        utterance = ScriptedRecognition(next(self._lines, ""), self._word_ms, tuple(phrases))
        self.utterances.append(utterance)
        return utterance

    async def close(self) -> None:
        """Nothing to end."""


class ScriptedRecognition:
    """One utterance. A word of its line shows for every 250 ms of sound."""

    def __init__(self, line: str | Exception, word_ms: int, phrases: tuple[str, ...]) -> None:
        self._line = line
        self._word_bytes = word_ms * 32
        self.phrases = phrases
        self.sound = bytearray()
        self.abandoned = False

    def feed(self, pcm: bytes) -> None:
        """More sound."""
        self.sound += pcm

    def partial(self) -> str:
        """The first words of the line."""
        if isinstance(self._line, Exception):
            return ""
        return " ".join(self._line.split()[: len(self.sound) // self._word_bytes])

    async def finish(self) -> Transcript:
        """The line; raises it when it is an error."""
        if isinstance(self._line, Exception):
            raise self._line
        return Transcript(self._line, 1.0)

    def abandon(self) -> None:
        """Forget it."""
        self.abandoned = True
