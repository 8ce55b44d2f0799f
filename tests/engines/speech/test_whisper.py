"""faster-whisper behind the seam, with a stand-in for the package: no model is at hand in a test."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from voice.engines.speech.whisper import WhisperRecogniser
from voice.errors import EngineFailed, ExtraMissing, Misuse


class Model:
    """Answers with how much it heard and with what it was told."""

    asked: dict[str, Any]

    def __init__(self, path: str, **options: Any) -> None:
        if "/" not in path:
            raise FileNotFoundError(path)
        assert options["local_files_only"] is True

    def transcribe(self, samples: Any, **options: Any) -> tuple[Iterator[Any], None]:
        Model.asked = options
        words = [f" {len(samples)} samples ", " up to 0.5 " if abs(samples).max() <= 0.5 else " too loud "]
        return iter([SimpleNamespace(text=word, avg_logprob=-0.1) for word in words]), None


@pytest.fixture
def _package(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("faster_whisper")
    module.WhisperModel = Model  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "faster_whisper", module)


@pytest.mark.usefixtures("_package")
def test_an_utterance_is_transcribed_as_a_whole() -> None:
    async def scene() -> None:
        recogniser = WhisperRecogniser("models/tiny")
        with pytest.raises(Misuse):
            recogniser.start()
        await recogniser.open()
        utterance = recogniser.start(phrases=["hello", "set a timer for <duration>"], language="en-GB")
        utterance.feed(b"\x00\x40" * 16_000)
        utterance.feed(b"\x00\x40" * 16_000)
        assert utterance.partial() == ""
        heard = await utterance.finish()
        assert heard.text == "32000 samples up to 0.5"
        assert heard.confidence == pytest.approx(0.905, abs=0.001)
        assert (Model.asked["language"], Model.asked["initial_prompt"]) == ("en", "hello")
        await recogniser.close()

    asyncio.run(scene())


@pytest.mark.usefixtures("_package")
def test_only_the_last_thirty_seconds_are_kept_and_an_abandoned_utterance_is_nothing() -> None:
    async def scene() -> None:
        recogniser = WhisperRecogniser("models/tiny")
        await recogniser.open()
        utterance = recogniser.start()
        utterance.feed(bytes(31 * 32_000))
        assert utterance.dropped_bytes == 32_000
        assert (await utterance.finish()).text.startswith("480000 samples")
        utterance.abandon()
        assert (await utterance.finish()).text == ""
        await recogniser.close()

    asyncio.run(scene())


@pytest.mark.usefixtures("_package")
def test_a_model_that_is_not_there_is_named_with_the_fix() -> None:
    with pytest.raises(EngineFailed) as caught:
        asyncio.run(WhisperRecogniser("tiny").open())
    assert "model_path" in caught.value.fix


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(ExtraMissing, match="faster-whisper"):
        asyncio.run(WhisperRecogniser("tiny").open())
