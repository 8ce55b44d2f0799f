"""The sentence templates of one language, matched with hassil.

A template may match in many ways once it has wildcards; what a slot may hold is checked here, and the match that
says most in words of its own wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from voice.engines.brain.lexicon import Lexicon, data_files, lexicon, read_yaml
from voice.engines.brain.maths import read_expression
from voice.engines.brain.utterance import (
    DURATION_MARKS,
    MARKS,
    Utterance,
    read_utterance,
    with_durations,
    without_frame,
)
from voice.errors import ExtraMissing

if TYPE_CHECKING:
    from hassil.intents import Intents
    from hassil.recognize import RecognizeResult

NOT_TEMPLATES = {"words.yaml", "answers.yaml", "units.yaml", "expected.yaml"}

_MARKS = {*MARKS, *DURATION_MARKS}

# How many words a wildcard may hold, where a longer one means that something else was said.
WILDCARD_WORDS = {"name": 3, "place": 4, "word": 4}


@dataclass(frozen=True, slots=True)
class Match:
    """An intent and its slots: a Fraction for a number, else text as it was said. `literal` counts template words."""

    intent: str
    slots: Mapping[str, Any] = field(default_factory=dict)
    literal: int = 0


class Grammar:
    """Loaded templates. `load` blocks (a few dozen ms): call it outside the loop."""

    def __init__(self, intents: Intents, words: Lexicon) -> None:
        self.intents = intents
        self.lexicon = words

    def match(self, utterance: Utterance) -> Match | None:
        """What the utterance says, with or without a frame of politeness around it."""
        for candidate in without_frame(utterance, self.lexicon):
            with_marks = with_durations(candidate, self.lexicon)
            if found := (with_marks and self._best(with_marks)) or self._best(candidate):
                return found
        return None

    def _best(self, utterance: Utterance) -> Match | None:
        from hassil.recognize import recognize_all

        best, best_score = None, (-99, 0, 0)
        for result in recognize_all(utterance.text, self.intents, language=self.lexicon.language):
            score = _score(result)
            if score > best_score and (slots := self._slots(result, utterance)) is not None:
                best, best_score = Match(result.intent.name, slots, result.text_chunks_matched), score
        return best

    def _slots(self, result: RecognizeResult, utterance: Utterance) -> dict[str, Any] | None:
        slots: dict[str, Any] = {}
        for entity in result.entities_list:
            value: Any = entity.value
            if entity.is_wildcard:
                value = self._wildcard(entity.name, entity.text.strip(), utterance)
            elif isinstance(value, str) and value in _MARKS:
                value = utterance.value(value)
            if value is None or entity.name in slots:
                return None
            slots[entity.name] = value
        return slots

    def _wildcard(self, name: str, text: str, utterance: Utterance) -> str | None:
        words = text.split()
        if not words or len(words) > WILDCARD_WORDS.get(name, 99):
            return None
        if name == "expression":
            start = _find(words, utterance)
            return read_expression(utterance.words[start : start + len(words)], self.lexicon.language)
        if name in {"name", "place"} and any(word in _MARKS for word in words):
            return None
        if name == "name" and {words[0], words[-1]} & self.lexicon.light:
            return None
        return utterance.said(text)


def _find(words: list[str], utterance: Utterance) -> int:
    texts = [word.text for word in utterance.words]
    return next(at for at in range(len(texts)) if texts[at : at + len(words)] == words)


def _score(result: RecognizeResult) -> tuple[int, int, int]:
    """Fewer wildcards, then more literal text, then less text in the wildcards."""
    wild = [entity for entity in result.entities_list if entity.is_wildcard]
    return -len(wild), result.text_chunks_matched, -sum(len(entity.text) for entity in wild)


@cache
def grammar(language: str) -> Grammar:
    """The templates of a language, read once. Raises ExtraMissing."""
    try:
        from hassil.intents import Intents
    except ImportError as error:
        raise ExtraMissing("The embedded brain", "local") from error
    loaded = Grammar(Intents.from_dict(template_data(language)), lexicon(language))
    # hassil parses and indexes templates when it first needs them: that is now, and not in the first turn.
    loaded.match(read_utterance("what", loaded.lexicon))
    return loaded


def template_data(language: str) -> dict[str, Any]:
    """Every template file of a language as one, with the lists that are made here: numbers and units."""
    whole: dict[str, Any] = {"language": language, "intents": {}, "lists": {}, "expansion_rules": {}}
    for name in data_files(language):
        if name not in NOT_TEMPLATES:
            data = read_yaml(language, name)
            for part in ("intents", "lists", "expansion_rules"):
                whole[part].update(data.get(part, {}))
    whole["lists"]["number"] = {"values": list(MARKS)}
    whole["lists"]["duration"] = {"values": list(DURATION_MARKS)}
    whole["lists"]["unit"] = {
        "values": [{"in": said, "out": line[0]} for line in read_yaml(language, "units.yaml")["units"] for said in line]
    }
    return whole
