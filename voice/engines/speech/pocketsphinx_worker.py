"""The process that PocketSphinx lives in: it holds the interpreter's lock while it works, so it gets an interpreter.

Run as `python -m voice.engines.speech.pocketsphinx_worker`; speaks `pipe` on its standard input and output and ends
when its input does. One utterance at a time; a new START or an ABANDON drops what is queued of the one before.
"""

from __future__ import annotations

import json
import os
import select
import sys
from collections import deque
from typing import Any

from voice.engines.speech import pipe
from voice.engines.speech.belief import Heard
from voice.engines.speech.pocketsphinx_decoder import PhraseDecoder

_PIECE_BYTES = 6400  # 200 ms: how much is decoded before the pipe is looked at again
_PARTIAL_BYTES = 2560  # 80 ms between two looks at the words so far


class Worker:
    """Reads messages, decodes, answers."""

    def __init__(self, source: int, sink: int, decoder: PhraseDecoder) -> None:
        self._source = source
        self._sink = sink
        self._decoder = decoder
        self._unpacker = pipe.Unpacker()
        self._queue: deque[pipe.Message] = deque()
        self._open = True
        self._number = 0  # the utterance under way; 0: none
        self._said: Heard | None = None
        self._since_partial = 0

    def run(self) -> None:
        """Until the input ends."""
        while True:
            self._receive(wait=not self._queue)
            if not self._queue:
                if not self._open:
                    return
                continue
            kind, number, body = self._queue.popleft()
            try:
                self._handle(kind, number, body)
            except Exception as error:  # the library raises plain ones; the next utterance starts afresh
                self._number = 0
                self._answer(pipe.TROUBLE, number, type(error).__name__.encode())

    def _receive(self, wait: bool) -> None:
        """Everything that has arrived; blocks for the first byte when asked to."""
        while self._open and (wait or select.select([self._source], [], [], 0)[0]):
            data = os.read(self._source, 1 << 16)
            if not data:
                self._open = False
                return
            wait = False
            for message in self._unpacker.feed(data):
                if message[0] in (pipe.ABANDON, pipe.START):
                    self._queue.clear()
                self._queue.append(message)

    def _handle(self, kind: bytes, number: int, body: bytes) -> None:
        if kind == pipe.START:
            self._number = 0
            self._decoder.start(json.loads(body)["phrases"])
            self._number, self._said, self._since_partial = number, None, 0
        elif kind == pipe.EXPECT:
            self._number = 0
            self._decoder.prepare(json.loads(body)["phrases"])
        elif kind == pipe.ABANDON:
            self._number = 0
        elif number != self._number:
            return
        elif kind == pipe.SOUND:
            self._decode(number, body)
        elif kind == pipe.FINISH:
            self._number = 0
            self._answer(pipe.RESULT, number, _spell(self._decoder.end()))

    def _decode(self, number: int, pcm: bytes) -> None:
        if len(pcm) > _PIECE_BYTES:
            self._queue.appendleft((pipe.SOUND, number, pcm[_PIECE_BYTES:]))
            pcm = pcm[:_PIECE_BYTES]
        self._decoder.feed(pcm)
        self._since_partial += len(pcm)
        if self._since_partial < _PARTIAL_BYTES:
            return
        self._since_partial = 0
        heard = self._decoder.heard()
        if self._said is None or heard.text != self._said.text:
            self._said = heard
            self._answer(pipe.PARTIAL, number, _spell(heard))

    def _answer(self, kind: bytes, number: int, body: bytes) -> None:
        os.write(self._sink, pipe.pack(kind, number, body))


def _spell(heard: Heard) -> bytes:
    return json.dumps({"text": heard.text, "confidence": heard.confidence}).encode()


def main(arguments: list[str]) -> int:
    """Load the model, say so, and work. What the library prints goes to standard error."""
    settings: dict[str, Any] = json.loads(arguments[0]) if arguments else {}
    sink = os.dup(1)
    os.dup2(2, 1)
    try:
        decoder = PhraseDecoder(thorough=bool(settings.get("thorough")))
        decoder.start(["hello"])
        decoder.feed(bytes(6400))
        decoder.end()
    except Exception as error:
        os.write(sink, pipe.pack(pipe.TROUBLE, 0, f"{type(error).__name__}: {error}".encode()))
        return 1
    os.write(sink, pipe.pack(pipe.READY, 0))
    try:
        Worker(0, sink, decoder).run()
    except (BrokenPipeError, KeyboardInterrupt):
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
