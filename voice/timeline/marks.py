"""What stands out in a row: interruptions and where they cut, doubt about them, replies asked for too soon, trouble."""

from __future__ import annotations

from collections.abc import Sequence

from voice.timeline.canvas import Canvas, number, width_of
from voice.timeline.captions import FLAG_PX, Flags
from voice.timeline.rows import WAVE_PX, Rows, clock, milliseconds
from voice.timeline.story import Duck, Interruption, Story
from voice.timeline.systems import System
from voice.timeline.waveform import BAR_PX

TINY_PX = 10

# Behind the voices


def draw_ducks(canvas: Canvas, story: Story, system: System, rows: Rows) -> None:
    """Where the assistant was turned down: a field behind its voice, open below where it came back."""
    for duck in story.ducks:
        if duck.end_s is None or not system.shows(duck.start_s, duck.end_s):
            continue
        left, right = system.x(duck.start_s), max(system.x(duck.end_s), system.x(duck.start_s) + 2)
        took = milliseconds((duck.end_s - duck.start_s) * 1000)
        hint = f"turned down by {-duck.gain_db:.0f} dB for {took}, {_became(duck)}"
        canvas.rect(left, rows.assistant, right - left, WAVE_PX, "t-alarm" if duck.meant else "t-tool", hint=hint)
        look = "s-alarm" if duck.meant else "s-tool"
        canvas.line(left, rows.assistant, left, rows.assistant + WAVE_PX, f"tick {look}")
        if duck.meant or duck.further:
            continue
        canvas.line(right, rows.assistant, right, rows.assistant + WAVE_PX, f"tick {look}")
        texts = () if duck.hush else (f"not meant · {took}", "not meant", took)
        for text in texts:  # above the voice, which is small here
            if width_of(text, TINY_PX) + 6 <= right - left:
                canvas.text(left + 4, rows.assistant + TINY_PX, text, "tiny f-tool")
                break


def _became(duck: Duck) -> str:
    if duck.further:
        return "then further"
    if duck.meant:
        return "then it stopped"
    was = "the sound that set in was nothing" if duck.hush else "it was no interruption"
    return f"then it came back: {was}"


def turned_down(bars: dict[int, float], ducks: Sequence[Duck], system: System) -> dict[int, float]:
    """The bars of a row as loud as they were heard."""
    for duck in ducks:
        if duck.end_s is None or not system.shows(duck.start_s, duck.end_s):
            continue
        gain = 10 ** (duck.gain_db / 20)
        first = int((system.x(duck.start_s) - system.left_px) / BAR_PX + 0.5)
        last = int((system.x(duck.end_s) - system.left_px) / BAR_PX + 0.5)
        bars = {index: level * gain if first <= index < last else level for index, level in bars.items()}
    return bars


def draw_aheads(canvas: Canvas, story: Story, system: System, rows: Rows) -> None:
    """Replies that were asked for before the turn was surely over: a thread above the floor, crossed out where the
    person went on."""
    for ahead in story.aheads:
        if ahead.end_s is None or not system.shows(ahead.start_s, ahead.end_s):
            continue
        left, right, y = system.x(ahead.start_s), system.x(ahead.end_s), rows.floor - 4
        took = milliseconds((ahead.end_s - ahead.start_s) * 1000)
        if ahead.kept:
            canvas.path(f"M{number(left)} {number(y)}H{number(right)}", "bracket s-waiting", hint=f"asked ahead {took}")
            canvas.rect(left - 2, y - 2, 4, 4, "f-waiting", round=2)
        else:
            hint = f"asked ahead and retracted unheard after {took}: the person went on"
            canvas.path(f"M{number(left)} {number(y)}H{number(right)}", "mark s-faint", hint=hint)
            canvas.path(f"M{number(right - 4)} {number(y - 4)}l8 8m0 -8l-8 8", "bracket s-alarm", hint=hint)


# In front of everything


def has_flags(story: Story, system: System) -> bool:
    """Whether a row needs room for flags above the assistant's voice."""
    return any(system.shows(mark.at_s) for mark in story.interruptions)


def draw(canvas: Canvas, story: Story, system: System, rows: Rows, *, last: bool) -> None:
    """Everything with a flag."""
    flags = Flags(canvas, system)
    for mark in story.interruptions:
        if system.shows(mark.at_s):
            _interruption(canvas, story, system, rows, mark)
            flags.draw(system.x(mark.at_s), rows.assistant - FLAG_PX, interrupted(mark), "alarm")
    for trouble in story.troubles:
        if system.shows(trouble.at_s):
            x = system.x(trouble.at_s)
            hint = f"{trouble.code} → {trouble.action}"
            canvas.path(f"M{number(x)} {number(rows.person - 6)}l4 7h-8z", "f-alarm", hint=hint)
            flags.draw(x + 3, rows.person - 7, trouble.code, "alarm")
    for gap in story.gaps:
        if gap.end_s is not None and system.shows(gap.start_s):
            text = f"link down {milliseconds((gap.end_s - gap.start_s) * 1000)}"
            flags.draw(system.x(gap.start_s), rows.person + 4, text, "gap")
    if story.ended and last:
        _end(canvas, story, system, rows)


def _interruption(canvas: Canvas, story: Story, system: System, rows: Rows, mark: Interruption) -> None:
    x = system.x(mark.at_s)
    canvas.line(x, rows.person, x, rows.person_words - 2, "mark s-alarm")
    canvas.line(x, rows.floor - 3, x, rows.assistant_words - 2, "mark s-alarm")
    cut_s = _cut_s(story, mark)
    if cut_s is not None:
        x = system.x(cut_s)
        hint = "the engine remembers its words until here"
        canvas.path(f"M{number(x)} {number(rows.assistant_bar - 1)}l4 -7h-8z", "f-alarm", hint=hint)


def _cut_s(story: Story, mark: Interruption) -> float | None:
    """Where on the heard voice the engine's memory of it ends."""
    replies = [reply for reply in story.replies if reply.item_id == mark.item_id and reply.heard_ms]
    if mark.truncated_ms is None or not replies:
        return None
    return replies[0].start_s + mark.truncated_ms / 1000


def _end(canvas: Canvas, story: Story, system: System, rows: Rows) -> None:
    x = system.right_px
    canvas.line(x, rows.person, x, rows.assistant + WAVE_PX, "tick s-faint")
    rest = f"silence until {clock(story.duration_s, 0.1)}"
    if story.duration_s > system.end_s and x + 10 + width_of(rest, 10) < system.edge_px:
        canvas.text(x + 8, rows.person + WAVE_PX / 2 + 4, rest, "tiny f-faint")


def interrupted(mark: Interruption) -> str:
    """What an interruption says about itself."""
    text = "interrupted"
    heard_ms = mark.heard_ms if mark.truncated_ms is None else mark.truncated_ms
    if heard_ms is not None:
        text += f" · {'heard' if mark.truncated_ms is None else 'truncated at'} {heard_ms:,.0f} ms".replace(",", " ")
        if mark.received_ms:
            text += f" of {mark.received_ms:,.0f}".replace(",", " ")
    if mark.error_ms is not None:
        text += f" · off by {mark.error_ms:.0f} ms"
    return text
