"""Tools that a client declared and no template knows: picked and filled by the words they are described with.

A tool is picked when the utterance shares the words of its name, or enough of its description; arguments are read from
numbers, the values of an enum, and the phrases that prepositions introduce. What is required and was not said is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from voice.engines.brain.actions import figure
from voice.engines.brain.lexicon import Lexicon, read_yaml
from voice.engines.brain.utterance import Utterance, Word, with_durations
from voice.protocol.settings import FunctionTool

NAME_SCORE, DESCRIPTION_SCORE, VALUE_SCORE, PARAMETER_SCORE = 2.0, 0.7, 1.5, 0.5
ENOUGH_SCORE = 2.0
ENOUGH_COVERED = 0.3


@dataclass(frozen=True, slots=True)
class Choice:
    """A tool, the arguments that were said, and the required ones that were not."""

    tool: FunctionTool
    arguments: dict[str, Any]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Words:
    plain: frozenset[str]
    together: tuple[frozenset[str], ...]
    introduced: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    whole: frozenset[str]
    days: frozenset[str]
    dates: frozenset[str]
    yes: frozenset[str]
    no: frozenset[str]


@cache
def _words_of(language: str) -> _Words:
    data = read_yaml(language, "words.yaml")["declared"]
    return _Words(
        plain=frozenset(data["plain"]),
        together=tuple(frozenset(group) for group in data["together"]),
        introduced=tuple((tuple(names), tuple(words)) for names, words in data["introduced"]),
        whole=frozenset(data["whole"]),
        days=frozenset(data["days"]),
        dates=frozenset(data["dates"]),
        yes=frozenset(data["yes"]),
        no=frozenset(data["no"]),
    )


def choose(
    utterance: Utterance, tools: Iterable[FunctionTool], lexicon: Lexicon, *, must: bool = False
) -> Choice | None:
    """The declared tool that the utterance asks for. `must` takes the best one even when nothing speaks for it."""
    words = _words_of(lexicon.language)
    heard = {_stem(word.text) for word in utterance.words if word.value is None} - words.plain
    best, best_score = None, -1.0
    for tool in tools:
        score, covered = _score(tool, heard, words)
        enough = score >= ENOUGH_SCORE and covered >= ENOUGH_COVERED
        if (must or enough) and score > best_score:
            best, best_score = tool, score
    return fill(utterance, best, lexicon) if best else None


def fill(utterance: Utterance, tool: FunctionTool, lexicon: Lexicon, known: Mapping[str, Any] | None = None) -> Choice:
    """Read a tool's arguments from an utterance; `known` ones are not looked for again."""
    schema = tool.parameters if isinstance(tool.parameters, dict) else {}
    properties: dict[str, Any] = schema.get("properties") or {}
    reader = _Reader(utterance, tool, lexicon)
    arguments: dict[str, Any] = dict(known or {})
    required = [name for name in schema.get("required") or () if name in properties]
    for name in sorted(properties, key=lambda name: name not in required):
        if (
            name not in arguments
            and (value := reader.read(name, properties[name], required=name in required)) is not None
        ):
            arguments[name] = value
    ordered = {name: arguments[name] for name in properties if name in arguments}
    return Choice(tool, ordered, tuple(name for name in required if name not in arguments))


def fill_reply(utterance: Utterance, name: str, schema: Any, lexicon: Lexicon) -> Any:
    """The value of one argument from an answer that is nothing else: "Paris", "in Paris", "five"."""
    tool = FunctionTool(name="", parameters={"properties": {name: schema}})
    value = _Reader(utterance, tool, lexicon).read(name, schema, required=True)
    if value is None and _kind(schema) == "string" and "enum" not in schema:
        value = _said(_trimmed(utterance.words, lexicon))
    return value


def words_of_name(name: str) -> list[str]:
    """get_weatherForecast → get, weather, forecast"""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[^a-zA-Z0-9]+", spaced.lower()) if word]


def _score(tool: FunctionTool, heard: set[str], words: _Words) -> tuple[float, float]:
    """How much speaks for the tool, and which share of the utterance's words that explains."""
    named = _wide(words_of_name(tool.name), words)
    described = _wide(re.findall(r"[a-z']+", (tool.description or "").lower()), words) - named
    schema = tool.parameters if isinstance(tool.parameters, dict) else {}
    properties = schema.get("properties") or {}
    parameters = _wide([word for name in properties for word in words_of_name(name)], words) - named
    values = _wide(
        [word for one in properties.values() for value in _enum(one) for word in words_of_name(str(value))], words
    )
    score = (
        NAME_SCORE * len(heard & named)
        + DESCRIPTION_SCORE * len(heard & described)
        + VALUE_SCORE * len(heard & values)
        + PARAMETER_SCORE * len(heard & parameters)
    )
    explained = heard & (named | described | values | parameters)
    return score, len(explained) / len(heard) if heard else 0.0


def _wide(names: Iterable[str], words: _Words) -> set[str]:
    """The words that say something, with those that go together with them."""
    found = {_stem(word) for word in names} - words.plain
    return found.union(*(group for group in words.together if group & found)) if found else found


def _enum(schema: Any) -> Sequence[Any]:
    return schema.get("enum") or () if isinstance(schema, dict) else ()


def _kind(schema: Any) -> str:
    kind = schema.get("type", "string") if isinstance(schema, dict) else "string"
    return next((one for one in kind if one != "null"), "string") if isinstance(kind, list) else str(kind)


def _stem(word: str) -> str:
    word = word.casefold().removesuffix("'s")
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _trimmed(words: Sequence[Word], lexicon: Lexicon) -> Sequence[Word]:
    """Without the light words at both ends."""
    start, end = 0, len(words)
    while start < end and words[start].value is None and words[start].text in lexicon.light:
        start += 1
    while end > start and words[end - 1].value is None and words[end - 1].text in lexicon.light:
        end -= 1
    return words[start:end]


def _said(words: Sequence[Word]) -> str | None:
    return " ".join(word.said for word in words if word.said) or None


class _Reader:
    """Reads arguments from one utterance; each word is used once."""

    def __init__(self, utterance: Utterance, tool: FunctionTool, lexicon: Lexicon) -> None:
        self._utterance = utterance
        self._words = utterance.words
        self._lexicon = lexicon
        self._know = _words_of(lexicon.language)
        self._used: set[int] = set()
        named = _wide(words_of_name(tool.name), self._know)
        self._about = {i for i, word in enumerate(self._words) if _stem(word.text) in named}

    def read(self, name: str, schema: Any, *, required: bool) -> Any:
        if values := _enum(schema):
            return self._value_of(values)
        kind = _kind(schema)
        if kind in {"integer", "number"}:
            return self._number(name, whole=kind == "integer")
        if kind == "boolean":
            return self._boolean()
        if kind == "string":
            return self._text(words_of_name(name), required=required)
        if kind == "array" and required:
            return self._list(words_of_name(name), schema)
        return None

    def _value_of(self, values: Sequence[Any]) -> Any:
        text = f" {' '.join(_stem(word.text) for word in self._words)} "
        for value in sorted(values, key=lambda value: -len(str(value))):
            spoken = " ".join(_stem(word) for word in words_of_name(str(value)))
            if spoken and f" {spoken} " in text:
                start = text[: text.index(f" {spoken} ")].count(" ")
                self._used.update(range(start, start + len(spoken.split())))
                return value
        return None

    def _number(self, name: str, *, whole: bool) -> int | float | None:
        wanted = {_stem(word) for word in words_of_name(name)}
        if (seconds := self._duration(wanted)) is not None:
            return int(seconds) if whole else seconds
        found = [i for i, word in enumerate(self._words) if word.value is not None and i not in self._used]
        if not found:
            return None
        # "two nights": the number that the parameter's own word follows goes before the first one.
        at = next((i for i in found if i + 1 < len(self._words) and _stem(self._words[i + 1].text) in wanted), found[0])
        value = self._words[at].value
        assert value is not None
        if whole and value.denominator != 1:
            return None
        self._used.add(at)
        return figure(value)

    def _duration(self, wanted: set[str]) -> float | None:
        """A duration in the unit of which the parameter's name speaks: `duration_seconds`, `minutes`."""
        sizes = {_stem(word): size for word, size in self._lexicon.numbers.durations.items()}
        unit_s = next((sizes[word] for word in wanted if word in sizes), None)
        marked = with_durations(self._utterance, self._lexicon) if unit_s else None
        spoken = (
            next((word for word in marked.words if word.text.startswith("d") and word.value), None) if marked else None
        )
        if spoken is None or spoken.value is None or unit_s is None:
            return None
        amount = spoken.value / unit_s
        return float(amount)

    def _boolean(self) -> bool | None:
        for word in self._words:
            if word.text in self._know.no:
                return False
            if word.text in self._know.yes:
                return True
        return None

    def _text(self, names: list[str], *, required: bool) -> str | None:
        if self._know.dates & set(names):
            for i, word in enumerate(self._words):
                if word.text in self._know.days:
                    self._used.add(i)
                    return word.said
        introducers = next(words for known, words in self._know.introduced if "*" in known or set(known) & set(names))
        for introducer in introducers:
            if found := self._after(introducer):
                return found
        if not required:
            return None
        if (
            set(names) & {"id", "number", "code", "zip", "phone"}
            and (number := self._number("", whole=True)) is not None
        ):
            return str(number)
        if self._know.whole & set(names):
            return _said(self._words)
        return self._left_over()

    def _after(self, introducer: str) -> str | None:
        for i, word in enumerate(self._words[:-1]):
            if word.text != introducer or i in self._used:
                continue
            end = i + 1
            while end < len(self._words) and end not in self._used and not (end > i + 1 and self._is_introducer(end)):
                end += 1
            words = _trimmed(self._words[i + 1 : end], self._lexicon)
            words = [one for one in words if one.text not in self._know.days] or words
            if words and (said := _said(words)):
                self._used.update(range(i, end))
                return said
        return None

    def _is_introducer(self, i: int) -> bool:
        return self._words[i].value is None and self._words[i].text in {
            "in",
            "at",
            "for",
            "to",
            "from",
            "on",
            "with",
            "about",
        }

    def _left_over(self) -> str | None:
        """The last run of words that nothing else explains."""
        runs: list[list[Word]] = [[]]
        for i, word in enumerate(self._words):
            stem = _stem(word.text)
            if i in self._used or i in self._about or stem in self._know.plain or word.text in self._lexicon.light:
                runs.append([])
            else:
                runs[-1].append(word)
        return next((_said(run) for run in reversed(runs) if run), None)

    def _list(self, names: list[str], schema: Mapping[str, Any]) -> list[Any] | None:
        if _kind(schema.get("items") or {}) != "string" or not (text := self._text(names, required=True)):
            return None
        return [part for part in re.split(r"\s*,\s*|\s+and\s+", text) if part]
