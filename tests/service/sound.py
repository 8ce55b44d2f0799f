"""Real sound for scenes, and an ear that is not the service's own."""

from __future__ import annotations

from pathlib import Path

from voice.audio.resample import Resampler
from voice.audio.wav import read_wav

FIXTURES = Path(__file__).parents[2] / "audio_fixtures"
RATE_HZ = 24_000


def fixture(name: str, tail_ms: int = 900) -> bytes:
    """A recording as PCM16 at 24 kHz, with silence behind it."""
    sound = read_wav((FIXTURES / name).read_bytes())
    return resampled(sound.pcm, sound.rate_hz, RATE_HZ) + bytes(RATE_HZ * 2 * tail_ms // 1000)


def independent_words(pcm: bytes) -> str:
    """What an outsider hears in PCM16 of 24 kHz: PocketSphinx with its general language model, the whole sound at once.

    The service decodes with the same acoustic model, but as a stream, adapted to the speaker, and with the phrases of
    its own templates in mind; none of that is used here.
    """
    from pocketsphinx import Decoder

    decoder = Decoder(samprate=16_000, loglevel="FATAL")
    decoder.start_utt()
    decoder.process_raw(resampled(pcm, RATE_HZ, 16_000), full_utt=True)
    decoder.end_utt()
    heard = decoder.hyp()
    return "" if heard is None else str(heard.hypstr)


def resampled(pcm: bytes, from_hz: int, to_hz: int) -> bytes:
    if from_hz == to_hz:
        return pcm
    resampler = Resampler(from_hz, to_hz)
    return resampler.feed(pcm) + resampler.flush()
