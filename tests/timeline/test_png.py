"""The same picture as pixels, where the renderer is installed."""

from __future__ import annotations

import struct
import sys

import pytest

from tests.timeline.scene import a_whole_conversation
from voice.errors import ExtraMissing
from voice.timeline import render
from voice.timeline.png import to_png


def test_a_png_has_twice_the_pixels_and_its_words() -> None:
    pytest.importorskip("resvg_py", reason="pip install 'voice[png]'")
    svg = render(a_whole_conversation().lines(), theme="light")
    png = to_png(svg)
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">I", png[16:20]) == (2560,)
    wordless = to_png(svg.replace("<text ", "<desc ").replace("</text>", "</desc>"))
    assert len(wordless) < 0.8 * len(png)


def test_without_the_renderer_the_fix_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(ExtraMissing) as caught:
        to_png("<svg/>")
    assert "pip install 'voice[png]'" in caught.value.person


def test_without_a_font_it_refuses_to_draw_a_picture_without_words(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fontless:
        @staticmethod
        def svg_to_bytes(**options: object) -> bytes:
            return b"blank"

    monkeypatch.setitem(sys.modules, "resvg_py", Fontless)
    with pytest.raises(ExtraMissing, match="A font"):
        to_png("<svg/>")
