"""A model of the end of turns, made here: it says how loud the last second is against the whole."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from voice.audio.frames import PCM_16K, PCM_24K, PCMU_8K, AudioFormat, AudioFrame
from voice.engines.speech import smart_turn
from voice.engines.speech.smart_turn import SmartTurn
from voice.errors import ConfigError, ExtraMissing


class Runtime:
    """Stands in for onnxruntime: one session, which answers by what it is given."""

    class SessionOptions:
        pass

    def __init__(self, *, shape: tuple[Any, ...] = ("batch", 80, 800), breaks: bool = False) -> None:
        self.shape = shape
        self.breaks = breaks
        self.threads: list[str] = []
        self.heard: list[Any] = []

    def InferenceSession(self, path: str, options: Any, providers: list[str]) -> Runtime:  # noqa: N802
        if not Path(path).read_bytes().startswith(b"model"):
            raise ValueError("not a model")
        return self

    def get_inputs(self) -> list[Any]:
        return [type("Input", (), {"name": "input_features", "shape": list(self.shape)})]

    def run(self, _: None, given: dict[str, Any]) -> list[Any]:
        self.threads.append(threading.current_thread().name)
        (features,) = given.values()
        self.heard.append(features)
        if self.breaks and len(self.heard) > 1:
            raise RuntimeError("broken")
        return [np.array([[features[0, :, -100:].mean()]])]


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Runtime:
    twin = Runtime()
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", twin)
    monkeypatch.setattr(smart_turn, "find_spec", lambda name: object())
    return twin


def model(folder: Path, content: bytes = b"model") -> str:
    path = folder / "turn.onnx"
    path.write_bytes(content)
    return str(path)


def hum(format: AudioFormat, ms: float) -> list[AudioFrame]:
    samples = (np.sin(np.arange(int(ms * format.rate_hz / 1000)) * 0.1) * 8_000).astype(np.int16).tobytes()
    size = format.bytes_per_second // 50
    return [AudioFrame(format, samples[at : at + size]) for at in range(0, len(samples), size)]


def asked(path: str, *turns: Sequence[AudioFrame]) -> list[float | None]:
    async def run() -> list[float | None]:
        turn = SmartTurn(path)
        await turn.open()
        try:
            return [await turn.finished(frames) for frames in turns]
        finally:
            await turn.close()
            await turn.close()

    return asyncio.run(run())


def test_it_hears_the_last_eight_seconds_off_the_loop(runtime: Runtime, tmp_path: Path) -> None:
    (answer,) = asked(model(tmp_path), hum(PCM_24K, 9_000))
    assert answer is not None
    assert 0 <= answer <= 1
    assert runtime.heard[-1].shape == (1, 80, 800)
    assert all(name.startswith("smart-turn") for name in runtime.threads)


@pytest.mark.parametrize("format", [PCM_16K, PCM_24K])
def test_any_rate_will_do(runtime: Runtime, tmp_path: Path, format: AudioFormat) -> None:
    assert asked(model(tmp_path), hum(format, 1_000))[0] is not None


def test_a_telephone_will_do(runtime: Runtime, tmp_path: Path) -> None:
    assert asked(model(tmp_path), [AudioFrame(PCMU_8K, b"\x80" * 8_000)])[0] is not None


def test_of_nothing_it_says_nothing(runtime: Runtime, tmp_path: Path) -> None:
    assert asked(model(tmp_path), []) == [None]


def test_who_asks_while_another_is_judged_gets_no_answer(runtime: Runtime, tmp_path: Path) -> None:
    async def run() -> list[float | None]:
        turn = SmartTurn(model(tmp_path))
        await turn.open()
        answers = await asyncio.gather(*(turn.finished(hum(PCM_16K, 500)) for _ in range(3)))
        await turn.close()
        return list(answers)

    assert [answer is None for answer in asyncio.run(run())] == [False, True, True]


def test_a_model_that_breaks_says_nothing(runtime: Runtime, tmp_path: Path) -> None:
    runtime.breaks = True
    assert asked(model(tmp_path), hum(PCM_16K, 500)) == [None]


def test_a_file_that_is_not_there(runtime: Runtime, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"There is no end-of-turn model .*turn\.onnx"):
        asked(str(tmp_path / "turn.onnx"))


def test_a_file_that_is_no_model(runtime: Runtime, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        asked(model(tmp_path, b"something else"))


def test_a_model_of_another_kind(runtime: Runtime, tmp_path: Path) -> None:
    runtime.shape = (1, 128, 3_000)
    with pytest.raises(ConfigError, match="does not listen to 80 bands of 800 frames"):
        asked(model(tmp_path))


def test_without_the_runtime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(smart_turn, "find_spec", lambda name: None)
    with pytest.raises(ExtraMissing, match="onnxruntime") as error:
        asked(model(tmp_path))
    assert "voice[smartturn]" in error.value.fix


def test_with_the_real_runtime(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    made = onnx.helper
    graph = made.make_graph(
        [
            made.make_node("Flatten", ["input_features"], ["flat"], axis=1),
            made.make_node("ReduceMean", ["flat"], ["mean"], keepdims=1),
            made.make_node("Sigmoid", ["mean"], ["logits"]),
        ],
        "turn",
        [made.make_tensor_value_info("input_features", onnx.TensorProto.FLOAT, ["batch", 80, 800])],
        [made.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, None)],
    )
    path = tmp_path / "turn.onnx"
    onnx.save(made.make_model(graph, opset_imports=[made.make_opsetid("", 17)], ir_version=8), str(path))
    short, long = asked(str(path), hum(PCM_16K, 300), hum(PCM_16K, 8_000))
    assert short is not None
    assert long is not None
    assert 0 < short < 1
    assert 0 < long < 1
    assert short != long
