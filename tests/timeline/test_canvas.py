"""What people say ends up between tags: it must never become one."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from voice.timeline.canvas import Canvas, clip, escape, number, width_of, wrap


@given(st.text())
def test_any_text_is_still_xml_and_still_itself(text: str) -> None:
    parsed = ElementTree.fromstring(f'<text title="{escape(text)}">{escape(text)}</text>')
    kept = "".join(character if character.isprintable() else "" for character in text)
    assert "".join(c for c in (parsed.text or "") if c.isprintable()) == kept
    assert len(parsed) == 0


@given(st.text(), st.floats(min_value=0, max_value=500))
def test_a_clipped_text_fits(text: str, room_px: float) -> None:
    shown = clip(text, room_px)
    assert shown == text or width_of(shown) <= room_px


@given(st.lists(st.text(min_size=1, max_size=12)), st.floats(min_value=30, max_value=300), st.integers(1, 4))
def test_wrapped_words_keep_to_their_lines(words: list[str], room_px: float, lines: int) -> None:
    rows = wrap(words, room_px, lines)
    assert len(rows) <= lines
    assert sum(map(len, rows)) <= len(words) + 1


def test_words_that_do_not_fit_end_in_an_ellipsis() -> None:
    rows = wrap(["one", "two", "three", "four", "five", "six", "seven"], 60, 2)
    assert len(rows) == 2
    assert rows[-1][-1] == "…"


def test_numbers_are_short() -> None:
    assert [number(value) for value in (1.0, 1.25, 0.04, -3.0)] == ["1", "1.2", "0", "-3"]


def test_a_hint_is_an_escaped_title() -> None:
    canvas = Canvas()
    canvas.rect(1, 2, 3, 4, "f-ink", round=2, hint="<&>")
    assert canvas.parts == [
        '<rect class="f-ink" x="1" y="2" width="3" height="4" rx="2"><title>&lt;&amp;&gt;</title></rect>'
    ]
