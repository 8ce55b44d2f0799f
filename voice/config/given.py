"""A value as somebody wrote it, and its way into a setting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args, get_origin

from voice.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Given:
    """A value and where it stands: `name` is what that place calls the setting."""

    value: object
    name: str
    path: Path | None = None
    line: int | None = None

    def refuse(self, expected: str, *, fix: str = "") -> NoReturn:
        raise ConfigError(f"{self.name}: expected {expected}.", fix=fix, path=self.path, line=self.line)


def convert(item: Given, hint: Any, limits: Mapping[str, Any]) -> object:
    """The value as its setting wants it. Text from the environment or a flag is read as what the setting holds."""
    if get_origin(hint) is Literal:
        return _one_of(item, get_args(hint))
    if hint is bool:
        return _yes_or_no(item)
    if hint in (int, float):
        return _number(item, hint, limits["between"])
    if hint is str:
        if not isinstance(item.value, str):
            item.refuse(f"text in quotes, not {item.value!r}")
        return item.value
    if get_origin(hint) is Mapping:
        return _table(item, get_args(get_args(hint)[1]))
    return _names(item, or_all="all" in str(hint))


def _table(item: Given, choices: tuple[str, ...]) -> dict[str, str]:
    """Rows of a name and one of the choices; in the environment `name=choice,name=choice`."""
    value = item.value
    if isinstance(value, str) and item.path is None:
        value = dict(part.strip().partition("=")[::2] for part in value.split(",") if part.strip())
    if not isinstance(value, dict):
        item.refuse(f'rows like name = "{choices[0]}", not {value!r}')
    return {
        str(name): _one_of(replace(item, value=row, name=f"{item.name} {name}"), choices) for name, row in value.items()
    }


def _number(item: Given, kind: type[int] | type[float], between: tuple[float, float]) -> float:
    value, (low, high) = item.value, between
    expected = f"{'a whole number' if kind is int else 'a number'} from {low:g} to {high:g}, not {value!r}"
    if isinstance(value, str) and item.path is None:
        try:
            value = kind(value)
        except ValueError:
            item.refuse(expected)
    if isinstance(value, bool) or not isinstance(value, int if kind is int else int | float):
        item.refuse(expected)
    if not low <= value <= high:
        item.refuse(expected)
    return kind(value)


def _yes_or_no(item: Given) -> bool:
    value = item.value
    if isinstance(value, str) and item.path is None:
        value = {"true": True, "1": True, "false": False, "0": False}.get(value.lower(), value)
    if not isinstance(value, bool):
        item.refuse(f"true or false, not {value!r}")
    return value is True


def _one_of(item: Given, choices: tuple[str, ...]) -> str:
    if item.value not in choices:
        listed = ", ".join(f'"{choice}"' for choice in choices)
        near = did_you_mean(str(item.value), choices)
        item.refuse(f"one of {listed}, not {item.value!r}", fix=f'Did you mean "{near}"?' if near else "")
    return str(item.value)


def _names(item: Given, *, or_all: bool) -> tuple[str, ...] | str:
    value = item.value
    if or_all and value == "all":
        return "all"
    if isinstance(value, str) and item.path is None:
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if not isinstance(value, list | tuple) or not all(isinstance(part, str) for part in value):
        item.refuse('a list of names like ["a", "b"]' + (' or "all"' if or_all else "") + f", not {value!r}")
    return tuple(value)


def did_you_mean(wrong: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """The known name that is nearest, or nothing."""
    import difflib  # its import costs more than all of a start without a mistake

    return next(iter(difflib.get_close_matches(wrong, list(known), n=1, cutoff=cutoff)), "")


def unknown(
    name: str, known: Iterable[str], *, wrong: str = "", path: Path | None = None, line: int | None = None
) -> ConfigError:
    """`name` (of which `wrong` is the part to compare) is not among the known ones."""
    listed = list(known)
    near = did_you_mean(wrong or name, listed)
    fix = f"Did you mean {near}?" if near else f"Known here: {', '.join(listed)}."
    return ConfigError(f"{name} is not a setting.", fix=fix, path=path, line=line)
