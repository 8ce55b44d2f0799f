"""The part of the ear that is awake: windows of sound through a voice detector become onset, going and offset."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from voice.audio.convert import Converter
from voice.audio.far_end import FarEnd
from voice.audio.frames import PCM_16K, AudioFormat
from voice.audio.loudness import NoiseFloor, energy_db, levels_db, mean_square, pcm_samples
from voice.audio.usual import Usual
from voice.engines.bands import newest_rows
from voice.engines.base import SpeechFacts
from voice.engines.interruption import HEARD, ROWS, Impression, Moment
from voice.engines.rises import Rises
from voice.engines.stages import SpeechProbability
from voice.errors import Misuse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from voice.audio.echo import EchoMeter, Explanation
    from voice.engines.bands import Rows

PER_MS = PCM_16K.rate_hz // 1000
_KEEP = 1_500 * PER_MS
_LOUDNESS_WINDOWS = 10
_GRAIN = 10 * PER_MS
"""Resolution with which the beginning of speech is looked for."""
_GAP_GRAINS = 3
"""So many quiet grains may lie within the first sound of a word."""
_LEAST_FLOOR_DB = -75.0
"""A line that is digitally silent between words is not quieter than this."""


@dataclass(frozen=True, slots=True)
class EarRules:
    """When sound is somebody speaking. `sure` needs one window, `likely` two in a row; below `release` it is quiet.

    A stretch must stand `margin_db` over the floor to begin. One window that stands `eager_margin_db` over it need only
    be `eager`: the first sound of "stop" is a hiss that the detector doubts. A stretch is over after `silence_ms`.
    Nobody listens any more `linger_ms` after the last loud frame, or after the loudspeaker fell silent. `context_ms` of
    sound before a loud frame is judged with it, so that the detector is not surprised in the middle of a word. The
    detector forgets its past every `refresh_ms` without speech. From `settled_ms` on (by then it is known what a
    stretch is) only every other window is judged; echo is measured every `echo_every_ms`, when settled a quarter as
    often. While the assistant sounds and moments are judged as a whole, none is left out, and a stretch begins, too,
    where somebody speaks, coughs or laughs with a probability of `meant`. How loud a person usually is, is learned from
    `learn_ms` of a stretch on, where the probability is `clear`.
    """

    sure: float = 0.6
    likely: float = 0.4
    eager: float = 0.2
    release: float = 0.2
    margin_db: float = 6.0
    eager_margin_db: float = 20.0
    silence_ms: float = 192.0
    linger_ms: float = 192.0
    context_ms: float = 96.0
    refresh_ms: float = 5_000.0
    settled_ms: float = 640.0
    echo_every_ms: float = 64.0
    meant: float = 0.3
    learn_ms: float = 200.0
    clear: float = 0.8


@dataclass(slots=True)
class Stretch:
    """Somebody speaking: positions in 16 kHz samples. The loudness is that of the last third of a second in which there
    was voice: in a room full of voices one stretch goes on while people come and go."""

    begin: int
    voice_end: int
    energies: deque[float] = field(default_factory=lambda: deque(maxlen=_LOUDNESS_WINDOWS))
    echo: float = 0.0
    echo_at: int = -1

    def add(self, mean_square: float) -> None:
        """One more window with voice in it."""
        self.energies.append(mean_square)

    @property
    def level_db(self) -> float:
        return energy_db(sum(self.energies) / max(len(self.energies), 1))


class Listener:
    """Awake from a loud frame until quiet. Not shared by two streams."""

    def __init__(self, format: AudioFormat, rules: EarRules, floor: NoiseFloor, far: FarEnd) -> None:
        self.rules = rules
        self.floor = floor
        self.usual = Usual()
        self.impression: Impression | None = None
        """What says what each moment is; none: nobody does."""
        self._sounding_since: int | None = None
        self._kinds: tuple[float, ...] = ()
        self._rises: Rises | None = None
        self._rising = False
        self._echo_now = 0.0
        self._format = format
        self._converter = Converter(format, PCM_16K)
        self._vad: SpeechProbability
        self._window = 0
        self._window_ms = 0.0
        self._far = far
        self._meter: EchoMeter | None = None
        self._metered = 0
        self._raw = bytearray()
        self._heard = bytearray()
        self._base = 0  # position of the first heard sample
        self._judged = 0
        self._refreshed = 0
        self._now = 0
        self._probability = 0.0
        self._skipped = False
        self.stretch: Stretch | None = None

    @property
    def in_speech(self) -> bool:
        return self.stretch is not None

    def wake(self, vad: SpeechProbability, before: bytes, newest: bytes, now: int) -> list[SpeechFacts]:
        """A loud frame after quiet ones. Windows are laid so that one ends with the newest sample."""
        if vad.rate_hz != PCM_16K.rate_hz:
            raise Misuse(f"The voice detector works at {vad.rate_hz} Hz; the ear hears at {PCM_16K.rate_hz} Hz.")
        self._vad, self._window = vad, vad.window_samples
        self._window_ms = vad.window_samples / PER_MS
        self._converter.reset()
        vad.reset()
        self._raw.clear()
        self._heard[:] = self._converter.convert(before + newest)
        samples = len(self._heard) // 2
        self._base = now - samples
        fresh_ms = self._format.duration_ms(len(newest))
        asked = -(-int((fresh_ms + self.rules.context_ms) * PER_MS) // self._window)
        self._judged = now - min(samples // self._window, asked) * self._window
        self._refreshed = self._judged
        self._probability = 0.0
        self._skipped = False
        self._learn_quiet(samples - int(fresh_ms * PER_MS))
        self._forget_impression()
        return self._judge(now)

    def hear(self, data: bytes, now: int) -> list[SpeechFacts]:
        """More sound. It is converted when there is a window's worth: a call costs more than its samples."""
        self._raw += data
        ready = len(self._heard) // 2 + self._base - self._judged
        wanted = self._window * (2 if self._settled and not self._skipped and not self._impressed else 1)
        if ready + self._format.duration_ms(len(self._raw)) * PER_MS < wanted:
            self._now = now
            return []
        self._heard += self._converter.convert(bytes(self._raw))
        self._raw.clear()
        return self._judge(now)

    def sounding(self, since: int | None) -> None:
        """Since when the assistant sounds; None: it is silent."""
        if since != self._sounding_since:
            self._sounding_since = since
            self._forget_impression()

    def _forget_impression(self) -> None:
        self._kinds, self._rising = (), False
        if self.impression is not None:
            self.impression.reset()

    def end(self, now: int) -> list[SpeechFacts]:
        """Nobody needs to know any more: a stretch under way ends here."""
        self._now = now
        return [self._end_stretch()] if self.stretch is not None else []

    def samples(self, begin: int, until: int) -> NDArray[np.int16]:
        """Sound that was heard, as far as it is still kept."""
        first = max(begin - self._base, 0)
        return pcm_samples(bytes(self._heard[2 * first : 2 * max(until - self._base, first)]))

    def _learn_quiet(self, samples: int) -> None:
        """What came before the loud frame was quiet: its quieter grains are the floor."""
        grains = samples // _GRAIN
        if grains < 4:
            return
        levels = levels_db(pcm_samples(bytes(self._heard[: 2 * samples])), _GRAIN)
        levels.sort()
        self.floor.learn_quiet(max(_LEAST_FLOOR_DB, float(levels[: len(levels) // 2].mean())))

    def _judge(self, now: int) -> list[SpeechFacts]:
        self._now = now
        facts: list[SpeechFacts] = []
        while (self._judged + self._window - self._base) * 2 <= len(self._heard):
            first = (self._judged - self._base) * 2
            window = bytes(self._heard[first : first + 2 * self._window])
            self._judged += self._window
            if self._skips():
                continue
            fact = self._feed(window)
            if fact is not None:
                facts.append(fact)
        self._forget_heard()
        return facts

    def _skips(self) -> bool:
        self._skipped = self._settled and not self._skipped and not self._impressed
        return self._skipped

    @property
    def _settled(self) -> bool:
        stretch = self.stretch
        return stretch is not None and self._judged - stretch.begin > self.rules.settled_ms * PER_MS

    def _feed(self, window: bytes) -> SpeechFacts | None:
        probability = self._vad.feed(window)
        energy = mean_square(pcm_samples(window))
        level = energy_db(energy)
        before, self._probability = self._probability, probability
        self._gain_impression(level)
        if self.stretch is None:
            if self._begins(probability, before, level - self.floor.level_db):
                return self._begin_stretch(energy)
            self.floor.feed(level, self._window_ms, speech=probability >= self.rules.likely)
            self._refresh()
            return self._told("none", 0.0, self._judged, level, self._echo_now) if self._rising else None
        self.floor.feed(level, self._window_ms, speech=True)
        if probability >= self.rules.release and level >= self.floor.level_db + self.rules.margin_db / 2:
            self.stretch.voice_end = self._judged
            self.stretch.add(energy)
            self._learn_usual(self.stretch)
        elif self._judged - self.stretch.voice_end >= self.rules.silence_ms * PER_MS:
            return self._end_stretch()
        return self._fact("going", self.stretch.voice_end)

    def _gain_impression(self, level_db: float) -> None:
        """What this moment is, while the assistant sounds."""
        if self.impression is None or self._sounding_since is None:
            return
        first = not self._kinds
        self._echo_now, explanation = self._compared(first=first)
        moment = Moment(
            probability=self._probability,
            level_db=level_db,
            floor_db=self.floor.level_db,
            usual_db=self.usual.level_db,
            echo=self._echo_now,
            reply_ms=(self._judged - self._sounding_since) / PER_MS,
            explanation=explanation,
        )
        samples = self.samples(self._judged - HEARD, self._judged)
        rows = newest_rows(samples, ROWS)
        self._kinds = self.impression.hear(samples, rows, moment)
        self._rising = self._rises_now(rows, moment, first=first)

    def _rises_now(self, rows: Rows, moment: Moment, *, first: bool) -> bool:
        """Whether a sound sets in. `first`: it was not followed just now."""
        if self._rises is None:
            self._rises = Rises()
        if first:
            before = self._judged - self._window
            self._rises.begin(self.samples(before - Rises.near_samples, before))
        return self._rises.hear(
            rows,
            lambda: self._far.samples(self._judged - Rises.far_samples, self._judged),
            moment.explanation,
            usual_db=moment.loudness_db,
            reply_ms=moment.reply_ms,
        )

    def _learn_usual(self, stretch: Stretch) -> None:
        """What is said while the assistant is silent, and clearly, is the person's."""
        clear = self._probability >= self.rules.clear
        if self._sounding_since is None and clear and self._judged - stretch.begin >= self.rules.learn_ms * PER_MS:
            self.usual.learn(stretch.level_db)

    @property
    def _impressed(self) -> bool:
        """Whether moments are judged as a whole now."""
        return self.impression is not None and self._sounding_since is not None

    def _begins(self, probability: float, before: float, over_floor_db: float) -> bool:
        rules = self.rules
        if over_floor_db < rules.margin_db:
            return False
        if self._kinds and sum(self._kinds[:3]) >= rules.meant:
            return True
        if probability >= rules.sure or min(probability, before) >= rules.likely:
            return True
        return probability >= rules.eager and over_floor_db >= rules.eager_margin_db

    def _refresh(self) -> None:
        if self._judged - self._refreshed >= self.rules.refresh_ms * PER_MS:
            self._vad.reset()
            self._refreshed = self._judged

    def _begin_stretch(self, energy: float) -> SpeechFacts:
        begin = self._onset()
        self.stretch = Stretch(begin, self._judged)
        self.stretch.add(energy)
        return self._fact("onset", begin)

    def _onset(self) -> int:
        """Where the sound that was found to be speech rose out of the floor, seen backwards."""
        levels = levels_db(self.samples(self._base, self._judged), _GRAIN)
        least = self.floor.level_db + self.rules.margin_db
        onset = gap = 0
        for back in range(1, len(levels) + 1):
            if levels[-back] >= least:
                onset, gap = back, 0
            else:
                gap += 1
                if gap > _GAP_GRAINS and onset:
                    break
        return self._judged - max(onset, 1) * _GRAIN

    def _end_stretch(self) -> SpeechFacts:
        assert self.stretch is not None
        fact = self._fact("offset", self.stretch.voice_end)
        self.stretch = None
        self._vad.reset()
        self._refreshed = self._judged
        return fact

    def _fact(self, stage: Literal["onset", "going", "offset"], at: int) -> SpeechFacts:
        stretch = self.stretch
        assert stretch is not None
        until = self._now if stage == "onset" else at
        return self._told(stage, (until - stretch.begin) / PER_MS, at, stretch.level_db, self._echo(stretch))

    def _told(
        self,
        stage: Literal["none", "onset", "going", "offset"],
        speech_ms: float,
        at: int,
        level_db: float,
        echo: float,
    ) -> SpeechFacts:
        return SpeechFacts(
            stage=stage,
            speech_ms=speech_ms,
            late_ms=(self._now - at) / PER_MS,
            level_db=level_db,
            floor_db=self.floor.level_db,
            echo=echo,
            probability=self._probability,
            kinds=self._kinds,
            rises=self._rising,
        )

    def _echo(self, stretch: Stretch) -> float:
        if self._impressed:
            return self._echo_now
        every = int(self.rules.echo_every_ms * PER_MS) * (4 if self._settled else 1)
        if stretch.echo_at >= 0 and self._judged - stretch.echo_at < every:
            return stretch.echo
        stretch.echo_at, first = self._judged, stretch.echo_at < 0
        stretch.echo = self._compared(first=first)[0]
        return stretch.echo

    def _compared(self, *, first: bool) -> tuple[float, Explanation | None]:
        """How much the newest sound is like the far end, and why. `first`: it was not followed just now."""
        from voice.audio.echo import EchoMeter

        if self._far.end < self._base - _KEEP:
            return 0.0, None
        if self._meter is None:
            self._meter = EchoMeter()
        if first or self._metered < self._base:
            self._metered = max(self._base, self._judged - EchoMeter.near_samples)
            history = self._far.samples(self._metered - EchoMeter.history_samples, self._metered)
            self._meter.begin(history)
        near = self.samples(self._metered, self._judged)
        self._meter.feed(near, self._far.samples(self._metered, self._judged))
        self._metered = self._judged
        return self._meter.answer(self.floor.level_db), self._meter.explanation

    def _forget_heard(self) -> None:
        surplus = len(self._heard) // 2 - _KEEP
        if surplus > _KEEP // 2:
            del self._heard[: 2 * surplus]
            self._base += surplus
