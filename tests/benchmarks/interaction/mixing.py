"""The person's end of a scene as sound: opening words, the event, noise, the line. And the assistant's reply."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from tests.benchmarks.interaction import vocal
from tests.benchmarks.interaction.clips import RATE_HZ, Clip, Half, active_db, clips, loudness_db, of_half, sound
from tests.benchmarks.interaction.rooms import response
from tests.benchmarks.interaction.scenes import BABBLE, OPENING_AT_S, REPLY_S, Scene
from tests.benchmarks.interaction.telephone import telephone_band
from voice.audio.convert import convert_whole
from voice.audio.frames import PCM_16K, AudioFormat

if TYPE_CHECKING:
    import numpy as np

    from tests.benchmarks.interaction.clips import Samples

FLOOR_DB, PHONE_FLOOR_DB = -68.0, -58.0
REPLY_DB = -23.0
BEFORE_S, AFTER_S, FADE_S = 0.1, 0.15, 0.02
"""What of a recording's own room goes with a sound, faded in and out."""
BABBLERS = 6
WHOLE = 1_600
"""Tracks are whole tenths of a second: lengths that a Fourier transform likes."""


def near(scene: Scene, length_s: float) -> Samples:
    """All that reaches the microphone but the loudspeaker, 16 kHz."""
    import numpy as np

    random = np.random.default_rng(scene.seed)
    track = np.zeros(-(-int(length_s * RATE_HZ) // WHOLE) * WHOLE, dtype=np.float32)
    if scene.event != "pause":
        opening = scene.opening
        spoken = (opening.spans_s[0][0], opening.spans_s[-1][1])
        _put(track, _cut(opening, spoken), OPENING_AT_S - BEFORE_S, scene.person_db - active_db(opening))
    _put_event(track, scene)
    if scene.snr_db is not None:
        noise = _noise(scene, len(track), random)
        track += noise * _factor(scene.person_db - scene.snr_db - loudness_db(noise))
    phone = scene.condition == "telephone"
    floor = random.standard_normal(len(track)).astype(np.float32)
    track += floor * _factor(PHONE_FLOOR_DB if phone else FLOOR_DB)
    return telephone_band(track) if phone else track


def event_sound(scene: Scene) -> Samples:
    """The event alone, where it is the person's or the room's; not for echo."""
    if scene.clip is None:
        kind, _, seed = scene.source.partition(" ")
        return vocal.cough(int(seed)) if kind == "cough" else vocal.cleared_throat(int(seed))
    piece = _cut(scene.clip, scene.cut_s)
    return through(piece, response(scene.side_room)) if scene.event == "side" else piece


def reply(scene: Scene) -> Samples:
    """The assistant's long answer: sentences of one voice, one behind the other."""
    return _said_by(scene.voice, scene.half, scene.number % 3)


def reply_in(scene: Scene, format: AudioFormat) -> bytes:
    """The same as the line spells it."""
    return _spelt(scene.voice, scene.half, scene.number % 3, format)


def _put_event(track: Samples, scene: Scene) -> None:
    if scene.event == "echo":
        return
    piece = event_sound(scene)
    if scene.clip is None:
        _put(track, piece, scene.begins_s, scene.event_db)
        return
    _put(track, piece, scene.begins_s - BEFORE_S, scene.event_db - _present_db(scene.event, scene.clip, piece))


def _present_db(event: str, clip: Clip, piece: Samples) -> float:
    """How loud it is, in the terms in which the scene says how loud it shall be."""
    import numpy as np

    if event == "cough":
        return float(20 * np.log10(np.abs(piece).max()))
    return loudness_db(piece) if event in ("side", "noise") else active_db(clip)


def _cut(clip: Clip, piece_s: tuple[float, float]) -> Samples:
    """A stretch with a little of what is around it; silence where the recording has nothing there."""
    import numpy as np

    samples = sound(clip.name)
    start, end = int((piece_s[0] - BEFORE_S) * RATE_HZ), int((piece_s[1] + AFTER_S) * RATE_HZ)
    cut = np.pad(samples[max(start, 0) : end], (max(-start, 0), max(end - len(samples), 0)))
    fade = int(FADE_S * RATE_HZ)
    cut[:fade] *= np.linspace(0, 1, fade, dtype=np.float32)
    cut[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return cut


def _put(track: Samples, piece: Samples, at_s: float, gain_db: float) -> None:
    import numpy as np

    at = round(at_s * RATE_HZ)
    piece = piece[max(-at, 0) :]
    at = max(at, 0)
    piece = piece[: len(track) - at]
    track[at : at + len(piece)] += np.clip(piece * _factor(gain_db), -0.99, 0.99)


def _noise(scene: Scene, length: int, random: np.random.Generator) -> Samples:
    import numpy as np

    samples = _babble(scene.half) if scene.noise == BABBLE else sound(scene.noise)
    start = int(random.integers(0, len(samples)))
    return np.resize(np.roll(samples, -start), length).astype(np.float32)


@cache
def _babble(half: Half) -> Samples:
    """Six meetings at once: nobody is understood."""
    import numpy as np

    talk = [sound(clip.name) / _factor(active_db(clip)) for clip in of_half(half, "overlap")]
    length = 8 * RATE_HZ
    mixed = sum(np.resize(np.roll(talk[n % len(talk)], 9_973 * n), length) for n in range(BABBLERS))
    return np.asarray(mixed, dtype=np.float32)


def through(piece: Samples, room: Samples) -> Samples:
    """A sound as a room carries it, its reverberation included."""
    import numpy as np

    size = len(piece) + len(room) - 1
    heard: Samples = np.fft.irfft(np.fft.rfft(piece, size) * np.fft.rfft(room, size), size).astype(np.float32)
    return heard


@cache
def _spelt(voice: str, half: Half, first: int, format: AudioFormat) -> bytes:
    import numpy as np

    pcm = np.rint(_said_by(voice, half, first) * 32767).astype("<i2").tobytes()
    return convert_whole(pcm, PCM_16K, format)


@cache
def _said_by(voice: str, half: Half, first: int) -> Samples:
    import numpy as np

    said = [clip for clip in clips("read", "line") if clip.speaker == voice]
    gap = np.zeros(RATE_HZ // 5, dtype=np.float32)
    pieces: list[Samples] = []
    while sum(map(len, pieces)) < REPLY_S * RATE_HZ:
        clip = said[(first + len(pieces) // 2) % len(said)]
        start, end = clip.spans_s[0][0], clip.spans_s[-1][1]
        piece = sound(clip.name)[int(start * RATE_HZ) : int(end * RATE_HZ)]
        pieces += [piece * _factor(REPLY_DB - active_db(clip)), gap]
    return np.clip(np.concatenate(pieces)[: int(REPLY_S * RATE_HZ)], -0.99, 0.99)


def _factor(db: float) -> float:
    return float(10 ** (db / 20))
