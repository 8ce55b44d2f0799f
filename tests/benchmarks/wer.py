"""How many words the embedded recogniser gets wrong, alone and with phrases to expect.

    python -m tests.benchmarks.wer [--folder FOLDER] [--json]

`FOLDER` holds WAV files and a `manifest.jsonl` or `manifest.toml` with `file`, `text` and `kind`; by default the
repository's own `audio_fixtures`. The error rate is the usual one: substitutions, deletions and insertions per word
spoken, over all files of a kind.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from voice.audio.convert import convert_whole
from voice.audio.frames import PCM_16K, AudioFormat
from voice.audio.wav import read_wav
from voice.engines.brain.intents import recogniser_phrases
from voice.engines.speech.numbers import cardinal
from voice.engines.speech.phrase_graph import PhraseGraph, phrase_graph
from voice.engines.speech.pocketsphinx import PocketsphinxRecogniser

FIXTURES = Path(__file__).resolve().parents[2] / "audio_fixtures"
KINDS = ("command", "command_far", "paused", "read", "digits", "line", "interruption_word")
_PIECE_BYTES = 640
_LONGEST_S = 15


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording at 16 kHz and what is said in it."""

    name: str
    kind: str
    words: tuple[str, ...]
    pcm: bytes

    @property
    def seconds(self) -> float:
        return len(self.pcm) / PCM_16K.bytes_per_second


@dataclass(frozen=True, slots=True)
class Heard:
    """What became of a clip. `confidence` is only there when a phrase was believed."""

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
                found.append(Clip(row["file"], kind, words, pcm))
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


def run(folder: Path | None = None, phrases: Sequence[str] | None = None) -> dict[str, Any]:
    """Error rates without and with the phrases, by kind and by whether what was said is among them."""
    some = clips(folder)
    phrases = recogniser_phrases() if phrases is None else phrases
    graph = phrase_graph(phrases, lambda word: True)
    free, free_cpu = asyncio.run(hear(some, ()))
    expecting, expecting_cpu = asyncio.run(hear(some, phrases))
    groups: dict[str, list[int]] = defaultdict(list)
    for index, clip in enumerate(some):
        groups[clip.kind].append(index)
        groups["expected" if _is_expected(graph, clip.words) else "unexpected"].append(index)
    figures: dict[str, Any] = {"clips": len(some), "phrases": len(phrases)}
    for name, members in groups.items():
        figures[f"clips_{name}"] = len(members)
        figures[f"wer_{name}"] = _rate(free[index] for index in members)
        figures[f"wer_{name}_with_phrases"] = _rate(expecting[index] for index in members)
    unexpected = groups.get("unexpected", [])
    figures["false_phrases"] = sum(expecting[index].confidence is not None for index in unexpected)
    near = [index for index in unexpected if some[index].kind != "command_far"]
    figures["false_phrases_near"] = sum(expecting[index].confidence is not None for index in near)
    figures["clips_unexpected_near"] = len(near)
    figures["cpu_s_per_s"], figures["cpu_s_per_s_with_phrases"] = round(free_cpu, 3), round(expecting_cpu, 3)
    for name, all_heard in (("", free), ("_with_phrases", expecting)):
        times = sorted(one.finish_ms for one in all_heard)
        figures[f"finish_p50_ms{name}"] = round(times[len(times) // 2], 1)
        figures[f"finish_p95_ms{name}"] = round(times[int(len(times) * 0.95)], 1)
    figures["wer"], figures["wer_alone"] = _rate(expecting), _rate(free)
    figures["heard"] = [
        {"said": " ".join(one.clip.words), "free": " ".join(other.words), "with": " ".join(one.words)}
        for one, other in zip(expecting, free, strict=True)
    ]
    return figures


def _rate(heard: Iterable[Heard]) -> float:
    errors = words = 0
    for one in heard:
        errors += word_errors(one.clip.words, one.words)
        words += len(one.clip.words)
    return round(errors / max(words, 1), 3)


def _is_expected(graph: PhraseGraph | None, words: Sequence[str]) -> bool:
    if graph is None:
        return False
    states = {graph.start}
    for word in words:
        states = {arc[1] for arc in graph.arcs if arc[0] in states and len(arc) == 4 and arc[3] == word}
    return any(arc[0] in states and arc[1] == graph.final for arc in graph.arcs)


def main() -> None:
    """The table for people, or with --json the figures as the last line."""
    parser = argparse.ArgumentParser(description="Word error rate of the embedded recogniser.")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--all", action="store_true", help="also print what was heard in every clip")
    asked = parser.parse_args()
    figures = run(asked.folder)
    heard = figures.pop("heard")
    if asked.all:
        for one in heard:
            print(f"{one['said'][:45]:45} | {one['free'][:45]:45} | {one['with'][:45]}")
    if asked.json:
        print(json.dumps(figures))
        return
    groups = [name[4:] for name in figures if name.startswith("wer_") and f"clips_{name[4:]}" in figures]
    print(f"{'':20}{'clips':>7}{'alone':>9}{'phrases':>9}")
    for name in groups:
        alone, phrases = figures[f"wer_{name}"], figures[f"wer_{name}_with_phrases"]
        print(f"{name:20}{figures[f'clips_{name}']:7}{alone:9.1%}{phrases:9.1%}")
    for name, value in figures.items():
        if not name.startswith(("clips_", "wer_")):
            print(f"{name:32} {value}")


if __name__ == "__main__":
    main()
