"""Voice names that clients of the realtime protocol ask for, and who speaks for them here."""

from __future__ import annotations

from collections.abc import Sequence

PROTOCOL_VOICES = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar")
_LOWER = ("ash", "ballad", "echo", "verse", "cedar")


def pick_voice(asked: str, *, higher: Sequence[str], lower: Sequence[str]) -> str:
    """A voice of the synthesiser: the one asked for if it has it, else one of the fitting pitch, or the first."""
    if asked in higher or asked in lower:
        return asked
    kind = lower if asked in _LOWER and lower else higher
    return kind[PROTOCOL_VOICES.index(asked) % len(kind)] if asked in PROTOCOL_VOICES else higher[0]
