"""A recogniser's grammar (JSGF, the Java Speech Grammar Format 1.0) out of the phrases somebody may say.

A phrase is plain words, which may use `[optional]`, `(one|another)` and a slot of the table below, written
`<number>` or `{number}`: "set [a] timer for <number> (seconds|minutes)". Figures are turned into words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache

from voice.engines.speech.numbers import cardinal, ordinal

_TOKEN = re.compile(r"<[a-z_]+>|\{[a-z_]+(?::[a-z_]+)?\}|[a-z']+|\d+|[()\[\]|]|\S")
_DAYS = "monday tuesday wednesday thursday friday saturday sunday today tomorrow"
_MONTHS = "january february march april may june july august september october november december"

_SLOTS: dict[str, str] = {
    "digit": "zero | oh | one | two | three | four | five | six | seven | eight | nine",
    "digits": "<digit>+",
    "teen": " | ".join(cardinal(number) for number in range(10, 20)),
    "tens": " | ".join(cardinal(number) for number in range(20, 100, 10)),
    "unit": " | ".join(cardinal(number) for number in range(1, 10)),
    "below_hundred": "<unit> | <teen> | <tens> [<unit>]",
    "number": "zero | <below_hundred> | (<unit> | a) hundred [[and] <below_hundred>]",
    "ordinal": " | ".join(ordinal(number) for number in range(1, 32)),
    "day": _DAYS.replace(" ", " | "),
    "month": _MONTHS.replace(" ", " | "),
}
_SLOT = re.compile(r"<([a-z_]+)>")


def jsgf(phrases: Iterable[str], knows: Callable[[str], bool]) -> str:
    """A grammar whose one public rule is any of the phrases; "" when none is left.

    `knows` says whether the recogniser can pronounce a word. A phrase with a word it cannot, an unknown slot or
    brackets that do not match is left out: it stays with the language model.
    """
    rules = [rule for rule in map(_rule, dict.fromkeys(phrases)) if rule and all(map(knows, _words(rule)))]
    if not rules:
        return ""
    lines = ["#JSGF V1.0;", "grammar phrases;"]
    lines += [f"<{name}> = {_SLOTS[name]};" for name in sorted(_needed(rules))]
    lines.append("public <phrase> = " + " | ".join(f"({rule})" for rule in dict.fromkeys(rules)) + ";")
    return "\n".join(lines)


def _rule(phrase: str) -> str:
    """One phrase in the grammar's spelling; "" when it cannot be written."""
    written: list[str] = []
    open_brackets: list[str] = []
    for token in _TOKEN.findall(phrase.lower().replace("’", "'")):
        if token[0] in "<{":
            name = token[1:-1].partition(":")[0]
            if name not in _SLOTS:
                return ""
            written.append(f"<{name}>")
        elif token.isdigit():
            written.append(cardinal(int(token)))
        elif token in "([":
            open_brackets.append(")" if token == "(" else "]")
            written.append(token)
        elif token in ")]":
            if not open_brackets or open_brackets.pop() != token:
                return ""
            written.append(token)
        elif token == "|" or token[0].isalpha() or token[0] == "'":
            written.append(token)
        elif token not in '.,!?;:-"…':
            return ""
    text = " ".join(written)
    return "" if open_brackets or not _words(text) or not _sound(text) else text


def _sound(rule: str) -> bool:
    """Whether no bracket or alternative is empty, and the bar stands inside a bracket or not at all."""
    return not re.search(r"[(\[|]\s*[)\]|]|^\s*\||\|\s*$", rule)


def _needed(rules: Iterable[str]) -> set[str]:
    needed: set[str] = set()
    todo = [name for rule in rules for name in _SLOT.findall(rule)]
    while todo:
        name = todo.pop()
        if name not in needed:
            needed.add(name)
            todo += _SLOT.findall(_SLOTS[name])
    return needed


@cache
def _words(rule: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[a-z']+", _SLOT.sub(" ", rule)))
