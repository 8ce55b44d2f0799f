"""The keys of a terminal as a talk button. A terminal does not tell when a key is let go, so a press toggles."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

TALK_KEYS = frozenset(b" \r\n")
YES_KEYS, NO_KEYS = frozenset(b"yY"), frozenset(b"nN")
QUIT_KEYS = frozenset(b"qQ\x04")
ESCAPE = b"\x1b"


class Talks(Protocol):
    """What the keys move."""

    def hold(self, held: bool) -> None: ...

    def cancel_talk(self) -> None: ...

    def answer(self, request_id: str, approve: bool) -> None: ...

    async def close(self) -> None: ...


class Keyboard:
    """Space or Enter begins and ends an utterance and Esc takes it back (when there is a talk key); q hangs up. While a
    tool waits to be allowed, y allows it and n does not."""

    def __init__(self, transport: Talks, *, talk_key: bool) -> None:
        self._transport = transport
        self._talk_key = talk_key
        self._closing: asyncio.Task[None] | None = None
        self.held = False
        self._question = ""

    def asked(self, request_id: str) -> None:
        """A tool waits to be allowed: y and n mean this one from now on, once."""
        self._question = request_id

    def typed(self, keys: bytes) -> None:
        """What the terminal had to say at once. Only an escape that comes alone is the Esc key: arrows and the like
        begin with one, too, and mean nothing here."""
        if keys == ESCAPE:
            self._take_back()
        elif not keys.startswith(ESCAPE):
            for key in keys:
                self.pressed(key)

    def pressed(self, key: int) -> None:
        """One byte from the terminal."""
        if key in QUIT_KEYS and self._closing is None:
            self._closing = asyncio.ensure_future(self._transport.close())
        elif key in TALK_KEYS and self._talk_key:
            self.held = not self.held
            self._transport.hold(self.held)
        elif key in YES_KEYS | NO_KEYS and self._question:
            question, self._question = self._question, ""
            self._transport.answer(question, key in YES_KEYS)

    def _take_back(self) -> None:
        if self.held:
            self.held = False
            self._transport.cancel_talk()

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
        self.typed(os.read(terminal, 64))
