"""What may be said to the embedded brain, and what it takes it for. The book itself is `phrase_book.txt`."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.engines.brain.books import Line, out_of_domain, pairs, phrase_book
from voice.engines.brain.actions import Call, action_of
from voice.engines.brain.grammar import Match
from voice.engines.brain.intents import mind
from voice.engines.brain.utterance import read_utterance

pytest.importorskip("hassil")


def understood(utterance: str) -> Match | None:
    loaded = mind("en")
    return loaded.understand(read_utterance(utterance, loaded.grammar.lexicon))


@pytest.mark.parametrize("line", phrase_book(), ids=str)
def test_the_phrase_book(line: Line) -> None:
    match = understood(line.utterance)
    assert match is not None
    assert match.intent == line.intent
    assert {name: str(value) for name, value in match.slots.items()} == line.slots


def test_every_intent_has_three_utterances_and_one_that_was_misheard() -> None:
    intents = set(mind("en").grammar.intents.intents)
    lines = phrase_book()
    said = Counter(line.intent for line in lines)
    assert {intent for intent in intents if said[intent] < 3} == set()
    assert intents - {line.intent for line in lines if line.noisy} == set()


@pytest.mark.parametrize("utterance", out_of_domain())
def test_what_was_not_meant_for_the_assistant_calls_no_tool(utterance: str) -> None:
    match = understood(utterance)
    assert match is None or not isinstance(action_of(match), Call)


def accuracy(name: str) -> float:
    lines = pairs(name)
    right = sum(1 for line in lines if (match := understood(line.utterance)) and match.intent == line.intent)
    return right / len(lines)


def test_other_ways_to_say_it() -> None:
    assert accuracy("paraphrases.txt") >= 0.98


def test_ways_to_say_it_that_nobody_tuned_for() -> None:
    assert accuracy("held_out.txt") >= 0.85


def test_capitals_and_punctuation_of_a_written_utterance_survive_in_the_slots() -> None:
    match = understood("Remember that Anna's train leaves at 10:30 from Gate B.")
    assert match is not None
    assert match.slots["note"].startswith("Anna's train leaves at")
    assert match.slots["note"].endswith("from Gate B")


@pytest.mark.parametrize(
    "utterance", ["", "...", "?!", "  ", "🎉", "a" * 5000, "ten " * 500, "timer " * 300, "\x00\ud800", "١٢ + ٣"]
)
def test_nonsense_is_survived(utterance: str) -> None:
    understood(utterance)
