"""The words for a call that must end."""

from __future__ import annotations

from voice.audio.frames import AudioFormat, AudioFrame
from voice.config import Settings


class ClosingWords:
    """The words for a call whose engine is gone, spoken once by a synthesiser of our own, in every line's format."""

    def __init__(self, pcm: bytes = b"", rate_hz: int = 0) -> None:
        self._pcm = pcm
        self._rate_hz = rate_hz
        self._frames: dict[AudioFormat, AudioFrame] = {}

    @classmethod
    async def spoken(cls, settings: Settings) -> ClosingWords:
        """Speak what the settings want said; nothing when they want nothing. Raises ExtraMissing."""
        text = settings.session.closing
        if not text:
            return cls()
        from voice.engines.speech.choose import choose_speaker

        local = settings.local
        speaker = choose_speaker(local.tts, model_path=local.tts_model, voices_path=local.tts_voices)
        await speaker.open()
        try:
            pcm = b"".join([piece async for piece in speaker.speak(text, voice=local.voice)])
        finally:
            await speaker.close()
        return cls(pcm, speaker.rate_hz)

    def for_line(self, format: AudioFormat) -> AudioFrame | None:
        if not self._pcm:
            return None
        if format not in self._frames:
            from voice.audio.convert import convert_whole

            spoken = AudioFormat("pcm16", self._rate_hz)
            self._frames[format] = AudioFrame(format, convert_whole(self._pcm, spoken, format))
        return self._frames[format]
