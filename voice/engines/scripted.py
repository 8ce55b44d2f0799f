"""An engine that does what a test says: the twin of the seam in `base.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from voice.audio.frames import AudioFrame
from voice.engines.base import EngineListener
from voice.errors import EngineError, Misuse
from voice.protocol.client_events import ClientEvent
from voice.protocol.codec import Unknown
from voice.protocol.server_events import ServerEvent
from voice.protocol.traits import EngineTraits

Answer = Callable[["ScriptedEngine", ClientEvent], None]


class ScriptedEngine:
    """Remembers in `sent` and `heard` what it was told; says what the test makes it say.

    `answer` is called with each event that is sent and may `emit` at once; `refuses` is what `open` raises;
    `greeting` is emitted right after `open` returned, as a server's `session.created` would be.
    """

    def __init__(
        self,
        *,
        traits: EngineTraits | None = None,
        greeting: ServerEvent | None = None,
        answer: Answer | None = None,
        refuses: EngineError | None = None,
    ) -> None:
        self.traits = traits or EngineTraits("scripted")
        self.sent: list[ClientEvent] = []
        self.heard: list[AudioFrame] = []
        self.closed: tuple[int, str] | None = None
        self._greeting = greeting
        self._answer = answer
        self._refuses = refuses
        self._listener: EngineListener | None = None

    async def open(self, listener: EngineListener) -> None:
        if self._refuses is not None:
            raise self._refuses
        self._listener = listener
        if self._greeting is not None:
            asyncio.get_running_loop().call_soon(self.emit, self._greeting)

    def send(self, event: ClientEvent) -> None:
        self._opened()
        self.sent.append(event)
        if self._answer is not None:
            self._answer(self, event)

    def send_audio(self, frame: AudioFrame) -> None:
        self._opened()
        self.heard.append(frame)

    async def close(self) -> None:
        if self._listener is not None:
            self.break_off(1000)

    # What the test makes it do

    def emit(self, event: ServerEvent | Unknown) -> None:
        """Say something; after the end nobody hears it."""
        listener = self._opened()
        if self.closed is None:
            listener.receive_event(event)

    def emit_audio(
        self, frame: AudioFrame, *, response_id: str, item_id: str, output_index: int = 0, content_index: int = 0
    ) -> None:
        listener = self._opened()
        if self.closed is None:
            listener.receive_audio(response_id, item_id, output_index, content_index, frame)

    def break_off(self, code: int = 1006, reason: str = "") -> None:
        """The connection is over."""
        listener = self._opened()
        if self.closed is None:
            self.closed = (code, reason)
            listener.engine_closed(code, reason)

    def _opened(self) -> EngineListener:
        if self._listener is None:
            raise Misuse("The engine is not open.")
        return self._listener
