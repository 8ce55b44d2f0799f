"""What the microphone gives, frame by frame: the near end, what the loudspeaker leaks into it, and the line."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from tests.benchmarks.interaction.clips import RATE_HZ, loudness_db
from tests.benchmarks.interaction.mixing import reply, through
from tests.benchmarks.interaction.rooms import response
from tests.benchmarks.interaction.scenes import Scene
from tests.benchmarks.interaction.telephone import telephone_band
from voice.audio.frames import PCM_16K, PCMU_8K, AudioFormat, AudioFrame

if TYPE_CHECKING:
    from tests.benchmarks.interaction.clips import Samples

FRAME_MS = 20
FRAME = RATE_HZ * FRAME_MS // 1000
LOSS = 0.02
VOICE_S = 3
"""So much of the reply says how loud it comes back."""


def format_of(scene: Scene) -> AudioFormat:
    """Of both directions of the line."""
    return PCMU_8K if scene.condition == "telephone" else PCM_16K


class Microphone:
    """Pull a frame every 20 ms, telling it what the loudspeaker sounded in that time."""

    def __init__(self, scene: Scene, near: Samples) -> None:
        import numpy as np

        from voice.audio.convert import Converter

        self._near = near
        self._format = format_of(scene)
        self._out = Converter(PCM_16K, self._format)
        self._lost = np.random.default_rng(scene.seed + 1).random(len(near) // FRAME + 1) < LOSS
        self._phone = scene.condition == "telephone"
        self._frames = 0
        self._echo: _Echo | None = None
        if scene.coupling_db is not None:
            self._echo = _Echo(_way_back(scene), scene.path_ms)

    @property
    def finished(self) -> bool:
        return (self._frames + 1) * FRAME > len(self._near)

    def skip(self, frames: int) -> None:
        """Nobody listened to these."""
        self._frames += frames

    def frame(self, loudspeaker: Samples | None) -> AudioFrame:
        """The next 20 ms. `loudspeaker`: what sounded meanwhile, at 16 kHz."""
        import numpy as np

        at = self._frames * FRAME
        heard = self._near[at : at + FRAME]
        if self._echo is not None:
            heard = heard + self._echo.next(loudspeaker)
        pcm = np.rint(np.clip(heard, -1, 1) * 32767).astype("<i2").tobytes()
        data = self._out.convert(pcm)
        data = data.rjust(self._format.size_bytes(FRAME_MS), self._format.silence(1)[:1])  # the filter's first frame
        if self._phone and self._lost[self._frames]:
            data = self._format.silence(FRAME_MS)
        self._frames += 1
        return AudioFrame(self._format, data)


@lru_cache(4)
def _way_back(scene: Scene) -> Samples:
    """From the loudspeaker to the microphone, so strong that the assistant's voice comes back at its coupling."""
    assert scene.coupling_db is not None
    room = response(scene.room)
    if scene.condition == "telephone":
        room = telephone_band(room)
    voice = reply(scene)[: VOICE_S * RATE_HZ]
    gain_db = scene.coupling_db - loudness_db(through(voice, room)) + loudness_db(voice)
    louder: Samples = room * 10 ** (gain_db / 20)
    return louder


class _Echo:
    """The loudspeaker's sound through a room, later: convolved block by block, overlaps added."""

    def __init__(self, room: Samples, path_ms: float) -> None:
        import numpy as np

        self._size = -(-(FRAME + len(room)) // FRAME) * FRAME
        self._room = np.fft.rfft(room, self._size)
        self._late = np.zeros(int(path_ms * RATE_HZ / 1000))
        self._ahead = np.zeros(self._size)
        self._silent = 0

    def next(self, loudspeaker: Samples | None) -> Samples:
        import numpy as np

        played = np.zeros(FRAME) if loudspeaker is None else np.tanh(1.5 * loudspeaker) / 1.5  # a small loudspeaker
        self._late = np.concatenate((self._late, played))
        sounding, self._late = self._late[:FRAME], self._late[FRAME:]
        if sounding.any():
            self._ahead += np.fft.irfft(np.fft.rfft(sounding, self._size) * self._room, self._size)
            self._silent = 0
        else:
            self._silent += 1
            if self._silent * FRAME > self._size:
                return np.zeros(FRAME, dtype=np.float32)
        heard = self._ahead[:FRAME].astype(np.float32)
        self._ahead = np.concatenate((self._ahead[FRAME:], np.zeros(FRAME)))
        return heard
