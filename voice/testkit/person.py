"""A person of a test: says lines in marked speech, listens word by word, and knows what was heard. No clock inside.

What they do follows from what they hear: a line begins some time after the answer to the one before it was over, or
in the middle of it. So the same conversation takes its course whatever goes wrong on the way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from voice.audio.frames import PCM_24K, AudioFormat, AudioFrame
from voice.testkit.words import Vocabulary, WordReader

FRAME_MS = 20.0


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to say.

    It begins `pause_s` after the line before it was answered: silence after its `until` word was heard, or, where
    that is empty, silence after any answer. With `interrupt_after` it begins in the middle of that answer, at so many
    words. Nobody waits in silence for longer than `patience_s`. `word_ms` is how fast it is said.
    """

    text: str
    until: str = ""
    pause_s: float = 0.6
    interrupt_after: int | None = None
    patience_s: float = 30.0
    word_ms: int = 200


@dataclass(slots=True)
class Turn:
    """What became of a line: when it was said and which words were heard between it and the next one."""

    line: Line
    began_at: float
    ended_at: float | None = None
    answer: list[str] = field(default_factory=list)
    heard_at: list[float] = field(default_factory=list)
    gave_up: bool = False

    @property
    def wait_s(self) -> float | None:
        """From the end of the line to the first word of the answer."""
        return None if self.ended_at is None or not self.heard_at else self.heard_at[0] - self.ended_at


class Loudspeaker:
    """Sounds what it was given, in real time, and hears itself: `words` are those that were really heard."""

    def __init__(self, vocabulary: Vocabulary, format: AudioFormat = PCM_24K) -> None:
        self.epoch = 0
        self.position_ms = 0.0
        self._format = format
        self._reader = WordReader(vocabulary, format)
        self._queue: deque[bytes] = deque()
        self._now = 0.0
        self._owed_bytes = 0.0

    @property
    def sounding(self) -> bool:
        """Whether something is queued."""
        return bool(self._queue)

    def play(self, frame: AudioFrame, now: float) -> list[str]:
        """Queue sound behind what is queued. Returns the words heard until now."""
        words = self.advance(now)
        if frame.data:
            self._queue.append(frame.data)
        return words

    def stop(self, epoch: int, now: float) -> list[str]:
        """Drop what was not heard by now. Returns the words heard until now."""
        words = self.advance(now)
        self._queue.clear()
        self._reader.forget_half()
        self.epoch, self.position_ms, self._owed_bytes = epoch, 0.0, 0.0
        return words

    def advance(self, now: float) -> list[str]:
        """It is `now`: what was due has sounded. Returns the words heard by it."""
        elapsed_s, self._now = max(0.0, now - self._now), max(now, self._now)
        if not self._queue:
            self._owed_bytes = 0.0
            return []
        self._owed_bytes += elapsed_s * self._format.bytes_per_second
        size = self._format.sample_bytes
        while self._queue and self._owed_bytes >= size:
            first = self._queue.popleft()
            whole = int(min(len(first), self._owed_bytes)) // size * size
            if whole < len(first):
                self._queue.appendleft(first[whole:])
            self._owed_bytes -= whole
            self.position_ms += self._format.duration_ms(whole)
            self._reader.feed(AudioFrame(self._format, first[:whole]))
        if not self._queue:
            self._owed_bytes = 0.0
        return self._reader.take_words()


class Person:
    """Says the lines in order. `frame` is asked for every 20 ms; `hear` is told what the loudspeaker sounded."""

    def __init__(
        self,
        lines: Sequence[Line],
        vocabulary: Vocabulary,
        *,
        format: AudioFormat = PCM_24K,
        first_after_s: float = 0.5,
    ) -> None:
        self.turns: list[Turn] = []
        self.words: list[tuple[float, str]] = []
        self._lines = deque(lines)
        self._vocabulary = vocabulary
        self._format = format
        self._first_at = first_after_s
        self._silence = AudioFrame(format, format.silence(FRAME_MS))
        self._saying: deque[AudioFrame] = deque()
        self._last_heard_at = 0.0

    @property
    def heard(self) -> str:
        """All words ever heard."""
        return " ".join(word for _, word in self.words)

    @property
    def speaking(self) -> bool:
        return bool(self._saying)

    @property
    def waiting(self) -> bool:
        """Whether they have said something and not heard the whole answer yet."""
        return bool(self.turns) and not self.speaking and not self._is_answered(self.turns[-1])

    def hear(self, words: Sequence[str], now: float) -> None:
        """The loudspeaker sounded these."""
        turn = self._answered_turn
        for word in words:
            self.words.append((now, word))
            if turn is not None:
                turn.answer.append(word)
                turn.heard_at.append(now)
        if words:
            self._last_heard_at = now

    @property
    def _answered_turn(self) -> Turn | None:
        """The turn that what is heard now belongs to: while one is being said, the one before it."""
        ended = self.turns[:-1] if self.speaking else self.turns
        return ended[-1] if ended else None

    def frame(self, now: float, *, sounding: bool) -> AudioFrame:
        """The next 20 ms of the microphone. `sounding`: the loudspeaker plays."""
        if sounding:
            self._last_heard_at = now
        if not self._saying and self._lines and self._begins(now, sounding=sounding):
            self._begin(self._lines.popleft(), now)
        if not self._saying:
            return self._silence
        frame = self._saying.popleft()
        if not self._saying:
            self.turns[-1].ended_at = now + FRAME_MS / 1000
        return frame

    def done(self, now: float, *, sounding: bool) -> bool:
        """All lines are said, and the last is answered (or given up)."""
        if self._lines or self._saying:
            return False
        return not self.turns or self._is_over(self.turns[-1], now, pause_s=0.6, sounding=sounding)

    def _begins(self, now: float, *, sounding: bool) -> bool:
        line = self._lines[0]
        if not self.turns:
            return now >= self._first_at
        before = self.turns[-1]
        if line.interrupt_after is not None and len(before.answer) >= line.interrupt_after and sounding:
            return True
        return self._is_over(before, now, pause_s=line.pause_s, sounding=sounding)

    def _is_over(self, turn: Turn, now: float, *, pause_s: float, sounding: bool) -> bool:
        """Whether the answer to a turn has come to its end, or is waited for no more."""
        if sounding:
            return False
        if self._is_answered(turn):
            return now - self._last_heard_at >= pause_s
        turn.gave_up = now - max(self._last_heard_at, turn.ended_at or now) >= turn.line.patience_s
        return turn.gave_up

    def _is_answered(self, turn: Turn) -> bool:
        return turn.line.until in turn.answer if turn.line.until else bool(turn.answer)

    def _begin(self, line: Line, now: float) -> None:
        self.turns.append(Turn(line, now))
        data = self._vocabulary.speak(line.text, self._format, word_ms=line.word_ms)
        size = self._format.size_bytes(FRAME_MS)
        self._saying.extend(AudioFrame(self._format, data[start : start + size]) for start in range(0, len(data), size))
