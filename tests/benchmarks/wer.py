"""How many words the embedded recogniser gets wrong, alone and with the phrases of the embedded brain to expect.

    python -m tests.benchmarks.wer [--folder FOLDER] [--half tuned|held-out] [--json]

`FOLDER` holds WAV files and a `manifest.jsonl` or `manifest.toml` with `file`, `text` and `kind`; by default the
repository's own `audio_fixtures`. The error rate is the usual one: substitutions, deletions and insertions per word
spoken, over all files of a kind. `acts` says what the brain would do with the words: what it does with those that were
really said, ask for them again or back, or something else; `changes` counts what it would wrongly change.

The halves are those of the recogniser's tuning: by speaker, and by file where one speaker said them all.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
import tomllib
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Literal

import psutil

from voice.audio.convert import convert_whole
from voice.audio.frames import PCM_16K, AudioFormat
from voice.audio.wav import read_wav
from voice.engines.brain.doubt import READS, wish_asked_about
from voice.engines.brain.intents import CallTool, Say, decide, mind, recogniser_phrases
from voice.engines.brain.phrases import phrases
from voice.engines.speech.numbers import cardinal
from voice.engines.speech.phrase_graph import phrase_graph
from voice.engines.speech.pocketsphinx import PocketsphinxRecogniser
from voice.engines.stages import BrainRequest
from voice.protocol.items import InputAudio, UserMessage
from voice.protocol.settings import FunctionTool
from voice.tools.builtin import builtin_tools
from voice.tools.clock import SystemClock
from voice.tools.memory import MemoryInProcess
from voice.tools.registry import Registry

FIXTURES = Path(__file__).resolve().parents[2] / "audio_fixtures"
KINDS = ("command", "command_far", "paused", "read", "digits", "line", "interruption_word")
ACTED_ON = ("command", "command_far", "paused", "line")
Half = Literal["tuned", "held-out"]
_PIECE_BYTES = 640
_LONGEST_S = 15


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording at 16 kHz and what is said in it."""

    name: str
    kind: str
    words: tuple[str, ...]
    pcm: bytes
    speaker: str = ""

    @property
    def held_out(self) -> bool:
        """Whether it is of the half that nothing was tuned on."""
        by_file = self.kind in ("command_far", "line") or not self.speaker
        return bool(zlib.crc32((self.name if by_file else self.speaker).encode()) & 1)

    @property
    def seconds(self) -> float:
        return len(self.pcm) / PCM_16K.bytes_per_second


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a clip."""

    clip: Clip
    words: tuple[str, ...]
    confidence: float | None
    finish_ms: float


def word_errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """The fewest substitutions, deletions and insertions that make one of the other (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for place, word in enumerate(said, 1):
        diagonal, row[0] = row[0], place
        for column, other in enumerate(heard, 1):
            diagonal, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, diagonal + (word != other))
    return row[-1]


def words_of(text: str) -> tuple[str, ...]:
    """Lower case, figures as words, no punctuation."""
    text = re.sub(r"\d+", lambda match: f" {cardinal(int(match[0]))} ", text.lower().replace("’", "'"))
    return tuple(re.findall(r"[a-z']+", text))


def clips(folder: Path | None = None) -> list[Clip]:
    """The clips of a folder whose wording is known, of the kinds that one person says."""
    folder = folder or FIXTURES
    if (toml := folder / "manifest.toml").exists():
        rows: list[dict[str, Any]] = tomllib.loads(toml.read_text(encoding="utf-8"))["file"]
    else:
        rows = [json.loads(line) for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    found = []
    for row in rows:
        kind = "command_far" if row["kind"] == "command" and "far-field" in (row.get("note") or "") else row["kind"]
        words = words_of(row.get("text") or "")
        if kind in KINDS and words:
            wav = read_wav((folder / row["file"]).read_bytes())
            if wav.duration_ms <= _LONGEST_S * 1000:
                pcm = convert_whole(wav.pcm, AudioFormat("pcm16", wav.rate_hz), PCM_16K)
                found.append(Clip(row["file"], kind, words, pcm, row.get("speaker") or ""))
    return found


async def hear(some: Iterable[Clip], phrases: Sequence[str]) -> tuple[list[Heard], float]:
    """Every clip in pieces of 20 ms through the recogniser; and the CPU seconds it took for a second of sound."""
    recogniser = PocketsphinxRecogniser(workers=1)
    await recogniser.open()
    (worker,) = psutil.Process().children()
    heard: list[Heard] = []
    seconds = 0.0
    await recogniser.start(phrases=phrases).finish()  # the word graph is made once
    before = sum(worker.cpu_times()[:2])
    try:
        for clip in some:
            utterance = recogniser.start(phrases=phrases)
            for at in range(0, len(clip.pcm) - _PIECE_BYTES, _PIECE_BYTES):
                utterance.feed(clip.pcm[at : at + _PIECE_BYTES])
            await _caught_up(worker)
            began = time.perf_counter()
            utterance.feed(clip.pcm[-_PIECE_BYTES:])
            said = await utterance.finish()
            finish_ms = (time.perf_counter() - began) * 1000
            heard.append(Heard(clip, words_of(said.text), said.confidence, finish_ms))
            seconds += clip.seconds
        return heard, (sum(worker.cpu_times()[:2]) - before) / max(seconds, 0.001)
    finally:
        await recogniser.close()


async def _caught_up(worker: psutil.Process) -> None:
    """Wait until the worker rests, as it would between two pieces of live speech."""
    idle = 0
    last = sum(worker.cpu_times()[:2])
    while idle < 3:
        await asyncio.sleep(0.03)
        now = sum(worker.cpu_times()[:2])
        idle = idle + 1 if now == last else 0
        last = now


def overall(folder: Path | None = None, *, workers: int = 2) -> float:
    """The error rate over all files with the phrases to expect, as quickly as it goes."""

    async def hear_all() -> list[Heard]:
        recogniser = PocketsphinxRecogniser(workers=workers)
        await recogniser.open()
        turn = asyncio.Semaphore(workers)

        async def hear_one(clip: Clip) -> Heard:
            async with turn:
                utterance = recogniser.start(phrases=expected)
                utterance.feed(clip.pcm)
                said = await utterance.finish()
            return Heard(clip, words_of(said.text), said.confidence, 0.0)

        try:
            return await asyncio.gather(*map(hear_one, clips(folder)))
        finally:
            await recogniser.close()

    expected = recogniser_phrases()
    return _rate(asyncio.run(hear_all()))


def run(folder: Path | None = None, *, half: Half | None = None) -> dict[str, Any]:
    """Error rates without and with the phrases, by kind and by whether what was said is among them."""
    some = [clip for clip in clips(folder) if half is None or clip.held_out == (half == "held-out")]
    expected = recogniser_phrases()
    graph = phrase_graph(expected, lambda word: True)
    assert graph is not None
    free, free_cpu = asyncio.run(hear(some, ()))
    expecting, expecting_cpu = asyncio.run(hear(some, expected))
    groups: dict[str, list[int]] = defaultdict(list)
    for index, clip in enumerate(some):
        groups[clip.kind].append(index)
        groups["expected" if graph.holds(clip.words) else "unexpected"].append(index)
    figures: dict[str, Any] = {"clips": len(some), "phrases": len(expected)}
    for name, members in groups.items():
        figures[f"clips_{name}"] = len(members)
        figures[f"wer_{name}"] = _rate(free[index] for index in members)
        figures[f"wer_{name}_with_phrases"] = _rate(expecting[index] for index in members)
        if name in ACTED_ON:
            for suffix, all_heard in (("", free), ("_with_phrases", expecting)):
                acts = Counter(_act_on(all_heard[index]) for index in members)
                figures |= {f"acts_{name}_{act}{suffix}": acts[act] for act in ("right", "asks", "wrong", "changes")}
    unexpected = groups.get("unexpected", [])
    figures["false_phrases"] = sum(graph.holds(expecting[index].words) for index in unexpected)
    figures["cpu_s_per_s"], figures["cpu_s_per_s_with_phrases"] = round(free_cpu, 3), round(expecting_cpu, 3)
    for name, all_heard in (("", free), ("_with_phrases", expecting)):
        times = sorted(one.finish_ms for one in all_heard)
        figures[f"finish_p50_ms{name}"] = round(times[len(times) // 2], 1)
        figures[f"finish_p95_ms{name}"] = round(times[int(len(times) * 0.95)], 1)
    figures["wer"], figures["wer_alone"] = _rate(expecting), _rate(free)
    figures["heard"] = [
        {
            "said": " ".join(one.clip.words),
            "free": " ".join(other.words),
            "with": " ".join(one.words),
            "confidence": one.confidence,
        }
        for one, other in zip(expecting, free, strict=True)
    ]
    return figures


Act = Literal["right", "asks", "wrong", "changes"]


def _act_on(heard: Heard) -> Act:
    """What the brain makes of words that were heard like this, beside what it would make of those that were said."""
    does, should = _decide(heard.words, heard.confidence), _decide(heard.clip.words, None)
    if does == should:
        return "right"
    if isinstance(does, CallTool):
        return "wrong" if does.name in READS else "changes"
    lines = phrases("en").lines("not_heard") + phrases("en").lines("not_understood")
    return "asks" if does.text in lines or wish_asked_about(does.text, phrases("en")) else "wrong"


@cache
def _decide(words: tuple[str, ...], confidence: float | None) -> Say | CallTool:
    item = UserMessage(content=[InputAudio(transcript=" ".join(words))])
    return decide(BrainRequest(items=[item], tools=_tools(), confidence=confidence), mind("en"))


@cache
def _tools() -> tuple[FunctionTool, ...]:
    tools = builtin_tools(SystemClock(), MemoryInProcess(), Random(0))
    return tuple(Registry(tools).tools_for_model())


def _rate(heard: Iterable[Heard]) -> float:
    errors = words = 0
    for one in heard:
        errors += word_errors(one.clip.words, one.words)
        words += len(one.clip.words)
    return round(errors / max(words, 1), 3)


def main() -> None:
    """The table for people, or with --json the figures as the last line."""
    parser = argparse.ArgumentParser(description="Word error rate of the embedded recogniser.")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--half", choices=("tuned", "held-out"))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--all", action="store_true", help="also print what was heard in every clip")
    asked = parser.parse_args()
    figures = run(asked.folder, half=asked.half)
    heard = figures.pop("heard")
    if asked.all:
        for one in heard:
            sure = one["confidence"] or 0.0
            print(f"{one['said'][:45]:45} | {one['free'][:45]:45} | {one['with'][:45]:45} | {sure:.2f}")
    if asked.json:
        print(json.dumps(figures))
        return
    groups = [name[4:] for name in figures if name.startswith("wer_") and f"clips_{name[4:]}" in figures]
    print(f"{'':20}{'clips':>7}{'alone':>9}{'phrases':>9}")
    for name in groups:
        alone, phrases = figures[f"wer_{name}"], figures[f"wer_{name}_with_phrases"]
        print(f"{name:20}{figures[f'clips_{name}']:7}{alone:9.1%}{phrases:9.1%}")
    print(f"\n{'':20}{'right':>7}{'asks':>7}{'wrong':>7}{'changes':>9}   with phrases, of clips")
    for name in [name for name in groups if name in ACTED_ON]:
        acts = [figures[f"acts_{name}_{act}_with_phrases"] for act in ("right", "asks", "wrong", "changes")]
        print(f"{name:20}{acts[0]:7}{acts[1]:7}{acts[2]:7}{acts[3]:9}   {figures[f'clips_{name}']}")
    print()
    for name, value in figures.items():
        if not name.startswith(("clips_", "wer_", "acts_")):
            print(f"{name:32} {value}")


if __name__ == "__main__":
    main()
