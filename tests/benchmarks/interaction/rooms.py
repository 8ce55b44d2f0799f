"""How a room carries sound: recorded impulse responses, and shoebox rooms worked out from their mirror images.

The image method is J. Allen and D. Berkley's ("Image method for efficiently simulating small-room acoustics", JASA 65,
1979); reflection from the reverberation time by Sabine's formula.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from tests.benchmarks.interaction.clips import RATE_HZ, Half, of_half, sound

if TYPE_CHECKING:
    import numpy as np

    from tests.benchmarks.interaction.clips import Samples

SOUND_M_PER_S = 343.0
SHOEBOXES = 8
LENGTH_S = 0.3
ORDER = 9


def rooms(half: Half) -> tuple[str, ...]:
    """Names of the rooms of one half: recorded ones and shoeboxes."""
    first = 0 if half == "tune" else SHOEBOXES
    made = [f"shoebox {number}" for number in range(first, first + SHOEBOXES)]
    return (*(clip.name for clip in of_half(half, "room")), *made)


@cache
def response(room: str) -> Samples:
    """Impulse response at 16 kHz from the direct sound on, 300 ms, of unit energy."""
    import numpy as np

    name, _, number = room.partition(" ")
    heard = _shoebox(int(number)) if number else sound(name)
    peak = int(np.abs(heard).argmax())
    first = int(np.argmax(np.abs(heard[: peak + 1]) > 0.3 * np.abs(heard[peak])))
    cut = heard[first : first + int(LENGTH_S * RATE_HZ)].astype(np.float64)
    cut[-800:] *= np.linspace(1, 0, len(cut[-800:]))
    carried: Samples = (cut / np.sqrt((cut**2).sum())).astype(np.float32)
    return carried


def _shoebox(number: int) -> Samples:
    import numpy as np

    random = np.random.default_rng(7_000 + number)
    size = random.uniform((2.5, 2.5, 2.3), (7.0, 6.0, 3.2))
    source, ear = random.uniform(0.3, size - 0.3), random.uniform(0.3, size - 0.3)
    reverberation_s = random.uniform(0.15, 0.6)
    surface = 2 * (size[0] * size[1] + size[1] * size[2] + size[0] * size[2])
    absorbed = min(0.161 * size.prod() / (surface * reverberation_s), 0.95)
    steps = np.arange(-ORDER, ORDER + 1)
    axes = [_images(length, at, steps) for length, at in zip(size, source, strict=True)]
    away = [places - at for (places, _), at in zip(axes, ear, strict=True)]
    distance = np.sqrt(away[0][:, None, None] ** 2 + away[1][None, :, None] ** 2 + away[2][None, None, :] ** 2).ravel()
    bounces = (axes[0][1][:, None, None] + axes[1][1][None, :, None] + axes[2][1][None, None, :]).ravel()
    strength = np.sqrt(1 - absorbed) ** bounces / distance
    arrival = (distance / SOUND_M_PER_S * RATE_HZ).astype(int)
    heard = np.zeros(RATE_HZ)
    inside = arrival < len(heard)
    np.add.at(heard, arrival[inside], strength[inside] * random.choice((1.0, 0.92), inside.sum()))
    return heard.astype(np.float32)


def _images(length: float, at: float, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places of the mirror images along one axis, and how many walls each was mirrored in."""
    import numpy as np

    places = np.concatenate((2 * steps * length + at, 2 * steps * length - at))
    bounces = np.concatenate((np.abs(2 * steps), np.abs(2 * steps - 1)))
    return places, bounces
