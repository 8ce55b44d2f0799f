"""The embedded engine from outside: from a real person's last word to the first audible sample of the reply."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
import tomllib
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from importlib import import_module
from math import gcd
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from websockets.asyncio.client import ClientConnection

    Samples = NDArray[np.int16]

METHOD = (
    "Recorded questions are spoken in real time into `/v1/realtime` of `voice serve --engine local`, 20 ms at a time, "
    "with silence behind them, one new session each. Measured from the last spoken sample (by the fixture's spans) to "
    "the first sample of the reply over -45 dBFS as a player without a buffer would sound it; a reply that begins in "
    "a pause of the speech is counted as one that cuts in, and the next one is measured."
)
ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "audio_fixtures"
KINDS = ("command", "command_far")
QUESTIONS = 12
RATE_HZ = 24_000
CHUNK_MS = 20
PATIENCE_S = 12.0
AUDIBLE = 184  # of 32,768: -45 dBFS


@dataclass(frozen=True, slots=True)
class Answer:
    """How long the person waited, None when nothing was heard in time; and whether a reply cut in before the end."""

    wait_s: float | None
    cut_in: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """One recording: 24 kHz mono, and where its last spoken sample is."""

    name: str
    samples: Samples
    ends_s: float


def run() -> dict[str, float]:
    import numpy as np

    from tests.benchmarks.bridge.systems import System, started

    serve = ("-m", "voice", "serve", "--host", "127.0.0.1", "--port", "{port}", "--engine", "local")
    with started(System("voice", (sys.executable, *serve)), "") as running:
        answers = asyncio.run(ask_all(f"ws://127.0.0.1:{running.port}/v1/realtime?model=local"))
    waits_ms = [answer.wait_s * 1000 for answer in answers if answer.wait_s is not None]
    figures = {"questions": float(len(answers)), "unanswered": float(len(answers) - len(waits_ms))}
    figures["cut_in"] = float(sum(answer.cut_in for answer in answers))
    if waits_ms:
        p50, p95 = np.percentile(waits_ms, (50, 95))
        figures |= {"voice_to_voice_p50_ms": float(p50), "voice_to_voice_p95_ms": float(p95)}
    return {**figures, "wer": import_module("tests.benchmarks.wer").overall()}


async def ask_all(url: str) -> list[Answer]:
    """One after the other, so that none waits for another's work."""
    answers = []
    for question in questions():
        answer = await ask(url, question)
        said = "no answer" if answer.wait_s is None else f"{answer.wait_s * 1000:.0f} ms"
        print(f"{question.name}: {said}{', after cutting in' * answer.cut_in}", file=sys.stderr, flush=True)
        answers.append(answer)
    return answers


async def ask(url: str, question: Question) -> Answer:
    """One question in a session of its own."""
    from websockets.asyncio.client import connect

    cut_in = False
    async with connect(url, compression=None, max_size=None) as socket:
        began = time.monotonic()
        speaking = asyncio.create_task(speak(socket, question, began))
        try:
            async with asyncio.timeout(question.ends_s + PATIENCE_S):
                async for heard in replies(socket):
                    if heard >= began + question.ends_s:
                        return Answer(heard - began - question.ends_s, cut_in)
                    cut_in = True
        except TimeoutError:
            pass
        finally:
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)
    return Answer(None, cut_in)


async def speak(socket: ClientConnection, question: Question, began: float) -> None:
    """The recording, then silence for ever; each chunk leaves when its last sample would have been captured."""
    size = RATE_HZ * CHUNK_MS // 1000 * 2
    sound = question.samples.tobytes()
    at = 0
    while True:
        chunk = sound[at : at + size].ljust(size, b"\0")
        at += size
        await asyncio.sleep(began + at / 2 / RATE_HZ - time.monotonic())
        audio = base64.b64encode(chunk).decode()
        await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))


async def replies(socket: ClientConnection) -> AsyncIterator[float]:
    """For each response the moment at which a player without a buffer would sound its first audible sample."""
    import numpy as np

    response_id, sounded, ends = "", False, 0.0
    async for text in socket:
        now = time.monotonic()
        event: dict[str, Any] = json.loads(text)
        if event["type"] != "response.output_audio.delta":
            continue
        if event.get("response_id", "") != response_id:
            response_id, sounded, ends = event.get("response_id", ""), False, 0.0
        samples = np.frombuffer(base64.b64decode(event["delta"]), np.int16)
        starts = max(ends, now)
        loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > AUDIBLE)
        if len(loud) and not sounded:
            sounded = True
            yield starts + float(loud[0]) / RATE_HZ
        ends = starts + len(samples) / RATE_HZ


def questions() -> list[Question]:
    """Commands that real people spoke, taken evenly over the manifest so that speakers and rooms vary."""
    entries = tomllib.loads((FIXTURES / "manifest.toml").read_text())["file"]
    spoken = [each for each in entries if each["kind"] in KINDS and each["spans_ms"]]
    step = max(1, len(spoken) // QUESTIONS)
    return [loaded(each) for each in spoken[::step][:QUESTIONS]]


def loaded(entry: dict[str, Any]) -> Question:
    path = FIXTURES / str(entry["file"])
    return Question(path.stem, read_24k(path), max(end for _, end in entry["spans_ms"]) / 1000)


def read_24k(path: Path) -> Samples:
    """16-bit mono WAV at any rate, resampled with a windowed sinc."""
    import numpy as np

    with wave.open(str(path)) as file:
        if file.getsampwidth() != 2 or file.getnchannels() != 1:
            raise ValueError(f"{path.name} is not 16-bit mono")
        rate_hz = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    common = gcd(rate_hz, RATE_HZ)
    up, down = RATE_HZ // common, rate_hz // common
    if up == down:
        return samples
    widest = max(up, down)
    at = np.arange(-16 * widest, 16 * widest + 1)
    taps = np.sinc(at / widest) * np.hanning(len(at)) * up / widest
    spread = np.zeros(len(samples) * up)
    spread[::up] = samples
    return np.asarray(np.convolve(spread, taps, "same")[::down].clip(-32_768, 32_767), dtype=np.int16)


def table(figures: dict[str, float]) -> list[tuple[str, str]]:
    asked = f"{figures['questions'] - figures['unanswered']:.0f} of {figures['questions']:.0f}"
    return [
        ("voice to voice p50, ms", f"{figures.get('voice_to_voice_p50_ms', float('nan')):.0f}"),
        ("voice to voice p95, ms", f"{figures.get('voice_to_voice_p95_ms', float('nan')):.0f}"),
        ("questions answered", asked),
        ("replies that cut in", f"{figures['cut_in']:.0f}"),
        ("word error rate", f"{figures['wer']:.3f}"),
    ]
