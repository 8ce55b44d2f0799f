"""Sound brought to the format that the far end takes."""

from __future__ import annotations

from voice.audio.convert import Converter
from voice.audio.frames import AudioFormat, AudioFrame


class Fitting:
    """One outgoing stream: frames of the far end's format pass untouched, others are converted."""

    def __init__(self, format: AudioFormat) -> None:
        self.format = format
        self._converter: Converter | None = None

    def fit(self, frame: AudioFrame) -> AudioFrame:
        if frame.format is self.format or frame.format == self.format:  # comparing costs more than all the rest
            return frame
        if self._converter is None or self._converter.source != frame.format:
            self._converter = Converter(frame.format, self.format)
        return AudioFrame(self.format, self._converter.convert(frame.data))

    def reset(self) -> None:
        """What follows does not continue what was: no sound may leak from before a stop."""
        if self._converter is not None:
            self._converter.reset()
