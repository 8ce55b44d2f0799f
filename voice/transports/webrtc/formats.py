"""On this connection the sound's format is not the client's to choose: it is Opus, and 24 kHz PCM behind it."""

from __future__ import annotations

from typing import Any

from voice.protocol.client_events import SessionUpdate


def without_formats(event: SessionUpdate) -> SessionUpdate:
    """The same update without `audio.input.format` and `audio.output.format`."""
    audio = getattr(event.session, "audio", None)
    if audio is None:
        return event
    sides = {name: _without_format(getattr(audio, name, None)) for name in ("input", "output")}
    changed = {name: side for name, side in sides.items() if side is not getattr(audio, name, None)}
    if not changed:
        return event
    session = event.session.model_copy(update={"audio": audio.model_copy(update=changed)})
    return event.model_copy(update={"session": session})


def _without_format(side: Any) -> Any:
    if side is None or "format" not in side.model_fields_set:
        return side
    copy = side.model_copy(update={"format": None})
    copy.model_fields_set.discard("format")
    return copy
