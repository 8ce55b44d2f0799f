"""What stands out in a picture: doubt, cuts, and replies that were asked for too soon."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.timeline.scene import Scene, a_doubtful_conversation, a_whole_conversation
from tests.timeline.test_picture import SVG, words_of
from voice.timeline import render
from voice.timeline.marks import turned_down
from voice.timeline.story import Duck
from voice.timeline.systems import System


@pytest.fixture(scope="module")
def svg() -> str:
    return render(a_doubtful_conversation().lines())


def hints(svg: str) -> list[str]:
    """What is said when one points at something."""
    return [title.text or "" for title in ElementTree.fromstring(svg).iter(f"{SVG}title")]


def test_doubt_is_shown_with_what_became_of_it(svg: str) -> None:
    assert "turned down by 18 dB for 340 ms, then it came back: it was no interruption" in hints(svg)
    assert "turned down by 18 dB for 420 ms, then it stopped" in hints(svg)
    assert "340 ms" in words_of(svg), "as much as fits over it"


def test_a_cut_is_shown_where_it_lies_and_how_exact_it_was(svg: str) -> None:
    assert "interrupted · truncated at 4 220 ms of 6 500 · off by 12 ms" in words_of(svg)
    assert "the engine remembers its words until here" in hints(svg)


def test_a_reply_asked_for_ahead_is_shown_kept_or_retracted(svg: str) -> None:
    assert "asked ahead 250 ms" in hints(svg)
    assert "asked ahead and retracted unheard after 290 ms: the person went on" in hints(svg)
    assert "1 of 2" in words_of(svg)


def test_the_legend_explains_what_there_is(svg: str) -> None:
    rare = ("turned down", "reply asked for ahead", "and retracted")
    assert all(name in words_of(svg) for name in rare)
    assert not any(name in words_of(render(a_whole_conversation().lines())) for name in rare)


def test_bars_are_as_loud_as_they_were_heard() -> None:
    system = System(0.0, 10.0, 100.0, 30.0, 400.0)  # ten bars a second
    bars = turned_down(dict.fromkeys(range(100), 0.8), [Duck(2.0, -20.0, 4.0)], system)
    assert [round(bars[index], 2) for index in (0, 19, 20, 39, 40, 99)] == [0.8, 0.8, 0.08, 0.08, 0.8, 0.8]


def test_a_duck_in_another_row_changes_nothing() -> None:
    system = System(10.0, 20.0, 100.0, 30.0, 400.0)
    assert turned_down({0: 0.8, 99: 0.8}, [Duck(2.0, -20.0, 4.0)], system) == {0: 0.8, 99: 0.8}


def test_what_never_ended_is_shown_to_the_end() -> None:
    scene = Scene()
    scene.assistant(1.0, 3.0, "So it goes.", "a")
    scene.duck(2.0)
    assert "turned down by 18 dB for 2.40 s, then it came back: it was no interruption" in hints(
        render(scene.lines(until_s=4.4))
    )
