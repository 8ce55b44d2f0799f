"""The words of one language, from `data/<language>/words.yaml` and `answers.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from voice.errors import ConfigError, ExtraMissing


@dataclass(frozen=True, slots=True)
class Numbers:
    """How numbers are said."""

    values: dict[str, int]
    tens: frozenset[str]
    scales: dict[str, int]
    groups: dict[str, int]
    parts: dict[str, int]
    point: str
    joiner: str
    minus: frozenset[str]
    one: frozenset[str]
    counted: frozenset[str]
    rates: frozenset[str]
    durations: dict[str, int]
    links: frozenset[str]
    sounds_like: dict[str, int]
    sounds_after: frozenset[str]
    homophones: dict[str, str]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What the words of a language mean to the reader of utterances."""

    language: str
    contractions: dict[str, str]
    symbols: dict[str, str]
    fillers: frozenset[str]
    before: tuple[tuple[str, ...], ...]
    after: tuple[tuple[str, ...], ...]
    light: frozenset[str]
    numbers: Numbers


def languages() -> list[str]:
    return sorted(entry.name for entry in _data().iterdir() if entry.is_dir() and not entry.name.startswith("_"))


def language_of(wanted: str) -> str:
    """The language that is spoken here for `en-GB`. Raises ConfigError for one that is not."""
    family = wanted.replace("_", "-").partition("-")[0].casefold() or "en"
    if family not in languages():
        raise ConfigError(
            f"The embedded brain does not speak {wanted!r}.",
            fix=f"It speaks: {', '.join(languages())}; or use a model.",
        )
    return family


def read_yaml(language: str, name: str) -> Any:
    """One data file of a language. Raises ExtraMissing."""
    try:
        import yaml  # type: ignore[import-untyped]
    except ImportError as error:
        raise ExtraMissing("The embedded brain", "local") from error
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((_data() / language / name).read_text(encoding="utf-8"), Loader=loader)


def data_files(language: str) -> list[str]:
    return sorted(entry.name for entry in (_data() / language).iterdir() if entry.name.endswith(".yaml"))


@cache
def lexicon(language: str) -> Lexicon:
    """Blocks while it reads; raises ExtraMissing."""
    words = read_yaml(language, "words.yaml")
    return Lexicon(
        language=language,
        contractions=words["contractions"],
        symbols=words["symbols"],
        fillers=frozenset(words["fillers"]),
        before=_phrases(words["before"]),
        after=_phrases(words["after"]),
        light=frozenset(words["light"]),
        numbers=_numbers(words["numbers"]),
    )


def _numbers(words: dict[str, Any]) -> Numbers:
    tens = {word: 10 * i for i, word in enumerate(words["tens"]) if i >= 2}
    return Numbers(
        values={word: i for i, word in enumerate(words["ones"])} | tens,
        tens=frozenset(tens),
        scales=words["scales"],
        groups=words["groups"],
        parts=words["parts"],
        point=words["point"],
        joiner=words["joiner"],
        minus=frozenset(words["minus"]),
        one=frozenset(words["one"]),
        counted=frozenset(words["counted"]),
        rates=frozenset(words["rates"]),
        durations=words["durations"],
        links=frozenset(words["links"]),
        sounds_like=words["sounds_like"],
        sounds_after=frozenset(words["sounds_after"]),
        homophones=words["homophones"],
    )


def _phrases(lines: list[str]) -> tuple[tuple[str, ...], ...]:
    """Longest first, so that `thank you very much` goes before `thank you`."""
    return tuple(sorted((tuple(line.split()) for line in lines), key=len, reverse=True))


def _data() -> Traversable:
    return resources.files("voice.engines.brain") / "data"
