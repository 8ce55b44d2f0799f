"""The picture's colours by day and by night, as one style sheet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Theme = Literal["auto", "light", "dark"]

# No font is fetched: the first one that the reader's machine has is taken.
FONTS = 'Inter, "Segoe UI", "Helvetica Neue", Arial, "Noto Sans", "DejaVu Sans", "Liberation Sans", Roboto, sans-serif'


@dataclass(frozen=True, slots=True)
class Palette:
    """Person blue, assistant teal, tools amber, waiting violet, interruption red: told apart by place and shape too."""

    page: str
    panel: str
    ink: str
    soft: str
    faint: str
    grid: str
    person: str
    assistant: str
    ghost: str
    tool: str
    waiting: str
    alarm: str
    gap: str


DAY = Palette(
    page="#f6f7f9",
    panel="#ffffff",
    ink="#1b2430",
    soft="#5d6b7c",
    faint="#8b97a6",
    grid="#e6eaef",
    person="#2f6bde",
    assistant="#0e9384",
    ghost="#b9d9d4",
    tool="#b7791f",
    waiting="#7a5bd0",
    alarm="#d6304f",
    gap="#8b97a6",
)
NIGHT = Palette(
    page="#0e1319",
    panel="#161d26",
    ink="#e7edf4",
    soft="#9cabbc",
    faint="#6c7b8d",
    grid="#242e3a",
    person="#6fa0ff",
    assistant="#3cc9b6",
    ghost="#27514d",
    tool="#e2b25a",
    waiting="#a78bfa",
    alarm="#ff6b81",
    gap="#6c7b8d",
)

SHAPES = f"""text{{font-family:{FONTS};font-size:12px}}
.h1{{font-size:19px;font-weight:600}}.small{{font-size:11px}}.tiny{{font-size:10px}}.figure{{font-size:17px;font-weight:600}}
.lane{{font-size:11px;font-weight:600}}.bold{{font-weight:600}}.right{{text-anchor:end}}.middle{{text-anchor:middle}}
.wave{{fill:none;stroke-width:2;stroke-linecap:round}}.thin{{stroke-width:1}}.tick{{stroke-width:1.5}}
.mark{{stroke-width:1.5;stroke-dasharray:4 3}}.bracket{{fill:none;stroke-width:1.5}}"""


def style_sheet(theme: Theme) -> str:
    """Rules for one palette, or for both and the reader's own preference."""
    if theme == "auto":
        return f"{SHAPES}\n{_rules(DAY)}\n@media (prefers-color-scheme: dark){{\n{_rules(NIGHT)}\n}}"
    return f"{SHAPES}\n{_rules(DAY if theme == 'light' else NIGHT)}"


def _rules(palette: Palette) -> str:
    colours = {name: getattr(palette, name) for name in Palette.__slots__}
    filled = "".join(f".f-{name}{{fill:{colour}}}" for name, colour in colours.items())
    drawn = "".join(f".s-{name}{{stroke:{colour}}}" for name, colour in colours.items())
    tints = "".join(
        f".t-{name}{{fill:{colours[name]};fill-opacity:.14}}"
        for name in ("person", "assistant", "tool", "waiting", "alarm", "gap")
    )
    return f"{filled}\n{drawn}\n{tints}\n.struck{{fill:{palette.faint};font-style:italic}}"
