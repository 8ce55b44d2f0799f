"""Lessons: a few seconds in which the assistant speaks and somebody does something, as the ear hears them.

Real people are those of the tuned half only, and those of one lesson are of one of `FOLDS` groups, so that lessons with
people who were never heard can be kept for checking. All is drawn from a seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from random import Random
from typing import TYPE_CHECKING, Any

from tests.benchmarks.interaction import vocal
from tests.benchmarks.interaction.clips import RATE_HZ, Clip, active_db, loudness_db, of_half, onset_s, sound
from tests.benchmarks.interaction.learning import actors, texts, voices
from tests.benchmarks.interaction.mixing import through
from tests.benchmarks.interaction.rooms import response, rooms
from tests.benchmarks.interaction.telephone import telephone_band
from voice.audio.convert import Converter
from voice.audio.frames import PCM_16K, PCM_24K, PCMU_8K, AudioFormat, AudioFrame
from voice.engines.ear import LocalEar
from voice.engines.interruption import KINDS
from voice.engines.speech.silero import SileroProbability

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tests.benchmarks.interaction.clips import Samples

FOLDS = 4
LONG_S = 4.6
FRAME = RATE_HZ // 50
INTERRUPTION, BACKCHANNEL, VOCAL, SIDE, NOTHING = range(len(KINDS))
AFTER_S, UNSURE_S = 0.26, 0.45
"""So long after its end a sound is still to be named; then, for a while, nothing is asked."""


@dataclass(slots=True)
class Heard:
    """One unbroken run of moments of a lesson: inputs, the kind wanted, and how much it counts."""

    inputs: Any
    kinds: Any
    counts: Any


@dataclass(frozen=True, slots=True)
class Happening:
    kind: int
    begin_s: float
    end_s: float


def fold(number: int) -> int:
    """Whose people are heard in a lesson."""
    return number % FOLDS


def lesson(number: int) -> list[Heard]:
    """The same number gives the same lesson."""
    import numpy as np

    part = fold(number)
    random = Random(f"lesson/{number}")
    draw = np.random.default_rng(random.getrandbits(32))
    person_db = random.uniform(-34, -19)
    format = random.choices((PCM_16K, PCMU_8K, PCM_24K), (6, 3, 1))[0]
    length = int(LONG_S * RATE_HZ)
    near = np.zeros(length, dtype=np.float32)
    happenings = _happen(near, random, person_db, part)
    snr_db = random.choice((None, None, None, random.uniform(15, 25), random.uniform(8, 13), random.uniform(3, 8)))
    if snr_db is not None:
        noise = _background(random, draw, length)
        near += noise * _factor(person_db - snr_db - loudness_db(noise))
    phone = format is PCMU_8K
    near += draw.standard_normal(length).astype(np.float32) * _factor(random.uniform(-78, -55))
    if phone:
        near = telephone_band(near)
    far, heard = _assistant(random, length, happenings, format, person_db)
    usual_db = None if random.random() < 0.12 else person_db + random.gauss(0, 2.0)
    return _listen(near + heard, far, format, usual_db, happenings, 0.02 if phone else 0.0, draw)


def _happen(near: Samples, random: Random, person_db: float, part: int) -> list[Happening]:
    at_s = random.uniform(0.15, 2.4) if random.random() < 0.9 else random.uniform(0.0, 0.5)
    happenings: list[Happening] = []
    while at_s < LONG_S - 0.8:
        kind = random.choices(range(5), (34, 24, 24, 11, 7))[0]
        piece, level_db = _piece(kind, random, part)
        present = loudness_db(piece) if kind == NOTHING else _spoken_db(piece)
        piece = piece * _factor(person_db + level_db - present)
        at = int(at_s * RATE_HZ)
        piece = piece[: len(near) - at].clip(-0.99, 0.99)
        near[at : at + len(piece)] += piece
        end_s = at_s + len(piece) / RATE_HZ
        if kind != NOTHING:
            happenings.append(Happening(kind, at_s, end_s))
        at_s = end_s + random.uniform(0.5, 1.8)
    return happenings


def _spoken_db(piece: Samples) -> float:
    """Loudness of its louder parts."""
    import numpy as np

    step = RATE_HZ // 50
    count = max(len(piece) // step, 1)
    energy = (piece[: count * step].reshape(count, -1).astype(np.float64) ** 2).mean(axis=1) + 1e-12
    return float(10 * np.log10(energy[energy > energy.max() / 300].mean()))


def _piece(kind: int, random: Random, part: int) -> tuple[Samples, float]:
    """A sound of a kind, and how loud it is over this person's voice, in dB."""
    if kind == INTERRUPTION:
        said = _denial(random, part) if random.random() < 0.1 else _interruption(random, part)
        if random.random() < 0.12:
            said = voices.somebody(actors.acted("shout", random, part, FOLDS), random)
        far_away = random.random() < 0.15
        return (_across_a_room(said, random) if far_away else _coloured(said, random)), random.gauss(0, 2.0)
    if kind == BACKCHANNEL:
        if random.random() < 0.25:
            acts = random.random() < 0.25
            said = voices.somebody(actors.acted("hum", random, part, FOLDS), random) if acts else _anybody(random, part)
            return _coloured(said if acts else voices.murmur(said, random), random), random.uniform(-11, 1)
        if random.random() < 0.22:
            piece = vocal.hum(random.getrandbits(20))
        elif random.random() < 0.5:
            piece = voices.somebody(_said(random, part, "backchannel"), random)
        else:
            piece = voices.says(random.choice(texts.AGREEING), random)
        return _coloured(piece, random), random.uniform(-9, 2)
    if kind == VOCAL:
        drawn = random.random()
        if drawn < 0.3:
            return _coloured(voices.somebody(_recorded_vocal(random, part), random), random), random.uniform(-4, 9)
        if drawn < 0.6:
            return _coloured(voices.laughter(_anybody(random, part), random), random), random.uniform(-4, 7)
        return _vocal(random), random.uniform(-4, 9)
    if kind == SIDE:
        return _across_a_room(_talk(random, part), random), -random.uniform(9, 23)
    return _noise(random), -random.uniform(2, 22)


def _denial(random: Random, part: int) -> Samples:
    """Of single words "no" is the hardest to tell from those that agree."""
    said = [clip for clip in _people(part, "interruption_word") if clip.text == "no"]
    if said and random.random() < 0.5:
        return voices.somebody(_of(random.choice(said), random), random)
    return voices.says("no", random)


def _interruption(random: Random, part: int) -> Samples:
    import numpy as np

    drawn = random.random()
    if drawn < 0.3:
        return voices.somebody(_said(random, part, "interruption_word"), random)
    if drawn < 0.5:
        return voices.somebody(_said(random, part, "command", "digits", "paused"), random)
    if drawn < 0.56:
        talk = _talk(random, part)
        return talk[: int(random.uniform(0.8, 2.2) * RATE_HZ)]
    if drawn < 0.75:
        return voices.says(random.choice(texts.STOPPING), random)
    said = voices.says(random.choice(texts.REQUESTS), random)
    if random.random() < 0.12:  # begins as if it agreed
        first = voices.says(random.choice(texts.AGREEING), random)
        pause = np.zeros(int(random.uniform(0.0, 0.1) * RATE_HZ), dtype=np.float32)
        said = np.concatenate((first, pause, said))
    return said


def _across_a_room(piece: Samples, random: Random) -> Samples:
    return through(piece, response(random.choice(rooms("tune"))))


def _coloured(piece: Samples, random: Random) -> Samples:
    """Through some microphone: a tilted spectrum, and sometimes a little of the room."""
    import numpy as np

    if random.random() < 0.3:
        room = response(random.choice(rooms("tune"))) * random.uniform(0.1, 0.5)
        room = room.copy()
        room[0] += 1.0
        piece = through(piece, room)[: len(piece) + RATE_HZ // 20]
    spectrum = np.fft.rfft(piece)
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(piece), 1 / RATE_HZ), 60) / 1000)
    tilt, bow = random.uniform(-3, 3), random.uniform(-0.8, 0.8)
    spectrum *= 10 ** (np.clip(tilt * octaves + bow * octaves**2, -25, 15) / 20)
    made: Samples = np.fft.irfft(spectrum, len(piece)).astype(np.float32)
    return made


def _vocal(random: Random) -> Samples:
    drawn = random.random()
    if drawn < 0.35:
        return vocal.cough(2 * random.getrandbits(20))
    if drawn < 0.5:
        return vocal.cleared_throat(2 * random.getrandbits(20))
    if drawn < 0.85:
        return _coloured(vocal.laugh(random.getrandbits(20)), random)
    said = voices.says(random.choice(texts.LAUGHING), random)
    return _coloured(voices.throat(said, random, spread=0.3), random)


def _recorded_vocal(random: Random, part: int) -> Samples:
    """Somebody laughs, or coughs."""
    if random.random() < 0.65:
        return actors.acted(random.choice(("laugh", "laugh", "laugh", "cough")), random, part, FOLDS)
    return sound(random.choice(_people(part, "vocal")).name)


def _talk(random: Random, part: int) -> Samples:
    """A stretch of talk from its beginning on."""
    if random.random() < 0.5:
        return voices.says(random.choice(texts.TALKING), random)
    clip = random.choice(_people(part, "overlap", "dialogue", "read"))
    spans = [span for span in clip.spans_s if span[1] - span[0] >= 0.5] or [(0.0, 2.0)]
    start = int(random.choice(spans)[0] * RATE_HZ)
    return voices.throat(sound(clip.name)[start : start + int(random.uniform(1.5, 4.0) * RATE_HZ)], random, spread=0.1)


def _anybody(random: Random, part: int) -> Samples:
    return _said(random, part, "command", "digits", "interruption_word", "backchannel", "read")


def _said(random: Random, part: int, *kinds: str) -> Samples:
    return _of(random.choice(_people(part, *kinds)), random)


def _of(clip: Clip, random: Random) -> Samples:
    end_s = clip.spans_s[-1][1]
    start_s = onset_s(clip)
    if clip.kind in ("digits", "paused"):
        start_s, end_s = random.choice(clip.spans_s)
    samples: Samples = sound(clip.name)[int(start_s * RATE_HZ) : int((end_s + 0.05) * RATE_HZ)]
    return samples


@cache
def _people(part: int, *kinds: str) -> tuple[Clip, ...]:
    """The recordings of this part's speakers; of all where a part has none."""
    every = of_half("tune", *kinds)
    people = sorted({clip.speaker for clip in every}, key=lambda name: sha256(name.encode()).digest())
    mine = tuple(clip for clip in every if people.index(clip.speaker) % FOLDS == part)
    return mine or every


def _noise(random: Random) -> Samples:
    """A noise that sets in."""
    import numpy as np

    draw = np.random.default_rng(random.getrandbits(32))
    seconds = random.uniform(0.15, 3.0)
    if random.random() < 0.5:
        clip = random.choice(of_half("tune", "noise"))
        samples = sound(clip.name)
        start = random.randrange(max(1, len(samples) - int(seconds * RATE_HZ)))
        return voices.throat(samples[start : start + int(seconds * RATE_HZ)], random, spread=0.3)
    return _made_noise(random, draw, int(seconds * RATE_HZ))


def _made_noise(random: Random, draw: np.random.Generator, length: int) -> Samples:
    """Hiss of some colour in some rhythm, knocks, tones."""
    import numpy as np

    drawn = random.random()
    hz = np.fft.rfftfreq(length, 1 / RATE_HZ)
    if drawn < 0.5:
        spectrum = np.fft.rfft(draw.standard_normal(length)) * (np.maximum(hz, 40) / 1000) ** random.uniform(-1.5, 0.3)
        middle, width = random.uniform(200, 5000), random.uniform(0.3, 3.0)
        spectrum *= 0.1 + np.exp(-((np.log2(np.maximum(hz, 40) / middle) / width) ** 2))
        made = np.fft.irfft(spectrum, length)
        if random.random() < 0.4:
            made *= 1 + random.uniform(0, 1) * np.sin(2 * np.pi * random.uniform(0.5, 12) * np.arange(length) / RATE_HZ)
        if random.random() < 0.4:
            made *= np.exp(-np.arange(length) / RATE_HZ / random.uniform(0.03, 1.0))
    elif drawn < 0.8:
        made = np.zeros(length)
        for _ in range(random.randint(1, 12)):
            at = random.randrange(length)
            size = min(int(random.uniform(0.003, 0.08) * RATE_HZ), length - at)
            time = np.arange(size) / RATE_HZ
            knock = draw.standard_normal(size) * random.uniform(0, 1)
            knock += np.sin(2 * np.pi * random.uniform(100, 3000) * time) * random.uniform(0, 1)
            made[at : at + size] += knock * np.exp(-time / random.uniform(0.002, 0.03))
        made += 1e-4 * draw.standard_normal(length)
    else:
        time = np.arange(length) / RATE_HZ
        tones = [random.uniform(150, 3500) for _ in range(random.randint(1, 4))]
        made = np.sum([np.sin(2 * np.pi * tone * time) for tone in tones], axis=0) * (
            np.sin(2 * np.pi * random.uniform(0.3, 4) * time) > random.uniform(-1, 0.5)
        )
        made = made + 1e-4 * draw.standard_normal(length)
    sounding: Samples = made.astype(np.float32)
    return sounding


def _background(random: Random, draw: np.random.Generator, length: int) -> Samples:
    """A noise that was always there: a recorded one, a made one, or people."""
    import numpy as np

    drawn = random.random()
    if drawn < 0.5:
        count = random.randint(3, 7)
        talkers = [_endless(_talk(random, random.randrange(FOLDS)), length, random) for _ in range(count)]
        mixed: Samples = np.sum([talk / _factor(_spoken_db(talk)) for talk in talkers], axis=0).astype(np.float32)
        return mixed
    if drawn < 0.8:
        steady = [clip for clip in of_half("tune", "noise") if "dog" not in clip.name and "noise2" not in clip.name]
        return _endless(sound(random.choice(steady).name), length, random)
    spectrum = np.fft.rfft(draw.standard_normal(length))
    spectrum *= (np.maximum(np.fft.rfftfreq(length, 1 / RATE_HZ), 40) / 1000) ** random.uniform(-1.5, 0.2)
    hiss: Samples = np.fft.irfft(spectrum, length).astype(np.float32)
    return hiss


def _endless(samples: Samples, length: int, random: Random) -> Samples:
    import numpy as np

    return np.resize(np.roll(samples, -random.randrange(len(samples))), length).astype(np.float32)


def _assistant(
    random: Random, length: int, happenings: list[Happening], format: AudioFormat, person_db: float
) -> tuple[Samples, Samples]:
    """What the loudspeaker is given, and what of it comes back."""
    import numpy as np

    if random.random() < 0.5:
        clip = random.choice(of_half("tune", "read", "line"))
        said = sound(clip.name)[int(clip.spans_s[0][0] * RATE_HZ) :]
        said = said * _factor(-active_db(clip))
    else:
        said = voices.says(random.choice(texts.SAYING), random)
        said = said * _factor(-_spoken_db(said))
    if random.random() < 0.5:
        said = said[random.randrange(len(said) // 2) :]
    said = voices.trimmed(np.resize(said, length + RATE_HZ))[:length]
    said = np.resize(said, length) * _factor(random.uniform(-28, -18))
    said, gain = np.clip(said, -0.99, 0.99), _ducks(random, length, happenings)
    far = (said * gain).astype(np.float32)
    if random.random() < 0.4:
        return far, np.zeros(length, dtype=np.float32)
    later = int(random.uniform(0, 0.03) * RATE_HZ)  # than it was asked for, it is turned down
    out = np.tanh(1.5 * said * np.concatenate((np.full(later, gain[0]), gain[: length - later]))) / 1.5
    room = response(random.choice(rooms("tune")))
    if format is PCMU_8K:
        room = telephone_band(room)
    late = int((random.uniform(60, 280) if format is PCMU_8K else random.uniform(5, 150)) * RATE_HZ / 1000)
    heard = through(out, room)[:length]
    gain_db = random.uniform(-30, -4) + loudness_db(far[: 3 * RATE_HZ]) - loudness_db(through(far, room)[: 3 * RATE_HZ])
    heard = np.concatenate((np.zeros(late, dtype=np.float32), heard * _factor(gain_db)))[:length]
    return far, heard.astype(np.float32)


def _ducks(random: Random, length: int, happenings: list[Happening]) -> Samples:
    """The assistant is turned down for a while after something began, and sometimes for nothing."""
    import numpy as np

    gain = np.ones(length, dtype=np.float32)
    times = [
        (happening.begin_s + random.uniform(0.06, 0.25), happening.end_s + random.uniform(0.0, 0.3))
        for happening in happenings
        if random.random() < 0.7
    ]
    if random.random() < 0.3:
        begin = random.uniform(0, 3)
        times.append((begin, begin + random.uniform(0.1, 0.8)))
    for begin, end in times:
        gain[int(begin * RATE_HZ) : int(end * RATE_HZ)] = _factor(-18)
    smooth: Samples = np.convolve(gain, np.ones(320) / 320, "same").astype(np.float32)
    return smooth


class Recorder:
    """Stands where the model stands, and keeps what it is given."""

    memory = 1

    def __init__(self) -> None:
        self.runs: list[list[tuple[int, Any]]] = []
        self.ear: LocalEar

    def step(self, state: NDArray[np.float32], heard: NDArray[np.float32]) -> tuple[Any, Any]:
        import numpy as np

        if not state[0]:
            self.runs.append([])
        listener = self.ear._listener
        assert listener is not None
        self.runs[-1].append((listener._judged, heard))
        return state + 1, np.array([0.0, 0.0, 0.0, 0.0, 1.0])


def _listen(
    near: Samples,
    far: Samples,
    format: AudioFormat,
    usual_db: float | None,
    happenings: list[Happening],
    loss: float,
    draw: np.random.Generator,
) -> list[Heard]:

    recorder = Recorder()
    ear = LocalEar(format, vad_factory=_detector, model=lambda: recorder, always=True)  # type: ignore[arg-type, return-value]
    recorder.ear = ear
    near_out, far_out = Converter(PCM_16K, format), Converter(PCM_16K, format)
    before = int(draw.uniform(0.0, 0.4) * RATE_HZ) // FRAME  # the assistant is silent
    for number in range(len(near) // FRAME):
        at = number * FRAME
        data = _spelt(near_out, near[at : at + FRAME], format)
        if loss and draw.random() < loss:
            data = format.silence(20)
        if number >= before:
            ear.play(AudioFrame(format, _spelt(far_out, far[at : at + FRAME], format)))
        ear.hear(AudioFrame(format, data), sounding=number >= before)
        if number == 0 and ear._listener is None:
            ear._wake()
            ear._awake = False
        if ear._listener is not None:
            ear._listener.usual.level_db = usual_db
    return [_marked(run, happenings) for run in recorder.runs if len(run) >= 3]


def _spelt(converter: Converter, samples: Samples, format: AudioFormat) -> bytes:
    import numpy as np

    data = converter.convert(np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return data.rjust(format.size_bytes(20), format.silence(1)[:1])


def _marked(run: list[tuple[int, Any]], happenings: list[Happening]) -> Heard:
    import numpy as np

    kinds = np.full(len(run), NOTHING, dtype=np.int8)
    counts = np.full(len(run), 0.5, dtype=np.float32)
    for place, (position, _) in enumerate(run):
        at_s = position / RATE_HZ
        for happening in happenings:
            since, after = at_s - happening.begin_s, at_s - happening.end_s
            if since < 0.02 or after > UNSURE_S:
                continue
            counts[place] = 0.0 if after > AFTER_S else min(1.0, 0.15 + since * 2.5)
            kinds[place] = happening.kind
    return Heard(np.array([heard for _, heard in run], dtype=np.float16), kinds, counts)


def _detector() -> SileroProbability:
    detector = _loaded()
    detector.reset()
    return detector


@cache
def _loaded() -> SileroProbability:
    return SileroProbability()


def _factor(db: float) -> float:
    return float(10 ** (db / 20))
