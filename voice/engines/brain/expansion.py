"""Templates written out: as skeletons with slots for alignment, and as phrases for a recogniser to expect."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from voice.engines.brain.grammar import Grammar, template_data
from voice.engines.brain.lexicon import read_yaml

if TYPE_CHECKING:
    from hassil.expression import Expression

Words = tuple[str, ...]
"""Words of a sentence; a slot is written `{name}`."""

SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Skeleton:
    """One way to say an intent."""

    intent: str
    words: Words


def skeletons(grammar: Grammar, *, per_template: int = 40, plain: bool = True) -> Iterator[Skeleton]:
    """The templates written out, at most `per_template` each, spread evenly over what each could say.

    `plain` leaves out what is optional and light ("the", "please").
    """
    light = grammar.lexicon.light if plain else frozenset()
    for intent in grammar.intents.intents.values():
        for data in intent.data:
            for sentence in data.sentences:
                writer = _Writer(grammar, per_template, light)
                for words in writer.expand(sentence.expression):
                    if words:
                        yield Skeleton(intent.name, words)


class _Writer:
    def __init__(self, grammar: Grammar, limit: int, light: frozenset[str]) -> None:
        self._rules = grammar.intents.expansion_rules
        self._limit = limit
        self._light = light

    def expand(self, expression: Expression) -> list[Words]:
        from hassil.expression import Alternative, Group, ListReference, RuleReference, TextChunk

        if isinstance(expression, TextChunk):
            return [tuple(expression.text.split())]
        if isinstance(expression, ListReference):
            return [(f"{{{expression.list_name}}}",)]
        if isinstance(expression, RuleReference):
            return self.expand(self._rules[expression.rule_name].expression)
        if isinstance(expression, Alternative):
            return self._alternatives(expression)
        if isinstance(expression, Group):
            return self._sequence([self.expand(item) for item in expression.items])
        return [()]

    def _alternatives(self, expression: Any) -> list[Words]:
        choices = [words for item in expression.items for words in self.expand(item)]
        if expression.is_optional and self._light:
            kept = [words for words in choices if not set(words) <= self._light]
            choices = [*kept, ()] if kept else [()]
        return _spread(list(dict.fromkeys(choices)), self._limit)

    def _sequence(self, parts: list[list[Words]]) -> list[Words]:
        made: list[Words] = [()]
        for part in parts:
            count = len(made) * len(part)
            pairs = itertools.product(made, part)
            if count > self._limit:
                kept = _picks(count, self._limit)
                pairs = (pair for i, pair in enumerate(pairs) if i in kept)  # type: ignore[assignment]
            made = [left + right for left, right in pairs]
        return list(dict.fromkeys(made))


def _spread(choices: list[Words], limit: int) -> list[Words]:
    return choices if len(choices) <= limit else [choices[i] for i in sorted(_picks(len(choices), limit))]


def _picks(count: int, limit: int) -> set[int]:
    """`limit` numbers below `count`, spread so that no part of a product is left out (golden-ratio steps)."""
    step = max(1, round(count * 0.618))
    while math.gcd(step, count) != 1:
        step += 1
    return {i * step % count for i in range(limit)}


def recogniser_phrases(language: str) -> list[str]:
    """The templates as phrases that a recogniser may expect, pruned to what people usually say.

    In the notation that recognisers here read: `[optional]`, `(one|another)` and the slots of `phrase_syntax`, like
    `<small>` and `<duration>`; what a wildcard may hold is narrowed to what is likely (`expected.yaml`). A block of
    templates names its phrases under `spoken`; without it, its first template is one, except where there is only an
    apology for an answer. Few are better than many: every phrase costs the recogniser time, and can be heard where
    it was not said.
    """
    phrases = [phrase for block in spoken_blocks(language) for phrase in block.phrases]
    return list(dict.fromkeys([*phrases, *read_yaml(language, "expected.yaml")["replies"]]))


@dataclass(frozen=True, slots=True)
class SpokenBlock:
    """The phrases of one block of an intent's templates."""

    intent: str
    phrases: tuple[str, ...]


def spoken_blocks(language: str) -> Iterator[SpokenBlock]:
    """Block by block; reads the data files."""
    data, expected = template_data(language), read_yaml(language, "expected.yaml")
    for intent, body in data["intents"].items():
        for block in body["data"]:
            usual = [] if intent.startswith("Cannot") else block["sentences"][:1]
            phrases = block.get("spoken", usual)
            yield SpokenBlock(intent, tuple(_expected(each, data["expansion_rules"], expected) for each in phrases))


def _expected(sentence: str, rules: dict[str, str], expected: dict[str, list[str]]) -> str:
    for name, body in rules.items():
        sentence = sentence.replace(f"<{name}>", body)

    def slot(found: re.Match[str]) -> str:
        name = found[1].partition(":")[0]
        return f"({'|'.join(expected[name])})" if name in expected else f"<{name}>"

    return re.sub(r"\{(\w+(?::\w+)?)\}", slot, sentence)
