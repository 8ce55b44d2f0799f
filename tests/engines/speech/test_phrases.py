"""Phrases read into trees and joined into one graph."""

from __future__ import annotations

import pytest

from voice.engines.speech.phrase_graph import PhraseGraph, phrase_graph
from voice.engines.speech.phrase_syntax import SLOTS, read_phrase

UNKNOWN = {"ecobee", "lbs"}


def knows(word: str) -> bool:
    return word not in UNKNOWN


def accepts(graph: PhraseGraph | None, text: str) -> bool:
    assert graph is not None
    states = {graph.start}
    for word in text.split():
        states = {arc[1] for arc in graph.arcs if arc[0] in states and len(arc) == 4 and arc[3] == word}
    return any(arc[0] in states and len(arc) == 3 and arc[1] == graph.final for arc in graph.arcs)


def test_brackets_slots_figures_and_short_forms() -> None:
    graph = phrase_graph(["[please] set (a|the) timer[s] for <duration>", "What is 42?"], knows)
    for text in (
        "set a timer for ten seconds",
        "please set the timers for one hour and thirty minutes",
        "set a timer for half an hour",
        "what is forty two",
        "what's forty two",
    ):
        assert accepts(graph, text)
    for text in ("", "set timer for ten seconds", "set a timer for", "what is", "please", "what is forty two what is"):
        assert not accepts(graph, text)


def test_what_cannot_be_pronounced_is_left_out_and_nothing_else() -> None:
    graph = phrase_graph(["show (my|the) (notes|ecobee|lbs)", "turn on the [ecobee] lamp", "ecobee"], knows)
    assert accepts(graph, "show my notes")
    assert accepts(graph, "turn on the lamp")
    assert not accepts(graph, "show my ecobee")


@pytest.mark.parametrize("phrase", ["", "(a", "a)", "[a)", "a ; b", "remember {note}", "<nothing>", "ecobee", "a ((b)"])
def test_what_is_no_phrase_is_left_to_the_language_model(phrase: str) -> None:
    assert read_phrase(phrase, knows) is None
    assert phrase_graph([phrase], knows) is None


def test_beginnings_and_ends_are_shared() -> None:
    graph = phrase_graph(["what time is it", "what day is it", "what year is it", "what time is it"], knows)
    assert graph is not None
    assert len(graph.arcs) == 1 + 3 + 2 + 1  # what, one of three, is it, the end


def test_arcs_of_a_state_share_one_probability() -> None:
    graph = phrase_graph(["set [a] timer for <duration>", "what is <number> (plus|minus) <number>"], knows)
    assert graph is not None
    sums: dict[int, float] = {}
    for arc in graph.arcs:
        sums[arc[0]] = sums.get(arc[0], 0.0) + arc[2]
    assert all(total == pytest.approx(1) for total in sums.values())
    assert len(sums) < 1000


@pytest.mark.parametrize("slot", SLOTS)
def test_every_slot_can_be_read(slot: str) -> None:
    assert read_phrase(f"<{slot}>", knows) is not None


@pytest.mark.parametrize(
    ("slot", "words", "sayable"),
    [
        ("duration", "one hour and twenty minutes", True),
        ("duration", "half an hour", True),
        ("duration", "ninety seconds", True),
        ("duration", "five minute", False),
        ("duration", "two minutes three hours", False),
        ("duration_long", "five minute", True),
        ("number", "two hundred and ten", True),
        ("number", "ten thousand zero", False),
        ("small", "zero", True),
        ("count", "zero", False),
    ],
)
def test_a_slot_holds_what_people_say_and_no_more(slot: str, words: str, sayable: bool) -> None:
    assert accepts(phrase_graph([f"<{slot}>"], knows), words) is sayable


def test_a_whole_phrase_is_known_from_its_words() -> None:
    graph = phrase_graph(["what time is it [now]", "set a timer for <duration>"], knows)
    assert graph is not None
    for words in ("what time is it", "what time is it now", "set a timer for two minutes"):
        assert graph.holds(words.split())
    for words in ("", "what time is", "set a timer for two", "set a timer for two minutes please"):
        assert not graph.holds(words.split())
