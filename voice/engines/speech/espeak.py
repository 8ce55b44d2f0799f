"""eSpeak NG through ctypes. GPLv3: this module is only ever imported by the worker process (see `speaker_worker`).

The calls are those of espeak-ng's `speak_lib.h`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from voice.engines.speech.voices import pick_voice

_RETRIEVE_IN_CALL = 2  # AUDIO_OUTPUT_SYNCHRONOUS
_BUFFER_MS = 20
_UTF8 = 1
_RATE_PARAMETER = 1
_WORDS_PER_MINUTE = 165
_HIGHER = ("en-us+f3", "en-us+f2", "en-gb+f3")
_LOWER = ("en-us", "en-gb", "en-us+m3")

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int16), ctypes.c_int, ctypes.c_void_p)


class Synthesiser:
    """The library with its global state; one text at a time. Raises OSError or ImportError when it is not installed."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._library, data = _load()
        self._receive: Callable[[bytes], bool] = lambda pcm: False
        self._callback = _Callback(self._on_samples)
        self.rate_hz = int(self._library.espeak_Initialize(_RETRIEVE_IN_CALL, _BUFFER_MS, data, 0))
        if self.rate_hz <= 0:
            raise OSError("espeak-ng found no data")
        self._library.espeak_SetSynthCallback(self._callback)

    def synthesise(self, text: str, voice: str, speed: float, receive: Callable[[bytes], bool]) -> None:
        """Speak; `receive` gets PCM16 and says whether to go on."""
        name = pick_voice(voice, higher=_HIGHER, lower=_LOWER) if not voice.startswith("en") else voice
        if self._library.espeak_SetVoiceByName(name.encode()) != 0:
            self._library.espeak_SetVoiceByName(b"en-us")
        rate = int(min(max(_WORDS_PER_MINUTE * speed, 80), 450))
        self._library.espeak_SetParameter(_RATE_PARAMETER, rate, 0)
        self._receive = receive
        data = text.encode() + b"\0"
        self._library.espeak_Synth(data, ctypes.c_size_t(len(data)), 0, 0, 0, _UTF8, None, None)

    def _on_samples(self, samples: Any, count: int, _events: int | None) -> int:
        if not samples or count <= 0:
            return 0
        return 0 if self._receive(ctypes.string_at(samples, 2 * count)) else 1


def _load() -> tuple[Any, bytes | None]:
    """The library and where its data is: from the espeakng-loader package, else the system's."""
    try:
        import espeakng_loader
    except ImportError:
        return ctypes.CDLL("libespeak-ng.so.1"), None
    return ctypes.CDLL(espeakng_loader.get_library_path()), str(espeakng_loader.get_data_path()).encode()
