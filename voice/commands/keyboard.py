"""The keys of a terminal as a talk button. A terminal does not tell when a key is let go, so a press toggles."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

TALK_KEYS = frozenset(b" \r\n")
QUIT_KEYS = frozenset(b"qQ\x04")


class Talks(Protocol):
    """What the keys move."""

    def hold(self, held: bool) -> None: ...

    async def close(self) -> None: ...


class Keyboard:
    """Space or Enter begins and ends an utterance (when there is a talk key); q hangs up."""

    def __init__(self, transport: Talks, *, talk_key: bool) -> None:
        self._transport = transport
        self._talk_key = talk_key
        self._closing: asyncio.Task[None] | None = None
        self.held = False

    def pressed(self, key: int) -> None:
        """One byte from the terminal."""
        if key in QUIT_KEYS and self._closing is None:
            self._closing = asyncio.ensure_future(self._transport.close())
        elif key in TALK_KEYS and self._talk_key:
            self.held = not self.held
            self._transport.hold(self.held)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Read keys as they are pressed, on the running loop. Without a terminal there are none."""
        if not sys.stdin.isatty() or os.name == "nt":
            yield
            return
        import termios
        import tty

        loop, terminal = asyncio.get_running_loop(), sys.stdin.fileno()
        before: Any = termios.tcgetattr(terminal)
        tty.setcbreak(terminal)
        loop.add_reader(terminal, self._read, terminal)
        try:
            yield
        finally:
            loop.remove_reader(terminal)
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)

    async def finish(self) -> None:
        """Wait for a hang-up that a key began."""
        if self._closing is not None:
            await self._closing

    def _read(self, terminal: int) -> None:
        for key in os.read(terminal, 64):
            self.pressed(key)
