"""The process that the spotter lives in: a look takes some tens of milliseconds and holds the interpreter's lock.

Run as `python -m voice.engines.speech.spotter_worker SETTINGS`, JSON with `acknowledgements` and `others`. Speaks
`pipe`: SOUND (a whole stretch) is answered with RESULT {text, confidence}, one after the other.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from voice.engines.speech import pipe
from voice.engines.speech.phrase_spotter import PhraseSpotter


def main(arguments: list[str]) -> int:
    """Load, say so, and answer until the input ends. What the library prints goes to standard error."""
    settings: dict[str, Any] = json.loads(arguments[0]) if arguments else {}
    sink = os.dup(1)
    os.dup2(2, 1)
    try:
        spotter = PhraseSpotter(settings.get("acknowledgements", ()), settings.get("others", ()))
        spotter.find(bytes(16_000))
    except Exception as error:
        os.write(sink, pipe.pack(pipe.TROUBLE, 0, f"{type(error).__name__}: {error}".encode()))
        return 1
    os.write(sink, pipe.pack(pipe.READY, 0))
    try:
        serve(0, sink, spotter)
    except (BrokenPipeError, KeyboardInterrupt):
        return 0
    return 0


def serve(source: int, sink: int, spotter: PhraseSpotter) -> None:
    """Answer every sound."""
    unpacker = pipe.Unpacker()
    while data := os.read(source, 1 << 16):
        for kind, number, body in unpacker.feed(data):
            if kind != pipe.SOUND:
                continue
            try:
                text, confidence = spotter.find(body)
                os.write(sink, pipe.pack(pipe.RESULT, number, json.dumps([text, confidence]).encode()))
            except Exception as error:  # the library raises plain ones; the next sound starts afresh
                os.write(sink, pipe.pack(pipe.TROUBLE, number, type(error).__name__.encode()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
