"""The session's settings as they are in force: complete, with the protocol's defaults, and what may not change.

A setting that is cleared with `null` falls back to its default, except those for which `null` means "off":
transcription, noise reduction, turn detection, the idle timeout and tracing. Accepted and kept, but without effect
here: noise reduction, reasoning, truncation, prompt, include, tracing and parallel_tool_calls (the brain decides).
"""

from __future__ import annotations

from voice.audio.frames import AudioFormat
from voice.engines.local.sound import WIRE_FORMATS
from voice.errors import ProtocolError
from voice.protocol.settings import (
    AudioInput,
    AudioOutput,
    AudioSettings,
    Format,
    PcmFormat,
    SemanticVad,
    ServerVad,
    Session,
    Transcription,
    TurnDetection,
    VoiceId,
    merge,
)

INSTRUCTIONS = (
    "You are a helpful voice assistant. Your words are spoken aloud: answer briefly, in plain sentences, "
    "and say honestly what you cannot do."
)
VOICE = "alloy"


def defaults(model: str, session_id: str) -> Session:
    """Everything that the protocol gives a default."""
    return Session(
        id=session_id,
        object="realtime.session",
        model=model,
        instructions=INSTRUCTIONS,
        output_modalities=["audio"],
        audio=AudioSettings(
            input=AudioInput(
                format=PcmFormat(), noise_reduction=None, transcription=None, turn_detection=_complete(ServerVad())
            ),
            output=AudioOutput(format=PcmFormat(), voice=VOICE, speed=1.0),
        ),
        tools=[],
        tool_choice="auto",
        max_output_tokens="inf",
        tracing=None,
        truncation="auto",
        prompt=None,
    )


class Settings:
    """The settings in force. `session` is never changed in place."""

    def __init__(self, model: str, session_id: str, wished: Session | None = None) -> None:
        self._defaults = defaults(model, session_id)
        self.session = self._defaults
        self.voice_was_heard = False
        if wished is not None:
            self.session = self._merged(wished)

    def update(self, wished: Session) -> None:
        """Change what `wished` names. Raises ProtocolError, and then nothing is changed."""
        merged = self._merged(wished)
        self._refuse_forbidden(merged)
        self.session = merged

    @property
    def input(self) -> AudioInput:
        assert self.session.audio is not None
        assert self.session.audio.input is not None
        return self.session.audio.input

    @property
    def output(self) -> AudioOutput:
        assert self.session.audio is not None
        assert self.session.audio.output is not None
        return self.session.audio.output

    @property
    def input_format(self) -> AudioFormat:
        return audio_format(self.input.format)

    @property
    def detection(self) -> ServerVad | SemanticVad | None:
        detection = self.input.turn_detection
        return detection if isinstance(detection, ServerVad | SemanticVad) else None

    @property
    def transcription(self) -> Transcription | None:
        return self.input.transcription

    @property
    def language(self) -> str:
        """What the person is expected to speak."""
        asked = self.transcription
        if asked is None:
            return "en"
        return asked.language or (asked.languages[0] if asked.languages else "en")

    def _merged(self, wished: Session) -> Session:
        merged = merge(self.session, wished)
        mine = self._defaults
        # The engine's own; a client that echoes them back says nothing.
        merged.id, merged.object, merged.expires_at = mine.id, mine.object, mine.expires_at
        for name in ("model", "output_modalities", "tools", "tool_choice", "max_output_tokens", "truncation"):
            if getattr(merged, name) is None:
                setattr(merged, name, getattr(mine, name))
        if merged.instructions is None:
            merged.instructions = ""
        merged.audio = _complete_audio(merged.audio)
        _check_formats(merged.audio)
        return merged

    def _refuse_forbidden(self, merged: Session) -> None:
        if merged.model != self.session.model:
            raise ProtocolError("The model of a session cannot be changed.", param="session.model")
        if self.session.tracing is not None and merged.tracing != self.session.tracing:
            raise ProtocolError("Tracing cannot be changed once it is set.", param="session.tracing")
        assert merged.audio is not None
        assert merged.audio.output is not None
        if self.voice_was_heard and voice_name(merged.audio.output) != voice_name(self.output):
            raise ProtocolError(
                "The voice cannot be changed once the assistant was heard.",
                code="cannot_update_voice",
                param="session.audio.output.voice",
            )


def audio_format(format: Format | None) -> AudioFormat:
    """What the wire's format object stands for."""
    return WIRE_FORMATS[getattr(format, "type", "audio/pcm")]


def voice_name(output: AudioOutput) -> str:
    """The voice by name, or by the id of a voice of one's own."""
    return output.voice.id if isinstance(output.voice, VoiceId) else output.voice or VOICE


def _complete_audio(audio: AudioSettings | None) -> AudioSettings:
    given_input = (audio and audio.input) or AudioInput(turn_detection=ServerVad())
    given_output = (audio and audio.output) or AudioOutput()
    completed_input = given_input.model_copy(
        update={
            "format": given_input.format or PcmFormat(),
            "noise_reduction": given_input.noise_reduction,
            "transcription": given_input.transcription,
            "turn_detection": _complete(given_input.turn_detection),
        }
    )
    completed_output = given_output.model_copy(
        update={
            "format": given_output.format or PcmFormat(),
            "voice": given_output.voice or VOICE,
            "speed": given_output.speed or 1.0,
        }
    )
    return AudioSettings(input=completed_input, output=completed_output)


def _complete(detection: TurnDetection | None) -> TurnDetection | None:
    if not isinstance(detection, ServerVad | SemanticVad):
        return None
    values: dict[str, object] = {
        "create_response": detection.create_response is not False,
        "interrupt_response": detection.interrupt_response is not False,
    }
    if isinstance(detection, ServerVad):
        values["threshold"] = _or(detection.threshold, 0.5)
        values["prefix_padding_ms"] = _or(detection.prefix_padding_ms, 300)
        values["silence_duration_ms"] = _or(detection.silence_duration_ms, 500)
        values["idle_timeout_ms"] = detection.idle_timeout_ms
    else:
        values["eagerness"] = detection.eagerness or "auto"
    return detection.model_copy(update=values)


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _check_formats(audio: AudioSettings) -> None:
    for name, direction in (("input", audio.input), ("output", audio.output)):
        if getattr(direction and direction.format, "type", "") not in WIRE_FORMATS:
            raise ProtocolError(
                "The audio format is not one of " + ", ".join(WIRE_FORMATS) + ".", param=f"session.audio.{name}.format"
            )
