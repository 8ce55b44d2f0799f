"""Which tools may run, which need a person's approval, and which may not run: a table that people can read.

A row names a tool, or a class of side effects (`read`, `write`, `irreversible`); a tool's own row wins over that of
its class. Where there is no row, the defaults below hold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from voice.errors import ConfigError
from voice.tools.spec import SideEffect, Tool

Verdict = Literal["allow", "ask", "deny"]

DEFAULTS: dict[SideEffect, Verdict] = {"read": "allow", "write": "allow", "irreversible": "ask"}


@dataclass(frozen=True, slots=True)
class Policy:
    """The rows that were set, over the defaults."""

    rows: Mapping[str, Verdict] = field(default_factory=dict)

    def verdict(self, tool: Tool) -> Verdict:
        """What may become of a call of this tool."""
        return self.rows.get(tool.name) or self.rows.get(tool.side_effect) or DEFAULTS[tool.side_effect]

    def table(self, tools: Iterable[Tool]) -> dict[str, Verdict]:
        """The verdict on each tool, by its name."""
        return {tool.name: self.verdict(tool) for tool in tools}


def policy_of(rows: Mapping[str, Verdict], tools: Iterable[Tool]) -> Policy:
    """The policy that these rows are. Raises ConfigError for a row that concerns nothing, which is a misspelt one."""
    names = [tool.name for tool in tools]
    for row in rows:
        if row not in DEFAULTS and row not in names:
            raise ConfigError(
                f"tools.policy names {row!r}, which is neither a tool nor a class of side effects.",
                fix=f"There are: {', '.join([*DEFAULTS, *names])}.",
            )
    return Policy(dict(rows))
