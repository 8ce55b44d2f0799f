"""The process that a synthesiser lives in when it must not share ours: for its licence or for its global state.

Run as `python -m voice.engines.speech.speaker_worker SETTINGS`, JSON with `engine` and what that needs. Speaks
`pipe`: START {text, voice, speed} is answered with SOUND pieces and one RESULT, unless ABANDON comes first.
"""

from __future__ import annotations

import json
import os
import select
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

from voice.engines.speech import pipe
from voice.engines.speech.trim import SilenceTrimmer, pause_after_ms

ENGINES = ("espeak", "piper", "kokoro")
_PIECE_BYTES = 8_000


class Synthesiser(Protocol):
    """What `espeak`, `piper` and `kokoro` each bring."""

    rate_hz: int

    def synthesise(self, text: str, voice: str, speed: float, receive: Callable[[bytes], bool]) -> None: ...


class Worker:
    """Speaks one text after the other until the input ends."""

    def __init__(self, source: int, sink: int, synthesiser: Synthesiser) -> None:
        self._source = source
        self._sink = sink
        self._synthesiser = synthesiser
        self._unpacker = pipe.Unpacker()
        self._queue: list[pipe.Message] = []
        self._abandoned: set[int] = set()
        self._open = True

    def run(self) -> None:
        """Until the input ends."""
        while self._open or self._queue:
            if not self._queue:
                self._receive()
                continue
            _, number, body = self._queue.pop(0)
            if number in self._abandoned:
                self._abandoned.discard(number)
                continue
            try:
                self._speak(number, **json.loads(body))
            except Exception as error:  # whatever the library raises concerns this text only
                self._answer(pipe.TROUBLE, number, type(error).__name__.encode())

    def _speak(self, number: int, text: str, voice: str, speed: float) -> None:
        trimmer = SilenceTrimmer(self._synthesiser.rate_hz, tail_ms=pause_after_ms(text))

        def receive(pcm: bytes) -> bool:
            self._sound(number, trimmer.feed(pcm))
            return not self._stopped(number)

        self._synthesiser.synthesise(text, voice, speed, receive)
        if not self._stopped(number):
            self._sound(number, trimmer.flush())
            self._answer(pipe.RESULT, number, b"")
        self._abandoned.discard(number)

    def _stopped(self, number: int) -> bool:
        while self._open and select.select([self._source], [], [], 0)[0]:
            self._receive()
        return number in self._abandoned or not self._open

    def _receive(self) -> None:
        data = os.read(self._source, 1 << 16)
        self._open = bool(data)
        for message in self._unpacker.feed(data):
            if message[0] == pipe.ABANDON:
                self._abandoned = {message[1]}
            else:
                self._queue.append(message)

    def _sound(self, number: int, pcm: bytes) -> None:
        for at in range(0, len(pcm), _PIECE_BYTES):
            self._answer(pipe.SOUND, number, pcm[at : at + _PIECE_BYTES])

    def _answer(self, kind: bytes, number: int, body: bytes) -> None:
        data = pipe.pack(kind, number, body)
        while data:
            data = data[os.write(self._sink, data) :]


def main(arguments: list[str]) -> int:
    """Load the engine, say so and its rate, and work."""
    settings: dict[str, Any] = json.loads(arguments[0])
    sink = os.dup(1)
    os.dup2(2, 1)
    try:
        if settings["engine"] not in ENGINES:
            raise ValueError("no such engine")
        synthesiser: Synthesiser = import_module(f"voice.engines.speech.{settings['engine']}").Synthesiser(settings)
    except Exception as error:
        os.write(sink, pipe.pack(pipe.TROUBLE, 0, f"{type(error).__name__}: {error}".encode()))
        return 1
    SilenceTrimmer(synthesiser.rate_hz).feed(b"\0\0")  # loads numpy now rather than at the first word
    os.write(sink, pipe.pack(pipe.READY, 0, str(synthesiser.rate_hz).encode()))
    try:
        Worker(0, sink, synthesiser).run()
    except (BrokenPipeError, KeyboardInterrupt):
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
