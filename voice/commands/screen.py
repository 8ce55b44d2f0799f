"""A conversation on a terminal while it happens: its news as lines, and two meters below them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from voice.commands.conversation import Conversation, News

BLOCKS = " ▁▂▃▄▅▆▇█"
METER_CELLS = 48
REFRESH_HZ = 12
LOOK = {
    "person": ("person    ", "bold blue"),
    "assistant": ("assistant ", "bold green"),
    "tool": ("tool      ", "yellow"),
    "asks": ("may I?    ", "bold yellow"),
    "turn": ("wait      ", "magenta"),
    "interrupted": ("          ", "red"),
    "link": ("link      ", "dim"),
    "error": ("error     ", "bold red"),
    "ended": ("end       ", "dim"),
}


class Screen(Protocol):
    """Where a conversation is shown."""

    def show(self, item: News) -> None:
        """Something new."""


class Nowhere:
    """For `--json`: the result comes at the end."""

    def show(self, item: News) -> None:
        pass


class Lines:
    """News as they come, one line each."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def show(self, item: News) -> None:
        self._console.print(line_of(item))


class Meters:
    """The loudness of the last seconds of both sides, drawn anew at every refresh."""

    def __init__(self, conversation: Conversation, hint: str) -> None:
        self._conversation = conversation
        self._hint = hint
        self._person: deque[float] = deque([0.0] * METER_CELLS, METER_CELLS)
        self._assistant: deque[float] = deque([0.0] * METER_CELLS, METER_CELLS)

    def __rich__(self) -> RenderableType:
        state = self._conversation
        self._person.append(state.person_level)
        self._assistant.append(state.assistant_level)
        clock = f" {state.now_s:6.1f} s"
        return Group(
            Text.assemble(("person    ", "blue"), (bars(self._person), "blue"), (clock, "dim")),
            Text.assemble(
                ("assistant ", "green"), (bars(self._assistant), "green"), (f" {state.partial[-60:]}", "dim italic")
            ),
            Text(self._hint, style="dim"),
        )


@contextmanager
def open_screen(conversation: Conversation, *, quiet: bool = False, hint: str = "Ctrl-C hangs up") -> Iterator[Screen]:
    """A screen that suits where the output goes: nothing, lines for a file or a pipe, meters for a terminal."""
    console = Console(highlight=False, soft_wrap=False)
    if quiet:
        yield Nowhere()
    elif not console.is_terminal:
        yield Lines(Console(highlight=False, soft_wrap=True))
    else:
        with Live(Meters(conversation, hint), console=console, refresh_per_second=REFRESH_HZ, transient=True):
            yield Lines(console)


def line_of(item: News) -> Text:
    """Time, who, what. The words are data: they are never read as markup or as terminal codes."""
    name, look = LOOK[item.kind]
    words = "".join(character if character.isprintable() else " " for character in item.text)
    style = "" if item.kind in ("person", "assistant") else look
    return Text.assemble((f"{item.at_s:6.1f}  ", "dim"), (name, look), (words or "(nothing understood)", style))


def bars(levels: deque[float]) -> str:
    """Peaks 0..1 as a row of blocks; quiet speech is visible."""
    top = len(BLOCKS) - 1
    return "".join(BLOCKS[min(top, round(min(1.0, max(0.0, level)) ** 0.5 * top))] for level in levels)
