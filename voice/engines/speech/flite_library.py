"""CMU Flite through ctypes: just what it takes to stream one text.

Structures and constants are those of flite 2.2's `cst_audio.h`, `cst_wave.h`, `cst_voice.h`. The state is global:
one synthesis at a time in a process, which `FliteLibrary.synthesise` sees to.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import Any

from voice.errors import EngineFailed, ExtraMissing

VOICES = ("slt", "rms", "awb", "kal16")
RATE_HZ = 16_000
_CONTINUE, _STOP = 0, -1
_PIECE_SAMPLES = 320


class _Wave(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_int16)),
    )


class _Voice(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("features", ctypes.c_void_p))


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(_Wave), ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_void_p
)


class _StreamingInfo(ctypes.Structure):
    _fields_ = (
        ("min_buffsize", ctypes.c_int),
        ("callback", _Callback),
        ("utterance", ctypes.c_void_p),
        ("item", ctypes.c_void_p),
        ("userdata", ctypes.c_void_p),
    )


class FliteLibrary:
    """The loaded library and its voices. Raises ExtraMissing when it is not on the machine."""

    def __init__(self) -> None:
        self._flite = self._load("libflite.so.1")
        # A voice's own libraries are looked for among those that are loaded globally.
        for name in ("libflite_usenglish.so.1", "libflite_cmulex.so.1"):
            self._load(name)
        self._declare()
        self._flite.flite_init()
        self._voices: dict[str, Any] = {}
        self._lock = threading.Lock()

    def synthesise(self, text: str, voice: str, speed: float, receive: Callable[[bytes], bool]) -> None:
        """Speak a text; `receive` gets PCM16 as it exists and says whether to go on. Blocks. Raises EngineFailed."""
        with self._lock:
            speaker = self._voice(voice)
            features = speaker.contents.features

            def on_samples(wave: Any, start: int, size: int, _last: int, _info: int | None) -> int:
                pcm = ctypes.string_at(ctypes.addressof(wave.contents.samples.contents) + 2 * start, 2 * size)
                return _CONTINUE if receive(pcm) else _STOP

            # Both live until the synthesis is over; the library frees the second when it is replaced or dropped.
            callback = _Callback(on_samples)
            info = self._flite.new_audio_streaming_info()
            info.contents.min_buffsize = _PIECE_SAMPLES
            info.contents.callback = callback
            self._flite.feat_set(features, b"streaming_info", self._flite.audio_streaming_info_val(info))
            self._flite.feat_set_float(features, b"duration_stretch", 1.0 / min(max(speed, 0.25), 4.0))
            try:
                utterance = self._flite.flite_synth_text(text.encode("ascii", "ignore"), speaker)
                if utterance:
                    self._flite.delete_utterance(utterance)
            finally:
                self._flite.feat_remove(features, b"streaming_info")

    def has(self, voice: str) -> bool:
        """Whether that voice is installed."""
        try:
            with self._lock:
                self._voice(voice)
        except EngineFailed:
            return False
        return True

    def _voice(self, name: str) -> Any:
        if name not in self._voices:
            try:
                library = ctypes.CDLL(f"libflite_cmu_us_{name}.so.1")
                register = library[f"register_cmu_us_{name}"]
            except (OSError, AttributeError) as error:
                raise EngineFailed("A Flite voice is not installed.", detail=name) from error
            register.restype = ctypes.POINTER(_Voice)
            register.argtypes = (ctypes.c_char_p,)
            self._voices[name] = register(None)
        return self._voices[name]

    @staticmethod
    def _load(name: str) -> Any:
        try:
            return ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
        except OSError as error:
            raise ExtraMissing(
                "The Flite synthesiser", "espeak", fix="Install it with: apt-get install libflite1"
            ) from error

    def _declare(self) -> None:
        pointer, text = ctypes.c_void_p, ctypes.c_char_p
        for name, result, arguments in (
            ("new_audio_streaming_info", ctypes.POINTER(_StreamingInfo), ()),
            ("audio_streaming_info_val", pointer, (ctypes.POINTER(_StreamingInfo),)),
            ("feat_set", None, (pointer, text, pointer)),
            ("feat_set_float", None, (pointer, text, ctypes.c_float)),
            ("feat_remove", ctypes.c_int, (pointer, text)),
            ("flite_synth_text", pointer, (text, ctypes.POINTER(_Voice))),
            ("delete_utterance", None, (pointer,)),
        ):
            function = getattr(self._flite, name)
            function.restype, function.argtypes = result, arguments
