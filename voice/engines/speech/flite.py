"""Flite as a speaker: one thread of its own, sound as soon as the first word is made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

from voice.engines.speech.flite_library import RATE_HZ, FliteLibrary
from voice.engines.speech.pieces import Pieces
from voice.engines.speech.sentences import sentences
from voice.engines.speech.text import speech_text
from voice.engines.speech.trim import SilenceTrimmer, pause_after_ms
from voice.engines.speech.voices import pick_voice
from voice.errors import Misuse

_HIGHER = ("slt",)
_LOWER = ("rms", "awb", "kal16")


class FliteSpeaker:
    """Speaks English with the CMU voices slt (default), rms, awb and kal16.

    ctypes lets the interpreter go on while the library works; texts of several people are spoken one after the
    other, 3 to 100 ms each.
    """

    name = "flite"
    rate_hz = RATE_HZ

    def __init__(self) -> None:
        self._library: FliteLibrary | None = None
        self._thread: ThreadPoolExecutor | None = None

    async def open(self) -> None:
        """Load the library. Raises ExtraMissing when it is not on the machine."""
        if self._library is None:
            self._library = await asyncio.to_thread(_warm_library)
            self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="flite")

    async def speak(self, text: str, *, voice: str = "", speed: float = 1.0) -> AsyncGenerator[bytes, None]:
        """PCM16 at 16 kHz, a sentence made when the one before has been taken. Raises EngineFailed."""
        if self._library is None:
            raise Misuse("The speaker is not open.")
        chosen = pick_voice(voice, higher=_HIGHER, lower=_LOWER)
        for sentence in sentences(speech_text(text)):
            async with aclosing(self._sentence(self._library, sentence, chosen, speed)) as pieces:
                async for pcm in pieces:
                    yield pcm

    async def close(self) -> None:
        """Wait for what is being made; it is a matter of milliseconds."""
        thread, self._thread, self._library = self._thread, None, None
        if thread is not None:
            await asyncio.to_thread(thread.shutdown, cancel_futures=True)

    async def _sentence(
        self, library: FliteLibrary, text: str, voice: str, speed: float
    ) -> AsyncGenerator[bytes, None]:
        pieces = Pieces(asyncio.get_running_loop(), RATE_HZ)
        trimmer = SilenceTrimmer(RATE_HZ, tail_ms=pause_after_ms(text))

        def make() -> None:
            if pieces.wanted:
                library.synthesise(text, voice, speed, lambda pcm: pieces.put(trimmer.feed(pcm)))
                pieces.put(trimmer.flush())

        assert self._thread is not None
        work = asyncio.get_running_loop().run_in_executor(self._thread, make)
        work.add_done_callback(pieces.end)
        try:
            async for pcm in pieces:
                yield pcm
        finally:
            pieces.stop()


def _warm_library() -> FliteLibrary:
    """Loaded, its first voice too, and numpy, which the trimmer wants: none of it shall delay the first word."""
    library = FliteLibrary()
    SilenceTrimmer(RATE_HZ).feed(b"\0\0")
    library.synthesise("ready", _HIGHER[0], 1.0, lambda pcm: True)
    return library
