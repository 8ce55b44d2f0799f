"""Sentences to say, from `answers.yaml`, and the small grammar they need: plurals, lists, dates, persons."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from voice.engines.brain.lexicon import read_yaml

LISTED = 5


class Phrases:
    """What is said in one language. `turn` picks among the lines of a key, so that a chat does not repeat itself."""

    def __init__(self, language: str) -> None:
        self._data: dict[str, Any] = read_yaml(language, "answers.yaml")

    def say(self, key: str, turn: int = 0, **values: Any) -> str:
        lines = self._data["say"][key]
        said: str = lines[turn % len(lines)].format(**values)
        return said[:1].upper() + said[1:]

    def part(self, key: str, **values: object) -> str:
        """A piece of a sentence: no capital."""
        return str(self._data["say"][key][0].format(**values))

    def has(self, key: str) -> bool:
        """Whether there is anything to say under this key."""
        return key in self._data["say"]

    def lines(self, key: str) -> list[str]:
        """The lines of a key as they stand."""
        return [str(line) for line in self._data["say"][key]]

    def asked(self, key: str, text: str) -> bool:
        """Was this question what the person heard last?"""
        return any(text.rstrip().endswith(line) for line in self._data["say"][key])

    def table(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._data[name]
        return found

    def word(self, name: str) -> str:
        return str(self._data[name])

    def listed(self, parts: Sequence[str], joiner: str = "and") -> str:
        """a, b and c"""
        if len(parts) > LISTED:
            parts = [*parts[:LISTED], self.part("more", count=len(parts) - LISTED)]
            return ", ".join(parts)
        if len(parts) < 2:
            return "".join(parts)
        return f"{', '.join(parts[:-1])} {self._data[joiner]} {parts[-1]}"

    def duration(self, seconds: float) -> str:
        """1 hour and 30 minutes"""
        rest = round(seconds)
        parts = []
        for unit, size_s in (("hour", 3600), ("minute", 60), ("second", 1)):
            count, rest = divmod(rest, size_s)
            if count:
                one, many = self._data["units"][unit]
                parts.append(f"{count} {one if count == 1 else many}")
        return self.listed(parts) if parts else f"0 {self._data['units']['second'][1]}"

    def date(self, iso: str) -> str:
        """January 5th, 2026"""
        year, month, day = (int(part) for part in iso.split("-"))
        ending = "th" if 10 < day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
        return f"{self._data['months'][month - 1]} {day}{ending}, {year}"

    def time(self, clock: str) -> str:
        """9:05 PM"""
        hour, minute = (int(part) for part in clock.split(":"))
        return f"{(hour - 1) % 12 + 1}:{minute:02d} {'AM' if hour < 12 else 'PM'}"

    def to_listener(self, text: str) -> str:
        """What a person said about themselves, told back: my keys → your keys."""
        persons = self._data["persons"]
        return re.sub(r"[\w']+", lambda found: str(persons.get(found[0].casefold(), found[0])), text)

    def expression(self, expression: str) -> str | None:
        """A short expression in words; None when it is too long to be said back."""
        number = r"(\(?-?[\d.]+\)?)"
        if found := re.fullmatch(rf"{number} / 100 \* {number}", expression):
            return str(self._data["percent_of"].format(part=found[1], whole=found[2]))
        if found := re.fullmatch(rf"sqrt\({number}\)", expression):
            return str(self._data["root_of"].format(value=found[1]))
        if found := re.fullmatch(rf"{number} ([-+*/%^]) {number}", expression):
            return f"{found[1]} {self._data['operators'][found[2]]} {found[3]}".replace("(-", "minus ").replace(")", "")
        return None


@cache
def phrases(language: str) -> Phrases:
    return Phrases(language)
