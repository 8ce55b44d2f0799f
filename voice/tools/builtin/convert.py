"""Conversion between units, exactly, from a table that a person can read (`units.json`).

Factors are to the base unit of their kind (NIST SP 811, appendix B); cups, pints and gallons are US customary.
A table of sixty units does what is said aloud; a unit library would cost more start-up time than the whole service.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from importlib import resources
from typing import Any

from voice.errors import ToolFailed
from voice.tools.builtin.arithmetic import in_digits
from voice.tools.spec import Tool, ToolContext

SHOWN_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Unit:
    """`base = value * factor + offset`, in the base unit of `kind`."""

    name: str
    plural: str
    kind: str
    factor: Fraction
    offset: Fraction


def _read_units() -> dict[str, Unit]:
    table: dict[str, Unit] = {}
    text = resources.files("voice.tools.builtin").joinpath("units.json").read_text(encoding="utf-8")
    for kind, rows in json.loads(text).items():
        for name, row in rows.items():
            unit = Unit(
                name=name,
                plural=row.get("plural", name + "s"),
                kind=kind,
                factor=Fraction(row["factor"]),
                offset=Fraction(row.get("offset", 0)),
            )
            for known in (name, unit.plural, *row["names"]):
                table[known.casefold()] = unit
    return table


_UNITS = _read_units()  # a file: read before any conversation runs


def units() -> Mapping[str, Unit]:
    """Every unit under each of its names, in small letters."""
    return _UNITS


def find_unit(name: str) -> Unit:
    """Raises ToolFailed for a unit that is not in the table."""
    unit = units().get(" ".join(name.casefold().split()).removesuffix("."))
    if unit is None:
        raise ToolFailed(f"{name[:40]!r} is not a unit known here.")
    return unit


def convert_value(value: Fraction, source: Unit, target: Unit) -> Fraction:
    """Raises ToolFailed when the units measure different things."""
    if source.kind != target.kind:
        raise ToolFailed(f"{source.plural} measure {source.kind}, {target.plural} measure {target.kind}.")
    return (value * source.factor + source.offset - target.offset) / target.factor


async def convert(arguments: Mapping[str, Any], context: ToolContext) -> object:
    value = Fraction(str(arguments["value"]))
    source, target = find_unit(arguments["from_unit"]), find_unit(arguments["to_unit"])
    result = in_digits(rounded(convert_value(value, source, target)))
    given = in_digits(value)
    return {
        "value": given,
        "from_unit": source.name if given == "1" else source.plural,
        "result": result,
        "to_unit": target.name if result == "1" else target.plural,
    }


def rounded(value: Fraction) -> Fraction:
    """To six significant digits: nobody listens to more."""
    try:
        return Fraction(f"{float(value):.{SHOWN_DIGITS}g}")
    except OverflowError as error:
        raise ToolFailed("The result is too large.") from error


def convert_tool() -> Tool:
    return Tool(
        name="convert_units",
        description="Convert a value between units of length, weight, volume, temperature, time, speed, area or data.",
        parameters={
            "type": "object",
            "properties": {
                "value": {"type": "number"},
                "from_unit": {"type": "string", "description": 'For example "miles".'},
                "to_unit": {"type": "string", "description": 'For example "kilometers".'},
            },
            "required": ["value", "from_unit", "to_unit"],
        },
        handler=convert,
        timeout_s=2.0,
    )
