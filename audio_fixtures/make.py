"""Makes the synthetic part of the fixtures anew: `python audio_fixtures/make.py` (needs libflite1).

Writes `lines/*.wav`, `noise/*_made.wav` and the rows of `manifest.toml` below the marker. The same library gives the
same bytes, so a second run changes nothing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from voice.audio.wav import write_wav  # noqa: E402
from voice.engines.speech.flite_library import RATE_HZ, FliteLibrary  # noqa: E402
from voice.engines.speech.trim import SilenceTrimmer  # noqa: E402

MARKER = "# --- Below: written by make.py ---\n"
LEAD_MS, TAIL_MS = 300, 400

LINES = (
    ("rms", "hello"),
    ("awb", "good morning"),
    ("rms", "what can you do"),
    ("awb", "what time is it"),
    ("rms", "what day is it today"),
    ("rms", "set a timer for ten seconds"),
    ("awb", "set a timer for five minutes"),
    ("rms", "how much time is left"),
    ("awb", "cancel the timer"),
    ("rms", "what is twelve times seven"),
    ("awb", "what is forty minus eighteen"),
    ("rms", "how many feet are in a mile"),
    ("awb", "convert ten kilometers to miles"),
    ("rms", "remember that my locker number is forty two"),
    ("awb", "what is my locker number"),
    ("rms", "spell necessary"),
    ("awb", "please repeat that"),
    ("rms", "stop"),
    ("awb", "help"),
    ("rms", "tell me a joke"),
    ("awb", "what is the capital of france"),
    ("rms", "thank you goodbye"),
)


def main() -> None:
    """Everything that is made rather than recorded."""
    rows = [line(FliteLibrary(), voice, text) for voice, text in LINES]
    rows += [noise("pink_made", pink(8)), noise("hum_made", hum(6))]
    manifest = HERE / "manifest.toml"
    recorded = manifest.read_text(encoding="utf-8").split(MARKER)[0].rstrip("\n")
    manifest.write_text(f"{recorded}\n\n{MARKER}\n" + "\n".join(rows), encoding="utf-8")


def line(library: FliteLibrary, voice: str, text: str) -> str:
    """Say a line, write it with some silence around, and describe it."""
    trimmer = SilenceTrimmer(RATE_HZ, tail_ms=0)
    said: list[bytes] = []

    def receive(pcm: bytes) -> bool:
        said.append(trimmer.feed(pcm))
        return True

    library.synthesise(text, voice, 1.0, receive)
    speech = b"".join(said)
    spoken_ms = len(speech) * 1000 // (2 * RATE_HZ)
    pcm = bytes(LEAD_MS * RATE_HZ // 1000 * 2) + speech + bytes(TAIL_MS * RATE_HZ // 1000 * 2)
    name = f"lines/{text.replace(' ', '_')}_{voice}.wav"
    return write(name, pcm, kind="line", text=text, speaker=f"flite-{voice}", spans=[[LEAD_MS, LEAD_MS + spoken_ms]])


def noise(name: str, samples: np.ndarray) -> str:
    """Write a noise and describe it."""
    pcm = np.rint(samples).astype("<i2").tobytes()
    return write(f"noise/{name}.wav", pcm, kind="noise", text="", speaker="", spans=[])


def pink(seconds: int) -> np.ndarray:
    """Noise with equal power in every octave, -35 dBFS."""
    count = seconds * RATE_HZ
    spectrum = np.fft.rfft(np.random.default_rng(1).standard_normal(count))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    wave = np.fft.irfft(spectrum, count)
    return wave / np.sqrt(np.mean(wave**2)) * 32768 * 10 ** (-35 / 20)


def hum(seconds: int) -> np.ndarray:
    """Mains hum at 50 Hz with its overtones and a little hiss, -40 dBFS."""
    time_s = np.arange(seconds * RATE_HZ) / RATE_HZ
    wave = sum(np.sin(2 * np.pi * 50 * k * time_s + k) / k for k in (1, 2, 3, 5, 7))
    wave = wave + 0.05 * np.random.default_rng(2).standard_normal(len(time_s))
    return wave / np.sqrt(np.mean(wave**2)) * 32768 * 10 ** (-40 / 20)


def write(name: str, pcm: bytes, *, kind: str, text: str, speaker: str, spans: list[list[int]]) -> str:
    """Write the file; answer with its row."""
    (HERE / name).write_bytes(write_wav(pcm, RATE_HZ))
    origin = "audio_fixtures/make.py" + (f", Flite voice cmu_us_{speaker.removeprefix('flite-')}" if speaker else "")
    fields = {
        "file": name,
        "kind": kind,
        "text": text,
        "speaker": speaker,
        "rate_hz": RATE_HZ,
        "duration_ms": round(len(pcm) * 500 / RATE_HZ),
        "spans_ms": spans,
        "origin": origin,
        "licence": "Apache-2.0",
    }
    return "[[file]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in fields.items())


if __name__ == "__main__":
    main()
