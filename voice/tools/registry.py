"""The tools of this service, by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from voice.errors import ConfigError
from voice.protocol.settings import FunctionTool
from voice.tools.schema import ArgumentsSchema
from voice.tools.spec import Tool

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # the alphabet that every model's API accepts


@dataclass(frozen=True, slots=True)
class Registered:
    """A tool and its compiled schema."""

    tool: Tool
    schema: ArgumentsSchema


class Registry:
    """Every tool that may run here. A name is taken once."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools: dict[str, Registered] = {}
        for tool in tools:
            self.add(tool)

    def add(self, tool: Tool) -> None:
        """Raises ConfigError for a bad or taken name and for a schema that cannot be enforced."""
        if not NAME.fullmatch(tool.name):
            raise ConfigError(f"{tool.name!r} cannot name a tool.", fix="Use 1 to 64 letters, digits, _ or -.")
        if tool.name in self._tools:
            raise ConfigError(f"There are two tools named {tool.name!r}.", fix="Rename one of them.")
        try:
            schema = ArgumentsSchema(tool.parameters, strict=tool.strict)
        except ConfigError as error:
            raise ConfigError(f"Tool {tool.name!r}: {error.message}") from error
        self._tools[tool.name] = Registered(tool, schema)

    def find(self, name: str) -> Registered | None:
        return self._tools.get(name)

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    def __iter__(self) -> Iterator[Tool]:
        return (registered.tool for registered in self._tools.values())

    def __len__(self) -> int:
        return len(self._tools)

    def tools_for_model(self) -> list[FunctionTool]:
        """What a model is told about the tools."""
        return [
            FunctionTool(name=tool.name, description=tool.description, parameters=dict(tool.parameters))
            for tool in self
        ]


def enabled(tools: Iterable[Tool], names: tuple[str, ...] | str) -> list[Tool]:
    """The tools that the settings name, in that order; any text ("all") means every one. Raises ConfigError."""
    known = {tool.name: tool for tool in tools}
    if isinstance(names, str):
        return list(known.values())
    for name in names:
        if name not in known:
            raise ConfigError(
                f"tools.enabled names {name!r}, and there is no such tool.", fix=f"There are: {', '.join(known)}."
            )
    return [known[name] for name in names]
