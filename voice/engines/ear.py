"""An ear of our own: the first moment of an interruption, noticed on our side of the engine.

Three stages, each dearer than the one before and asked only when that one says so. A gate counts the loud bytes of
every frame, about a microsecond. A frame that passes wakes the listener: the sound just before it is taken from a
ring, and a voice detector judges windows of 32 ms until all is quiet again. While it finds speech, the sound is
compared with what the loudspeaker plays (`voice.audio.echo`).

All is decided from the samples: no clock, no randomness. The same frames give the same facts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace

from voice.audio.convert import convert_whole
from voice.audio.far_end import FarEnd
from voice.audio.frames import PCM_16K, AudioFormat, AudioFrame
from voice.audio.loudness import LoudnessGate, NoiseFloor, level_db, pcm_samples
from voice.engines.base import SpeechFacts
from voice.engines.interruption import Impression, InterruptionModel
from voice.engines.listener import EarRules, Listener
from voice.engines.stages import SpeechProbability

_RING_FRAMES = 16
_CALM_EVERY = 25
"""Of quiet frames under a raised gate, one in so many is measured: the noise may be gone."""
_CALM_MS = 500.0
_BETWEEN = ("none", "going")
"""Stages that are no edges."""


class DetectorPool:
    """Detectors (2.5 MB each) for many ears: as many as were ever awake at once, `keep` of them for later."""

    __slots__ = ("_factory", "_free", "_keep")

    def __init__(self, factory: Callable[[], SpeechProbability], *, keep: int = 16) -> None:
        self._factory = factory
        self._free: list[SpeechProbability] = []
        self._keep = keep

    def take(self) -> SpeechProbability:
        """A detector that nobody uses; its past is to be reset."""
        return self._free.pop() if self._free else self._factory()

    def give_back(self, detector: SpeechProbability) -> None:
        """It is not used any more."""
        if len(self._free) < self._keep:
            self._free.append(detector)


class LocalEar:
    """The `Ear` of one conversation. `vad_factory` is called when there is something to hear; with `release` (see
    DetectorPool) the detector is handed back as soon as all is quiet, otherwise it is kept.

    `model` says what each moment is, from when on it is there; None until then.

    Listens while the loudspeaker sounds, or `always`. Each onset is followed by one offset: when the speech is over, or
    when nobody needs to know any more. In a fact `late_ms` is how long before the newest sample the thing lies that it
    tells of: where the speech began, how far it was judged, where it ended. `speech_ms` is counted from the beginning
    to there (at an onset: to now).
    """

    def __init__(
        self,
        format: AudioFormat,
        *,
        vad_factory: Callable[[], SpeechProbability],
        release: Callable[[SpeechProbability], None] | None = None,
        rules: EarRules | None = None,
        model: Callable[[], InterruptionModel | None] = lambda: None,
        always: bool = False,
    ) -> None:
        self.rules = rules or EarRules()
        self.always = always
        self.floor = NoiseFloor()
        self._format = format
        self._gate = LoudnessGate(format)
        self._ring: deque[AudioFrame] = deque(maxlen=_RING_FRAMES)
        self._far = FarEnd()
        self._vad_factory = vad_factory
        self._release = release
        self._vad: SpeechProbability | None = None
        self._model = model
        self._sounds_since: int | None = None
        self._listener: Listener | None = None
        self._awake = False
        self._position_ms = 0.0
        self._loud_ms = 0.0  # where the last loud frame ended
        self._silent_ms = -1.0  # where the loudspeaker fell silent, while it is
        self._quiet_frames = 0
        self._owed: deque[SpeechFacts] = deque()

    def hear(self, frame: AudioFrame, *, sounding: bool) -> SpeechFacts | None:
        """One frame of the person; the newest fact that it completes, edges before all others."""
        self._position_ms += frame.duration_ms
        self._ring.append(frame)
        self._notice_sounding(sounding)
        if not (sounding or self.always):
            return self._after_the_sound(frame) if self._awake else None
        self._silent_ms = -1.0
        loud = self._gate.is_loud(frame.data)
        if loud or self._awake:
            return self._listen(frame, loud=loud)
        if self._gate.raised:
            self._notice_calm(frame)
        return None

    def play(self, frame: AudioFrame) -> None:
        """The loudspeaker was given this."""
        self._far.play(frame, self._now)

    def stop(self) -> None:
        """The loudspeaker was silenced: what was given and not heard is void."""
        self._far.stop(self._now)

    def duck(self, gain_db: float) -> None:
        """The loudspeaker is turned down."""
        self._far.duck(gain_db, self._now)

    def restore(self) -> None:
        """The loudspeaker is at full level again."""
        self._far.restore(self._now)

    @property
    def _now(self) -> int:
        """How far the person's sound has come, in 16 kHz samples."""
        return int(self._position_ms * PCM_16K.rate_hz / 1000)

    def _listen(self, frame: AudioFrame, *, loud: bool) -> SpeechFacts | None:
        if loud:
            self._loud_ms = self._position_ms
        if self._awake:
            assert self._listener is not None
            facts = self._listener.hear(frame.data, self._now)
        else:
            facts = self._wake()
        listener = self._listener
        assert listener is not None
        self._gate.follow(self.floor.level_db)
        self._keep(facts)
        if not listener.in_speech and self._position_ms - self._loud_ms >= self.rules.linger_ms and not self._owed:
            self._sleep()
        return self._owed.popleft() if self._owed else None

    def _notice_sounding(self, sounding: bool) -> None:
        """Remember since when the assistant sounds."""
        if sounding is (self._sounds_since is not None):
            return
        self._sounds_since = self._now if sounding else None
        if self._listener is not None:
            self._listener.sounding(self._sounds_since)

    def _wake(self) -> list[SpeechFacts]:
        if self._listener is None:
            self._listener = Listener(self._format, self.rules, self.floor, self._far)
            self._listener.sounding(self._sounds_since)
        if self._listener.impression is None and (model := self._model()) is not None:
            self._listener.impression = Impression(model)
        if self._vad is None:
            self._vad = self._vad_factory()
        self._awake = True
        *before, newest = (heard.data for heard in self._ring)
        return self._listener.wake(self._vad, b"".join(before), newest, self._now)

    def close(self) -> None:
        """The conversation is over: a detector that was lent goes back. Idempotent."""
        self._sleep()

    def _sleep(self) -> None:
        self._awake = False
        if self._release is not None and self._vad is not None:
            self._release(self._vad)
            self._vad = None

    def _keep(self, facts: list[SpeechFacts]) -> None:
        """Edges are never lost; of what lies between them only the newest is told, and whether anything rose."""
        for fact in facts:
            newest = fact
            if self._owed and self._owed[-1].stage in _BETWEEN and self._owed.pop().rises:
                newest = replace(fact, rises=True)
            if not self._owed or newest.stage not in _BETWEEN:
                self._owed.append(newest)

    def _after_the_sound(self, frame: AudioFrame) -> SpeechFacts | None:
        """The loudspeaker is silent: listen on for a moment (it may only have run dry), then let go."""
        if self._silent_ms < 0:
            self._silent_ms = self._position_ms
        if self._position_ms - self._silent_ms < self.rules.linger_ms:
            return self._listen(frame, loud=self._gate.is_loud(frame.data))
        assert self._listener is not None
        self._keep(self._listener.end(self._now))
        fact = self._owed.popleft() if self._owed else None
        if not self._owed:
            self._sleep()
        return fact

    def _notice_calm(self, frame: AudioFrame) -> None:
        self._quiet_frames += 1
        if self._quiet_frames % _CALM_EVERY == 0:
            pcm = convert_whole(frame.data, frame.format, AudioFormat("pcm16", frame.format.rate_hz))
            self._gate.follow(self.floor.feed(level_db(pcm_samples(pcm)), _CALM_MS, speech=False))
