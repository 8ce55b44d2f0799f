"""The picture says what happened. How it looks is for people to judge; these tests hold what it must contain."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import get_args
from xml.etree import ElementTree

import pytest

from tests.timeline.scene import Scene, a_doubtful_conversation, a_whole_conversation, note
from voice.timeline import render
from voice.timeline.theme import Theme

SVG = "{http://www.w3.org/2000/svg}"


def words_of(svg: str) -> str:
    """What can be read without pointing at anything."""
    texts = ElementTree.fromstring(svg).iter(f"{SVG}text")
    return "\n".join(
        (text.text or "") + "".join(span.text or "" for span in text.iter(f"{SVG}tspan")) + _tail(text)
        for text in texts
    )


def _tail(text: ElementTree.Element) -> str:
    return "".join(child.tail or "" for child in text)


@pytest.fixture(scope="module")
def svg() -> str:
    return render(a_whole_conversation().lines())


def test_everything_that_was_said_and_done_can_be_read(svg: str) -> None:
    words = words_of(svg)
    for said in (
        "What time is it in <Tokyo> & in Lisbon?",
        "Stop, make it twelve.",
        "You are welcome.",
        "current_time 30 ms",
        "recall_notes 200 ms failed",
        "interrupted · truncated at 2 400 ms of 6 000",
        "link down 840 ms",
        "rate_limit_exceeded",
        "end of turn 420 ms · thinking 290 ms · to the ear 90 ms",
        "engine local",
    ):
        assert said in words


def test_words_that_nobody_heard_are_struck(svg: str) -> None:
    struck = [
        span.text or "" for span in ElementTree.fromstring(svg).iter(f"{SVG}tspan") if span.get("class") == "struck"
    ]
    assert " ".join(struck).split()[0] in ("will", "tell")
    assert "timer" not in " ".join(struck)


def test_both_preferences_are_served_by_one_file_without_asking_anybody(svg: str) -> None:
    assert "prefers-color-scheme: dark" in svg
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", svg)
    assert "@import" not in svg
    assert "<script" not in svg


@pytest.mark.parametrize("theme", get_args(Theme))
@pytest.mark.parametrize("width", [300, 720, 1280, 2400])
@pytest.mark.parametrize("scene", [a_whole_conversation, a_doubtful_conversation])
def test_every_shape_stays_on_the_page(scene: Callable[[], Scene], theme: Theme, width: int) -> None:
    root = ElementTree.fromstring(render(scene().lines(), width=width, theme=theme))
    page = float(root.get("width", "0"))
    assert page == max(width, 560)
    for rect in root.iter(f"{SVG}rect"):
        if rect.get("width") != "100%":
            assert float(rect.get("x", "0")) >= 0
            assert float(rect.get("x", "0")) + float(rect.get("width", "0")) <= page
            assert float(rect.get("y", "0")) + float(rect.get("height", "0")) <= float(root.get("height", "0"))


def test_every_class_that_is_used_is_defined(svg: str) -> None:
    used = {name for look in re.findall(r'class="([^"]+)"', svg) for name in look.split()}
    assert not {name for name in used if not re.search(rf"\.{re.escape(name)}\b", svg)}


def test_a_reader_who_does_not_see_is_told_the_figures(svg: str) -> None:
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert "interruptions 1" in (root.findtext(f"{SVG}desc") or "")


def test_a_hostile_trace_cannot_put_anything_into_the_page() -> None:
    attack = '"><script>alert(1)</script><image href="http://evil/"/>\x00\ud800'
    scene = Scene(traits={"name": attack})
    scene.person(0.5, 1.0, attack, attack)
    scene.tool(1.6, 0.1, attack, "c", ok=False)
    scene.happens(1.7, {"kind": "LinkLost", "code": 1, "reason": attack, "jitter": 0.0, "final": False})
    scene.happens(1.8, {"kind": "Tick"}, note("error", code=attack, action=attack))
    svg = render(scene.lines())
    tags = {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(svg).iter()}
    assert tags <= {"svg", "title", "desc", "style", "defs", "pattern", "path", "rect", "line", "text", "tspan"}


def test_a_conversation_in_which_nothing_happened_is_still_a_picture() -> None:
    svg = render(['{"voice_trace": 1, "session_id": "sess_0"}'])
    assert "sess_0" in words_of(svg)


def test_an_hour_is_drawn_within_a_reasonable_file() -> None:
    scene = Scene()
    for minute in range(60):
        scene.person(minute * 60 + 5, 2.0, "And then?", f"p{minute}")
        scene.assistant(
            minute * 60 + 8, 5.0, "Then the story goes on for a while.", f"a{minute}", after_s=minute * 60 + 7.02
        )
    svg = render(scene.lines())
    assert len(svg) < 1_500_000
    assert words_of(svg).count("And then?") == 60
