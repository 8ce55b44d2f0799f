"""Where in a TOML text something stands. The parser keeps no positions, so they are looked for again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from voice.errors import ConfigError

HEADER = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]")
ENTRY = re.compile(r"\s*([\w.\"' -]+?)\s*=")
PLACE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")


def line_of(text: str, section: str, key: str = "") -> int | None:
    """The line on which a section, or one of its keys, is written."""
    name = f"{section}.{key}" if key else section
    for number, written in _names(text):
        if written == name or written.startswith(name + "."):
            return number
    return None


def not_toml(message: str, text: str, path: Path) -> ConfigError:
    """The parser's words, with the line taken out of them and put where people look for it."""
    place, line = PLACE.search(message), None
    if place is not None:
        message = message[: place.start()]
        line = int(place[1]) if place[1] else max(1, len(text.splitlines()))
    return ConfigError(
        f"not a line of TOML: {message[:1].lower()}{message[1:]}.",
        fix='A setting looks like: port = 8080 or host = "127.0.0.1".',
        path=path,
        line=line,
    )


def _names(text: str) -> Iterator[tuple[int, str]]:
    """Line and whole dotted name of every header and entry, outside of strings of many lines."""
    table, quotes = "", ""
    for number, line in enumerate(text.splitlines(), start=1):
        if quotes:
            quotes = "" if quotes in line else quotes
            continue
        if header := HEADER.match(line):
            table = _plain(header[1])
            yield number, table
        elif entry := ENTRY.match(line):
            yield number, _plain(f"{table}.{entry[1]}" if table else entry[1])
        quotes = next((mark for mark in ('"""', "'''") if line.count(mark) % 2), "")


def _plain(name: str) -> str:
    return ".".join(part.strip(" \"'") for part in name.split("."))
