"""PocketSphinx as a pair of searches over one utterance: a language model, and a grammar where phrases are expected.

A grammar is far better at the phrases it knows and cannot say no: anything is forced into one of them. The language
model's search, which runs anyway, is the measure: its best path may explain the sound with any words, so a path
through the grammar that explains it worse, or leaves half of it to silence, was forced.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from voice.engines.speech.phrase_graph import phrase_graph

RATE_HZ = 16_000
_GRAMMARS_KEPT = 8
_FIRST_MEAN = "40,3,-1,0,0,0,0,0,0,0,0,0,0"
# Scores are relative to the best sound unit of each frame. Only when all units are scored, rather than those that a
# search happens to look at, do two searches count from the same zero.
_COMMON = {"loglevel": "FATAL", "samprate": RATE_HZ, "compallsen": True}
_NOT_WORDS = ("<", "[", "+")
_FRAME_MS = 10


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What a search heard: `fit` is the log likelihood of the sound along its path, frames are 10 ms of words."""

    text: str = ""
    fit: float = -math.inf
    frames: int = 0
    longest_frames: int = 0


@dataclass(frozen=True, slots=True)
class Heard:
    """The words chosen; `confidence` 0..1 is only known for a phrase of the grammar."""

    text: str
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class PhraseRules:
    """When a phrase of the grammar is believed. Measured on real voices, near and far.

    `least_advantage` is in thousandths of PocketSphinx's scaled log likelihood for a frame of speech: near a
    microphone what was expected scored -1.5 to 0, what was not -2.3 to -6.8. Across a room the two overlap.
    A long sentence forced into a phrase leaves words to silence, a short sound draws one word out: hence the others.
    """

    least_advantage: float = -1.9
    least_coverage: float = 0.45
    longest_word_ms: int = 1400

    def choose(self, free: Hypothesis, expected: Hypothesis | None) -> Heard:
        """The expected phrase when it is believed, else the free words."""
        if expected is None or not expected.text:
            return Heard(free.text)
        if not free.text:
            return Heard(expected.text, 0.5)
        advantage = (expected.fit - free.fit) / max(free.frames, expected.frames, 1) * 1000
        believed = (
            advantage >= self.least_advantage
            and expected.frames >= self.least_coverage * free.frames
            and expected.longest_frames * _FRAME_MS <= self.longest_word_ms
        )
        if not believed:
            return Heard(free.text)
        return Heard(expected.text, 1 / (1 + math.exp(-2 * (advantage - self.least_advantage))))


class PhraseDecoder:
    """One utterance at a time, PCM16 at 16 kHz. Blocks its thread and holds the interpreter's lock.

    `thorough` adds the library's second and third pass at the end of an utterance: up to a second or two for
    a few words less wrong.
    """

    def __init__(self, *, thorough: bool = False, rules: PhraseRules | None = None) -> None:
        from pocketsphinx import Decoder

        self._make = Decoder
        self._rules = rules or PhraseRules()
        self._names = map("phrases{}".format, count())
        passes = {} if thorough else {"fwdflat": False, "bestpath": False}
        self._free: Any = Decoder(**_COMMON, **passes)
        self._grammar: Any = None
        self._grammars: OrderedDict[tuple[str, ...], str] = OrderedDict()
        self._expecting = False
        self._under_way: list[Any] = []

    def start(self, phrases: Sequence[str] = ()) -> None:
        """Begin an utterance; one that was not ended is forgotten."""
        self._finish_searches()
        name = self._prepare(tuple(phrases)) if phrases else ""
        self._expecting = bool(name)
        self._begin(self._free)
        if name:
            self._grammar.activate_search(name)
            self._begin(self._grammar)

    def feed(self, pcm: bytes) -> None:
        """Samples of the utterance, whole ones."""
        self._free.process_raw(pcm)
        if self._expecting:
            self._grammar.process_raw(pcm)

    def heard(self) -> Heard:
        """The words so far."""
        return self._rules.choose(_hypothesis(self._free), _hypothesis(self._grammar) if self._expecting else None)

    def end(self) -> Heard:
        """The utterance is over: its words."""
        self._finish_searches()
        return self.heard()

    def _begin(self, decoder: Any) -> None:
        # The running mean of the speaker before, in another room, would spoil the first second of this one.
        decoder.set_cmn(_FIRST_MEAN)
        decoder.start_utt()
        self._under_way.append(decoder)

    def _finish_searches(self) -> None:
        while self._under_way:
            self._under_way.pop().end_utt()

    def _prepare(self, phrases: tuple[str, ...]) -> str:
        """Name of the grammar of these phrases, compiled unless it is among the last few; "" when it would be empty."""
        if phrases in self._grammars:
            self._grammars.move_to_end(phrases)
            return self._grammars[phrases]
        if self._grammar is None:
            self._grammar = self._grammar_decoder()
        if len(self._grammars) >= _GRAMMARS_KEPT:
            _, oldest = self._grammars.popitem(last=False)
            if oldest:
                self._grammar.remove_search(oldest)
        graph = phrase_graph(phrases, self._knows)
        name = next(self._names) if graph else ""
        if graph:
            fsg = self._grammar.create_fsg(name, graph.start, graph.final, graph.arcs)
            self._grammar.add_fsg(name, fsg)
        self._grammars[phrases] = name
        return name

    def _knows(self, word: str) -> bool:
        return self._grammar.lookup_word(word) is not None

    def _grammar_decoder(self) -> Any:
        # A small search can afford a wide beam: in the usual one, speech from across a room finds no way to the end.
        beams = {"beam": 1e-80, "wbeam": 1e-60, "pbeam": 1e-80}
        return self._make(**_COMMON, lm=None, bestpath=False, **beams)


def _hypothesis(decoder: Any) -> Hypothesis:
    best = decoder.hyp()
    if best is None:
        return Hypothesis()
    fit, frames, longest = 0.0, 0, 0
    for segment in decoder.seg():
        fit += math.log(segment.ascore) if segment.ascore > 0 else -100.0
        if not segment.word.startswith(_NOT_WORDS):
            length = segment.end_frame - segment.start_frame + 1
            frames += length
            longest = max(longest, length)
    return Hypothesis(best.hypstr, fit, frames, longest)
