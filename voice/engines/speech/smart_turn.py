"""Whether a turn sounds finished: a model of the smart-turn family (ONNX, version 3), from a file that the user has.

It hears the last eight seconds as a log-mel spectrogram by Whisper's definition (Radford et al. 2022, section 2.2) and
answers one probability. Alone it is not to be trusted in the middle of a sentence.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from voice.audio.convert import convert_whole
from voice.audio.frames import PCM_16K, AudioFrame
from voice.engines.speech.log_mel import FRAMES, MELS, SAMPLES, log_mel
from voice.errors import ConfigError, ExtraMissing

logger = logging.getLogger(__name__)

_SHAPE = (1, MELS, FRAMES)


class SmartTurn:
    """Implements `voice.engines.base.TurnModel`. Shared by all conversations: one is judged at a time, on a thread."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._session: Any = None
        self._input = ""
        self._busy = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="smart-turn")

    async def open(self) -> None:
        """Load the model. Raises ConfigError for a file that is none, ExtraMissing without onnxruntime."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._load)

    async def finished(self, frames: Sequence[AudioFrame]) -> float | None:
        """Probability 0..1 that who said this has finished; None when it could not be judged soon enough."""
        if self._busy or self._session is None or not frames:
            return None
        self._busy = True
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._judge, frames)
        except Exception as error:
            logger.warning("end-of-turn model failed", extra={"error": type(error).__name__})
            return None
        finally:
            self._busy = False

    async def close(self) -> None:
        """Idempotent."""
        self._session = None
        self._thread.shutdown(wait=False, cancel_futures=True)

    # On the thread

    def _load(self) -> None:
        if find_spec("onnxruntime") is None:
            raise ExtraMissing("The end-of-turn model's runtime (onnxruntime)", "smartturn")
        if not self._path.is_file():
            raise ConfigError(
                f"There is no end-of-turn model {self._path}.", fix="Correct turns.end_of_turn_model, or leave it out."
            )
        onnxruntime: Any = import_module("onnxruntime")

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(str(self._path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime raises a dozen kinds of its own
            raise self._refused("cannot be read", type(error).__name__) from error
        inputs = session.get_inputs()
        shape = tuple(inputs[0].shape) if len(inputs) == 1 else ()
        if shape[1:] != _SHAPE[1:]:
            raise self._refused(f"does not listen to {MELS} bands of {FRAMES} frames", str(shape))
        self._input, self._session = inputs[0].name, session
        self._judge([AudioFrame(PCM_16K, PCM_16K.silence(100))])

    def _refused(self, why: str, detail: str) -> ConfigError:
        return ConfigError(
            f"The end-of-turn model {self._path} {why} ({detail}).", fix="It is to be a smart-turn v3 file."
        )

    def _judge(self, frames: Sequence[AudioFrame]) -> float:
        format = frames[0].format
        pcm = convert_whole(b"".join(frame.data for frame in frames), format, PCM_16K)
        (answer,) = self._session.run(None, {self._input: log_mel(pcm[-2 * SAMPLES :])[None]})[:1]
        return min(1.0, max(0.0, float(answer.reshape(-1)[0])))
