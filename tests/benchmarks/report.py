"""Figures said three ways: one JSON object, a table in the terminal, a table in markdown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.machine import machine, versions

Rows = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Result:
    """One benchmark's outcome: figures and rows, or `problem` when it could not be measured."""

    name: str
    rows: Rows
    problem: str = ""


def as_json(name: str, figures: dict[str, float], method: str) -> str:
    """One line: the figures at the top level, and beside them what they were measured with."""
    rounded = {key: round(value, 6) for key, value in figures.items()}
    about = {"benchmark": name, "method": method, "versions": versions(), "machine": machine()}
    return json.dumps({**rounded, **about})


def show(name: str, rows: Rows, method: str) -> None:
    """Print for people."""
    from rich.console import Console
    from rich.table import Table

    table = Table("figure", "measured", title=name, caption=method or None)
    table.columns[1].justify = "right"
    for label, value in rows:
        table.add_row(label, value)
    Console().print(table)


def as_markdown(results: Sequence[Result]) -> str:
    """One table of all benchmarks, with the machine and the versions under it."""
    lines = ["| benchmark | figure | measured |", "|---|---|---|"]
    for result in results:
        if result.problem:
            lines.append(f"| {result.name} | – | not measured: {_cell(result.problem)} |")
        lines += [f"| {result.name} | {_cell(label)} | {_cell(value)} |" for label, value in result.rows]
    about = machine()
    names = ", ".join(f"{name} {version}" for name, version in versions().items())
    lines += ["", f"Measured on {about['system']}, {about['cores']} cores, load {about['load_1min']}; {names}.", ""]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "<br>")
