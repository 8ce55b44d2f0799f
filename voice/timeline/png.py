"""An SVG drawn as a PNG, by resvg: one wheel of 1.4 MB that needs no system library."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from voice.errors import ExtraMissing
from voice.timeline.theme import FONTS

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="20" height="20">{}</svg>'
LETTER = f"<text y=\"15\" style='font-family:{FONTS}'>M</text>"


def check() -> None:
    """Raises ExtraMissing without the renderer, and without any font: a picture without its words says nothing."""
    draw = _renderer()
    if draw(svg_string=SVG.format(LETTER)) == draw(svg_string=SVG.format("")):
        raise ExtraMissing("A font", "png", fix="Ask for an .svg, or install one: apt-get install fonts-dejavu-core")


def to_png(svg: str, *, zoom: float = 2.0) -> bytes:
    """The picture's pixels, twice as many as its CSS pixels unless told otherwise. Raises as `check` does."""
    check()
    return bytes(_renderer()(svg_string=svg, zoom=zoom))


def _renderer() -> Any:
    try:
        return import_module("resvg_py").svg_to_bytes
    except ImportError as error:
        raise ExtraMissing("The PNG renderer", "png", fix="Ask for an .svg, or: pip install 'voice[png]'") from error
