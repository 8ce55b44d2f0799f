"""One row of the picture: both voices, who has the floor, how long it took, and what got in the way."""

from __future__ import annotations

from collections.abc import Sequence

from voice.timeline import captions, marks, waveform
from voice.timeline.canvas import Canvas, number, width_of
from voice.timeline.captions import Caption, Words
from voice.timeline.rows import WAVE_PX, Rows, clock, milliseconds
from voice.timeline.story import Latency, Reply, Speech, Story, ToolSpan
from voice.timeline.systems import System
from voice.timeline.waveform import Track

TOOL_PX = 19.0
TICKS_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0)
HOW = {"keyboard": "⌨ ", "telephone-key": "☎ ", "voice": "", "talk-button": ""}


class Score:
    """Draws the rows of one story."""

    def __init__(self, canvas: Canvas, story: Story, systems: Sequence[System]) -> None:
        self.canvas = canvas
        self.story = story
        self.systems = systems
        self._person = Track(story.caller)
        self._heard = Track(sound for sound in story.assistant if sound.heard)
        self._unheard = Track(sound for sound in story.assistant if not sound.heard)
        self._heard_runs = self._heard.runs()
        self._unheard_runs = self._unheard.runs()
        self._person_words = [_said(speech) for speech in story.speeches]
        self._assistant_words = [_answered(reply) for reply in story.replies]

    def draw(self, system: System, top_px: float) -> float:
        """Draw one row at a height; answers how high it is."""
        said = captions.place(self._person_words, system, self.systems)
        answered = captions.place(self._assistant_words, system, self.systems)
        tools = self._tool_lanes(system)
        rows = self._measure(system, top_px, said, answered, len(tools))
        wide = system.edge_px - system.left_px + 100
        self.canvas.rect(system.left_px - 84, top_px, wide, rows.bottom - top_px, "f-panel", round=10)
        self._time_axis(system, top_px, rows)
        self._gaps(system, rows)
        marks.draw_ducks(self.canvas, self.story, system, rows)
        self._waves(system, rows)
        self._floor(system, rows)
        marks.draw_aheads(self.canvas, self.story, system, rows)
        for latency in self.story.latencies:
            if system.shows(latency.stopped_s):
                self._latency(system, rows, latency)
        captions.draw(self.canvas, said, rows.person_words, "f-ink")
        captions.draw(self.canvas, answered, rows.assistant_words, "f-ink")
        self._tools(system, rows, tools)
        marks.draw(self.canvas, self.story, system, rows, last=system is self.systems[-1])
        self._lane_names(system, rows, bool(tools))
        return rows.bottom - top_px

    def _measure(
        self, system: System, top: float, said: Sequence[Caption], answered: Sequence[Caption], tool_lanes: int
    ) -> Rows:
        person = top + 26
        person_bar = person + WAVE_PX + 3
        person_words = person_bar + 8
        floor = person_words + captions.height(said) + 8
        bracket = floor + 14
        waits = any(system.shows(latency.stopped_s) for latency in self.story.latencies)
        flags = captions.FLAG_PX if marks.has_flags(self.story, system) else 0.0
        assistant = bracket + (34 if waits else 2) + flags
        assistant_bar = assistant + WAVE_PX + 3
        assistant_words = assistant_bar + 8
        tools = assistant_words + captions.height(answered) + 8
        return Rows(
            person, person_bar, person_words, floor, bracket, assistant, assistant_bar, assistant_words, tools,
            tools + tool_lanes * TOOL_PX + (6 if tool_lanes else 0),
        )  # fmt: skip

    # Behind everything

    def _time_axis(self, system: System, top: float, rows: Rows) -> None:
        step = next((tick for tick in TICKS_S if tick * system.px_per_s >= 70), TICKS_S[-1])
        at = int(system.start_s / step + 0.999) * step
        while at <= system.end_s + 1e-9:
            x = system.x(at)
            self.canvas.line(x, top + 20, x, rows.bottom - 6, "thin s-grid")
            self.canvas.text(x, top + 15, clock(at, step), "tiny middle f-faint")
            at += step

    def _gaps(self, system: System, rows: Rows) -> None:
        for gap in self.story.gaps:
            if gap.end_s is None or not system.shows(gap.start_s, gap.end_s):
                continue
            left, right = system.x(gap.start_s), system.x(gap.end_s)
            high = rows.assistant + WAVE_PX - rows.person
            hint = f"no connection to the engine for {milliseconds((gap.end_s - gap.start_s) * 1000)}"
            self.canvas.rect(left, rows.person, right - left, high, "t-gap", hint=f"{hint} {gap.reason}".strip())
            self.canvas.rect(left, rows.person, right - left, high, "hatch")

    # The voices

    def _waves(self, system: System, rows: Rows) -> None:
        person = self._person.bars(system)
        heard = marks.turned_down(self._heard.bars(system), self.story.ducks, system)
        ghost = {index: level for index, level in self._unheard.bars(system).items() if index not in heard}
        middle = rows.assistant + WAVE_PX / 2
        self.canvas.line(system.left_px, middle, system.right_px, middle, "thin s-grid")
        for peaks, top, look in (
            (person, rows.person, "person"),
            (heard, rows.assistant, "assistant"),
            (ghost, rows.assistant, "ghost"),
        ):
            middle = top + WAVE_PX / 2
            loud, quiet = waveform.split(peaks)
            self.canvas.path(waveform.path(quiet, system, middle, 0), "wave s-grid")
            self.canvas.path(waveform.path(loud, system, middle, WAVE_PX / 2), f"wave s-{look}")
        for speech in self.story.speeches:
            if system.shows(speech.start_s, speech.end_s):
                self._bar(
                    system, rows.person_bar, speech.start_s, speech.end_s or speech.start_s, "person", speech.text
                )
        for start_s, end_s in self._unheard_runs:
            self._bar(system, rows.assistant_bar, start_s, end_s, "ghost", "made and never heard")
        for start_s, end_s in self._heard_runs:
            self._bar(system, rows.assistant_bar, start_s, end_s, "assistant", "heard")

    def _bar(self, system: System, y: float, start_s: float, end_s: float, look: str, hint: str) -> None:
        if system.shows(start_s, end_s):
            left = system.x(start_s)
            self.canvas.rect(left, y, max(2.5, system.x(end_s) - left), 4, f"f-{look}", round=2, hint=hint)

    def _floor(self, system: System, rows: Rows) -> None:
        """Who has the floor: nobody, the person, the assistant while it thinks, the assistant, or both at once."""
        self.canvas.rect(system.left_px, rows.floor, system.right_px - system.left_px, 8, "f-grid", round=4)
        waits = [(latency.stopped_s, latency.audible_s) for latency in self.story.latencies]
        talks = [(speech.start_s, speech.end_s or speech.start_s) for speech in self.story.speeches]
        both = [(max(a, c), min(b, d)) for a, b in talks for c, d in self._heard_runs if min(b, d) - max(a, c) > 0.005]
        for spans, look in ((waits, "waiting"), (self._heard_runs, "assistant"), (talks, "person"), (both, "alarm")):
            for start_s, end_s in spans:
                if system.shows(start_s, end_s):
                    left = system.x(start_s)
                    self.canvas.rect(left, rows.floor, max(2.0, system.x(end_s) - left), 8, f"f-{look}", round=2)

    # What it cost

    def _latency(self, system: System, rows: Rows, latency: Latency) -> None:
        left, right, y = system.x(latency.stopped_s), system.x(latency.audible_s), rows.bracket + 3
        hint = " · ".join(f"{name} {milliseconds((b - a) * 1000)}" for name, a, b in latency.steps())
        ends = f"M{number(left)} {number(y - 3)}V{number(y + 3)}M{number(right)} {number(y - 3)}V{number(y + 3)}"
        self.canvas.path(f"M{number(left)} {number(y)}H{number(right)}{ends}", "bracket s-waiting", hint=hint)
        for _, _, until in latency.steps()[:-1]:
            self.canvas.line(system.x(until), y - 2, system.x(until), y + 2, "tick s-waiting")
        later = [other.stopped_s for other in self.story.latencies if other.stopped_s > latency.stopped_s]
        room_px = (system.x(min(later)) if later else system.edge_px) - left - 12
        self.canvas.text(left, y + 15, milliseconds(latency.total_ms), "small bold f-waiting", hint=hint)
        offset = width_of(milliseconds(latency.total_ms), 11) + 10
        if width_of(hint, 10) + offset <= room_px:
            self.canvas.text(left + offset, y + 15, hint, "tiny f-soft")

    def _tool_lanes(self, system: System) -> list[list[ToolSpan]]:
        """Tools below each other where their labels would touch."""
        lanes: list[list[ToolSpan]] = []
        ends: list[float] = []
        for tool in self.story.tools:
            if not system.shows(tool.start_s, tool.end_s):
                continue
            left = system.x(tool.start_s)
            right = max(system.x(tool.end_s or tool.start_s), left + 4) + width_of(_called(tool), 11) + 22
            lane = next((index for index, end in enumerate(ends) if end <= left), len(lanes))
            if lane == len(lanes):
                lanes.append([])
                ends.append(0.0)
            lanes[lane].append(tool)
            ends[lane] = right
        return lanes

    def _tools(self, system: System, rows: Rows, lanes: Sequence[Sequence[ToolSpan]]) -> None:
        for index, lane in enumerate(lanes):
            y = rows.tools + index * TOOL_PX
            for tool in lane:
                left, right = system.x(tool.start_s), system.x(tool.end_s or tool.start_s)
                wide = max(4.0, right - left)
                look = "alarm" if tool.ok is False else "tool"
                label = _called(tool)
                self.canvas.rect(left, y, wide, 14, f"f-{look}", round=3, hint=label)
                x = left + wide + 6
                if x + width_of(label, 11) > system.edge_px:
                    self.canvas.text(left - 6, y + 11, label, f"small right f-{look}")
                else:
                    self.canvas.text(x, y + 11, label, f"small f-{look}")

    # In front of everything

    def _lane_names(self, system: System, rows: Rows, tools: bool) -> None:
        x = system.left_px - 12
        self.canvas.text(x, rows.person + WAVE_PX / 2 + 4, "Person", "lane right f-person")
        self.canvas.text(x, rows.floor + 8, "floor", "tiny right f-faint")
        self.canvas.text(x, rows.assistant + WAVE_PX / 2 + 4, "Assistant", "lane right f-assistant")
        if tools:
            self.canvas.text(x, rows.tools + 11, "Tools", "lane right f-tool")


def _said(speech: Speech) -> Words:
    return Words(HOW[speech.how] + speech.text, speech.start_s, speech.end_s or speech.start_s)


def _answered(reply: Reply) -> Words:
    words = reply.text.split()
    heard = None if reply.heard_share >= 0.985 else round(len(words) * reply.heard_share)
    return Words(reply.text, reply.start_s, reply.end_s, heard)


def _called(tool: ToolSpan) -> str:
    took = milliseconds(((tool.end_s or tool.start_s) - tool.start_s) * 1000)
    return f"{tool.name} {took}" + {True: "", False: " failed", None: " …"}[tool.ok]
