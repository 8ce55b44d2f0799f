"""Where speech starts and stops, decided from a row of probabilities. Time is counted in samples.

The model that gives the probabilities lives elsewhere; here are only the rules. Speech starts when the
probability stays at `threshold` for `hold_ms`; it stops after `silence_duration_ms` without coming back there,
counted from the first window below `threshold - hysteresis`. Positions are those of the stream that was fed,
from its first sample, so an event says exactly which samples belong to an utterance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class SpeechRules:
    """What counts as speech. Defaults are measured for Silero: one false start in 320 s of noise."""

    threshold: float = 0.5
    hysteresis: float = 0.15
    hold_ms: int = 96
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500
    refresh_ms: int = 5000

    @property
    def release(self) -> float:
        """Below this a window is quiet. Between it and `threshold` a window changes nothing."""
        return max(self.threshold - self.hysteresis, self.threshold / 2)


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Speech was noticed. `at_sample` includes the prefix; `onset_sample` is where the probability rose."""

    at_sample: int
    onset_sample: int
    noticed_sample: int
    rate_hz: int

    @property
    def at_ms(self) -> int:
        return self.at_sample * 1000 // self.rate_hz


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """Speech is over. `at_sample` is the end of the utterance with its silence; `offset_sample` where speech ended."""

    at_sample: int
    offset_sample: int
    rate_hz: int

    @property
    def at_ms(self) -> int:
        return self.at_sample * 1000 // self.rate_hz


class SpeechDetector:
    """Turns probabilities of consecutive windows into edges. Feed it every window, also while nobody listens."""

    def __init__(self, rules: SpeechRules | None = None, *, rate_hz: int = 16_000, window_samples: int = 512) -> None:
        self.rules = rules or SpeechRules()
        self.rate_hz = rate_hz
        self.window_samples = window_samples
        self.position = 0
        """Samples heard so far."""
        self.speaking = False
        self._floor = 0  # no utterance starts before the end of the one before
        self._rise: int | None = None  # first window of the present run above the threshold
        self._fall: int | None = None  # first quiet window since speech was last certain
        self._refreshed = 0
        self._refresh_due = False

    def change(
        self,
        *,
        threshold: float | None = None,
        prefix_padding_ms: int | None = None,
        silence_duration_ms: int | None = None,
    ) -> None:
        """New settings, from the next window on; what is under way is judged by them."""
        asked = {
            "threshold": threshold,
            "prefix_padding_ms": prefix_padding_ms,
            "silence_duration_ms": silence_duration_ms,
        }
        self.rules = replace(self.rules, **{name: value for name, value in asked.items() if value is not None})  # type: ignore[arg-type]

    @property
    def rising_ms(self) -> float:
        """How long the probability has been up without speech being certain yet: reason to duck, not to stop."""
        if self.speaking or self._rise is None:
            return 0.0
        return (self.position - self._rise) * 1000 / self.rate_hz

    @property
    def quiet_ms(self) -> float:
        """How long a speaker has been silent within an utterance."""
        return 0.0 if self._fall is None else (self.position - self._fall) * 1000 / self.rate_hz

    def feed(self, probability: float) -> SpeechStarted | SpeechStopped | None:
        """The next window's probability; the edge that it completes, if any."""
        begin = self.position
        self.position += self.window_samples
        return self._while_speaking(begin, probability) if self.speaking else self._while_quiet(begin, probability)

    def skip(self, samples: int) -> None:
        """Sound that was not looked at passed by (muted, or lost): positions move on, a run is broken."""
        self.position += samples
        self._rise = None

    def end(self) -> SpeechStopped | None:
        """The stream ends, or the turn is closed from outside: an utterance under way is over now."""
        if not self.speaking:
            self._rise = None
            return None
        return self._stop(self.position if self._fall is None else self._fall)

    def take_refresh(self) -> bool:
        """Whether the model should forget its past now: once after each utterance and now and then in silence.

        Silero that has listened to noise for long notices quiet speech more than 100 ms later than a fresh one.
        """
        due, self._refresh_due = self._refresh_due, False
        if due:
            self._refreshed = self.position
        return due

    def _while_quiet(self, begin: int, probability: float) -> SpeechStarted | None:
        if probability < self.rules.threshold:
            self._rise = None
            self._refresh_due |= self.position - self._refreshed >= self._samples(self.rules.refresh_ms)
            return None
        if self._rise is None:
            self._rise = begin
        self._refresh_due = False
        if self.position - self._rise < self._samples(self.rules.hold_ms):
            return None
        onset, self._rise = self._rise, None
        self.speaking = True
        at = max(self._floor, onset - self._samples(self.rules.prefix_padding_ms))
        return SpeechStarted(at, onset, self.position, self.rate_hz)

    def _while_speaking(self, begin: int, probability: float) -> SpeechStopped | None:
        if probability >= self.rules.threshold:
            self._fall = None
            return None
        if self._fall is None and probability < self.rules.release:
            self._fall = begin
        if self._fall is None or self.position - self._fall < self._samples(self.rules.silence_duration_ms):
            return None
        return self._stop(self._fall)

    def _stop(self, offset: int) -> SpeechStopped:
        self.speaking = False
        self._rise = self._fall = None
        self._floor = self.position
        self._refresh_due = True
        return SpeechStopped(self.position, offset, self.rate_hz)

    def _samples(self, duration_ms: int) -> int:
        return duration_ms * self.rate_hz // 1000
