"""The words that decide about the floor, from the data that ships with the service."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from voice.session.rules import PhraseLists

FALLBACK = "en"


# Read once, with the module: who asks stands on the event loop.
_LISTS = tomllib.loads(files("voice.runtime").joinpath("data/phrases.toml").read_text(encoding="utf-8"))


@cache
def phrase_lists(language: str) -> PhraseLists:
    """The lists of a language (`de-AT` is `de`); of one that has none, empty lists: then only the sound decides."""
    lists = _LISTS.get(language.partition("-")[0].lower() or FALLBACK)
    return PhraseLists() if lists is None else PhraseLists(**{name: frozenset(words) for name, words in lists.items()})
