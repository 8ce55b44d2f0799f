"""The templates as a recogniser gets them."""

from __future__ import annotations

import re

import pytest

from voice.engines.brain.intents import recogniser_phrases
from voice.engines.brain.lexicon import read_yaml
from voice.engines.speech.phrase_syntax import read_phrase
from voice.tools.builtin.convert import units

pytest.importorskip("yaml")


def test_every_phrase_can_be_read_by_a_recogniser() -> None:
    assert [phrase for phrase in recogniser_phrases() if read_phrase(phrase, lambda word: True) is None] == []


def test_there_are_no_more_than_asked_for_and_the_timer_is_among_them() -> None:
    assert len(recogniser_phrases(20)) == 20
    assert any("timer" in phrase and "<duration>" in phrase for phrase in recogniser_phrases())


def test_nothing_is_left_open() -> None:
    assert not any(re.search(r"[{}]", phrase) for phrase in recogniser_phrases())


def test_every_unit_that_is_understood_can_be_converted() -> None:
    known = units()
    assert [line[0] for line in read_yaml("en", "units.yaml")["units"] if line[0] not in known] == []
