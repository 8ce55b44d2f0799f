"""How loud a frame is."""

from __future__ import annotations

from voice.audio.frames import AudioFrame


def peak(frame: AudioFrame) -> float:
    """The largest sample of a frame, 0..1 of full scale."""
    import numpy as np

    from voice.audio.g711 import decode

    encoding = frame.format.encoding
    data = frame.data if encoding == "pcm16" else decode(frame.data, encoding)
    samples = np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2")
    return float(np.abs(samples.astype(np.int32)).max() / 32_768) if len(samples) else 0.0
