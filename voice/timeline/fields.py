"""What a trace's objects hold, whatever they hold: a picture is drawn of older and newer traces, too."""

from __future__ import annotations

from typing import Any

Fields = dict[str, Any]


def as_dict(value: object) -> Fields:
    """An object, or an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """A list, or an empty one."""
    return value if isinstance(value, list) else []


def maybe_number(value: object) -> float | None:
    """A number; None for anything else."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def number_or(value: object, otherwise: float) -> float:
    """A number, or another one in its place."""
    number = maybe_number(value)
    return otherwise if number is None else number
