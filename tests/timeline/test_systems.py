"""A long conversation is broken into rows where nobody speaks."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.timeline.scene import a_whole_conversation
from voice.timeline.reader import read
from voice.timeline.story import Speech, Story
from voice.timeline.systems import break_up


def test_a_short_conversation_is_one_row() -> None:
    (system,) = break_up(Story(duration_s=9.0), 100.0, 900.0)
    assert (system.start_s, system.end_s, system.px_per_s) == (0.0, 9.0, 100.0)


def test_rows_follow_each_other_without_a_hole_and_share_one_scale() -> None:
    story = read(a_whole_conversation().lines())
    systems = break_up(story, 100.0, 1000.0)
    assert systems[0].start_s == 0.0
    assert systems[-1].end_s == pytest.approx(story.duration_s)
    assert all(a.end_s == b.start_s for a, b in pairwise(systems))
    assert len({system.px_per_s for system in systems}) == 1
    assert max(system.right_px for system in systems) == pytest.approx(1100.0)


def test_a_row_ends_where_it_is_quiet() -> None:
    story = read(a_whole_conversation().lines())
    talking = [(speech.start_s, speech.end_s or 0.0) for speech in story.speeches]
    talking += [(reply.start_s, reply.end_s) for reply in story.replies]
    for system in break_up(story, 0.0, 1000.0)[:-1]:
        assert not any(start < system.end_s < end for start, end in talking)


def test_somebody_who_never_stops_is_broken_all_the_same() -> None:
    story = Story(duration_s=60.0, speeches=[Speech(0.0, 60.0)])
    assert len(break_up(story, 0.0, 1000.0)) == 5


def test_a_long_silence_at_the_end_is_not_drawn() -> None:
    (system,) = break_up(Story(duration_s=60.0, speeches=[Speech(1.0, 4.0)]), 0.0, 1000.0)
    assert system.end_s == 5.0


def test_an_hour_is_at_most_thirty_odd_rows() -> None:
    assert len(break_up(Story(duration_s=3600.0), 0.0, 1000.0)) <= 34


def test_a_moment_on_a_border_is_drawn_once() -> None:
    first, second = break_up(Story(duration_s=24.0), 0.0, 1000.0)
    assert not first.shows(first.end_s)
    assert second.shows(first.end_s)
