"""The whole page: what conversation it was, its figures, its rows, and what the colours mean."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from voice.timeline.canvas import Canvas, clip, escape, number, width_of
from voice.timeline.reader import read
from voice.timeline.rows import milliseconds
from voice.timeline.score import Score
from voice.timeline.story import Story
from voice.timeline.systems import break_up
from voice.timeline.theme import Theme, style_sheet

MARGIN_PX = 24.0
GUTTER_PX = 84.0
LEAST_WIDTH_PX = 560
LEGEND = (
    ("person", "bar", "person speaks"),
    ("assistant", "bar", "assistant heard"),
    ("ghost", "bar", "made, never heard"),
    ("waiting", "bar", "waiting for the answer"),
    ("alarm", "bar", "both speak"),
    ("alarm", "mark", "interruption"),
    ("tool", "field", "turned down"),
    ("waiting", "thread", "reply asked for ahead"),
    ("alarm", "cross", "and retracted"),
    ("tool", "box", "tool call"),
    ("gap", "hatch", "no link to the engine"),
)


def render(trace_lines: Iterable[str], *, width: int = 1280, theme: Theme = "auto") -> str:
    """An SVG document of a trace. `auto` follows the reader's light or dark preference.

    Raises TraceUnreadable."""
    return draw(read(trace_lines), width=width, theme=theme)


def draw(story: Story, *, width: int = 1280, theme: Theme = "auto") -> str:
    """An SVG document of a story that was read already."""
    width = max(width, LEAST_WIDTH_PX)
    canvas = Canvas()
    left_px = MARGIN_PX + GUTTER_PX
    systems = break_up(story, left_px, width - left_px - MARGIN_PX - 16)
    y = _header(canvas, story, width)
    score = Score(canvas, story, systems)
    for system in systems:
        y += score.draw(system, y) + 12
    y = _legend(canvas, story, width, y + 6)
    return _document(canvas, story, width, y + MARGIN_PX - 8, theme)


def _header(canvas: Canvas, story: Story, width: int) -> float:
    canvas.text(MARGIN_PX, 40, "Conversation", "h1 f-ink")
    facts = [story.session_id, story.started.replace("T", " ")[:19], _engine(story), story.ended]
    line = " · ".join(fact for fact in facts if fact)
    canvas.text(MARGIN_PX, 60, clip(line, width - 2 * MARGIN_PX), "f-soft")
    x, y = MARGIN_PX, 92.0
    for value, name in figures(story):
        wide = max(width_of(value, 17), width_of(name, 11))
        if x + wide > width - MARGIN_PX:
            x, y = MARGIN_PX, y + 42
        canvas.text(x, y, value, "figure f-ink")
        canvas.text(x, y + 16, name, "small f-soft")
        x += wide + 30
    return y + 32


def figures(story: Story) -> list[tuple[str, str]]:
    """The numbers on top, each with its name; what did not happen is left out unless it is good to know."""
    waits = [latency.total_ms for latency in story.latencies]
    kept = sum(bool(ahead.kept) for ahead in story.aheads)
    unheard_ms = sum(reply.received_ms - reply.heard_ms for reply in story.replies)
    rows = [
        (_length(story.duration_s), "length", True),
        (str(len(story.speeches)), "utterances", True),
        (milliseconds(statistics.median(waits)) if waits else "–", "voice to voice, median", bool(waits)),
        (milliseconds(max(waits, default=0)), "slowest", len(waits) > 1),
        (str(len(story.interruptions)), "interruptions", True),
        (milliseconds(unheard_ms), "made, never heard", unheard_ms >= 1),
        (str(sum(not (duck.meant or duck.hush) for duck in story.ducks)), "not meant", bool(story.ducks)),
        (f"{kept} of {len(story.aheads)}", "asked ahead, kept", bool(story.aheads)),
        (str(len(story.tools)), "tool calls", bool(story.tools)),
        (milliseconds(story.stale_ms), "stale sound dropped", story.stale_ms > 0),
        (str(len(story.gaps)), "lost links", bool(story.gaps)),
        (str(len(story.troubles)), "errors", bool(story.troubles)),
    ]
    return [(value, name) for value, name, wanted in rows if wanted]


def _legend(canvas: Canvas, story: Story, width: int, y: float) -> float:
    """What the shapes mean; those that most conversations have not are explained when this one has them."""
    retracted = any(ahead.kept is False for ahead in story.aheads)
    absent = {"field": not story.ducks, "thread": not story.aheads, "cross": not retracted}
    x = MARGIN_PX
    for look, shape, name in (entry for entry in LEGEND if not absent.get(entry[1], False)):
        wide = 30 + width_of(name, 11) + 16
        if x + wide > width - MARGIN_PX:
            x, y = MARGIN_PX, y + 20
        if shape == "bar":
            canvas.rect(x, y + 4, 20, 6, f"f-{look}", round=3)
        elif shape == "box":
            canvas.rect(x, y, 20, 13, f"f-{look}", round=3)
        elif shape == "hatch":
            canvas.rect(x, y, 20, 13, f"t-{look}")
            canvas.rect(x, y, 20, 13, "hatch")
        elif shape == "field":
            canvas.rect(x, y, 20, 13, f"t-{look}")
            canvas.line(x, y, x, y + 13, f"tick s-{look}")
            canvas.line(x + 20, y, x + 20, y + 13, f"tick s-{look}")
        elif shape == "thread":
            canvas.line(x, y + 7, x + 20, y + 7, f"bracket s-{look}")
            canvas.rect(x, y + 5, 4, 4, f"f-{look}", round=2)
        elif shape == "cross":
            canvas.path(f"M{number(x + 6)} {number(y + 3)}l8 8m0 -8l-8 8", f"bracket s-{look}")
        else:
            canvas.line(x + 10, y - 2, x + 10, y + 15, f"mark s-{look}")
        canvas.text(x + 28, y + 11, name, "small f-soft")
        x += wide
    return y + 20


def _document(canvas: Canvas, story: Story, width: int, height: float, theme: Theme) -> str:
    title = f"Conversation {story.session_id}".strip()
    about = f"Timeline of {_length(story.duration_s)}: " + ", ".join(
        f"{name} {value}" for value, name in figures(story)[1:]
    )
    body = "\n".join(canvas.parts)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{number(height)}" \
viewBox="0 0 {width} {number(height)}" role="img" aria-labelledby="title about">
<title id="title">{escape(title)}</title>
<desc id="about">{escape(about)}</desc>
<style>{style_sheet(theme)}
.hatch{{fill:url(#hatch)}}</style>
<defs><pattern id="hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">\
<path class="thin s-gap" d="M0 0V7"/></pattern></defs>
<rect class="f-page" width="100%" height="100%"/>
{body}
</svg>
"""


def _engine(story: Story) -> str:
    traits = story.config.get("traits")
    name = traits.get("name") if isinstance(traits, dict) else None
    return f"engine {name}" if isinstance(name, str) and name else ""


def _length(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
