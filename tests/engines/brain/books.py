"""Reads the lists of utterances that stand beside the tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Line:
    """An utterance, what it means, and whether it is written as a recogniser mishears it."""

    intent: str
    utterance: str
    slots: dict[str, str]
    noisy: bool

    def __str__(self) -> str:
        return f"{self.intent}: {self.utterance}"


def phrase_book() -> list[Line]:
    found, intent = [], ""
    for line in _lines("phrase_book.txt"):
        if not line[:2].strip(" ~"):
            said, _, slots = line[2:].partition("|")
            found.append(Line(intent, said.strip(), _slots(slots), line.startswith("~")))
        else:
            intent = line.strip()
    return found


def pairs(name: str) -> list[Line]:
    """`intent | utterance` lines."""
    split = (line.partition("|") for line in _lines(name))
    return [Line(intent.strip(), said.strip(), {}, False) for intent, _, said in split]


def out_of_domain() -> list[str]:
    return [line.strip() for line in _lines("out_of_domain.txt")]


def _lines(name: str) -> list[str]:
    text = (HERE / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _slots(text: str) -> dict[str, str]:
    """`value=10 from=miles` — a value goes on until the next name."""
    slots: dict[str, str] = {}
    name = ""
    for word in text.split():
        key, equals, value = word.partition("=")
        if equals and key.isidentifier():
            name = key
            slots[name] = value
        else:
            slots[name] += f" {word}"
    return slots
