"""The person's utterances, however they are told of."""

from __future__ import annotations

import pytest

from voice.timeline.fields import as_dict, as_list, maybe_number, number_or
from voice.timeline.person import Person
from voice.timeline.story import Speech


def test_a_new_utterance_ends_the_one_before() -> None:
    speeches: list[Speech] = []
    person = Person(speeches)
    person.started({"item_id": "a"}, 1.0)
    person.pressed({"held": True}, 2.0)
    person.pressed({"held": False}, 3.0)
    assert [(speech.start_s, speech.end_s, speech.how) for speech in speeches] == [
        (1.0, 2.0, "voice"),
        (2.0, 3.0, "talk-button"),
    ]


def test_no_utterance_ends_before_it_began() -> None:
    speeches: list[Speech] = []
    person = Person(speeches)
    person.began({"why": "speech"}, 5.0)
    person.ended(4.0)
    assert (speeches[0].start_s, speeches[0].end_s) == (5.0, 5.0)


def test_a_name_is_given_to_what_has_none_and_taken_back() -> None:
    speeches: list[Speech] = []
    person = Person(speeches)
    person.heard({"stage": "onset", "speech_ms": 200.0}, 1.2)
    person.began({"why": "speech"}, 1.3)
    person.committed("too_soon")
    person.retracted("too_soon")
    person.committed("whole")
    (speech,) = speeches
    assert speech.item_id == "whole"
    assert speech.start_s == pytest.approx(1.0)


@pytest.mark.parametrize("odd", [None, "seven", True, [], {}])
def test_what_is_no_number_is_none(odd: object) -> None:
    assert maybe_number(odd) is None
    assert number_or(odd, 2.5) == 2.5


def test_what_is_something_else_is_empty() -> None:
    assert as_dict([1]) == {}
    assert as_list({"a": 1}) == []
