"""PocketSphinx as a pair of searches over one utterance: a language model, and a grammar where phrases are expected."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from itertools import count
from typing import Any

from voice.engines.speech.belief import Heard, Hypothesis, Segment, choose
from voice.engines.speech.phrase_graph import phrase_graph

RATE_HZ = 16_000
_GRAMMARS_KEPT = 8
_FIRST_MEAN = "40,3,-1,0,0,0,0,0,0,0,0,0,0"
# Scores are relative to the best sound unit of each frame. Only when all units are scored, rather than those that a
# search happens to look at, do two searches count from the same zero.
_COMMON = {"loglevel": "FATAL", "samprate": RATE_HZ, "compallsen": True}
# Without a bound the search widens where the sound is unclear, across a room, to five times real time, and falls
# behind the speaker by a second; with this one it costs half of the time, never falls behind and hears the same.
_MOST_ALTERNATIVES = 3000


class PhraseDecoder:
    """One utterance at a time, PCM16 at 16 kHz. Blocks its thread and holds the interpreter's lock.

    `thorough` adds the library's second and third pass at the end of an utterance: up to a second or two for
    a few words less wrong.
    """

    def __init__(self, *, thorough: bool = False) -> None:
        from pocketsphinx import Decoder

        self._make = Decoder
        self._names = map("phrases{}".format, count())
        passes = {} if thorough else {"fwdflat": False, "bestpath": False}
        self._free: Any = Decoder(**_COMMON, **passes, maxhmmpf=_MOST_ALTERNATIVES)
        self._grammar: Any = None
        self._taught: set[str] = set()
        self._grammars: OrderedDict[tuple[str, ...], str] = OrderedDict()
        self._expecting = False
        self._under_way: list[Any] = []

    def prepare(self, phrases: Sequence[str]) -> None:
        """Compile the grammar of these phrases now, so that no utterance waits for it."""
        self._finish_searches()
        self._prepare(tuple(phrases))

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
        return choose(_hypothesis(self._free), _hypothesis(self._grammar) if self._expecting else None)

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
            self._teach({arc[3] for arc in graph.arcs if len(arc) == 4})
            fsg = self._grammar.create_fsg(name, graph.start, graph.final, graph.arcs)
            self._grammar.add_fsg(name, fsg)
        self._grammars[phrases] = name
        return name

    def _knows(self, word: str) -> bool:
        return self._free.lookup_word(word) is not None

    def _teach(self, words: set[str]) -> None:
        """Give the grammar's search the sounds of its words. It has no dictionary of its own: that takes a third of a
        worker's start to load."""
        for word in sorted(words - self._taught):
            self._taught.add(word)
            for spelling in (word, *(f"{word}({number})" for number in range(2, 10))):
                if (sounds := self._free.lookup_word(spelling)) is None:
                    break
                self._grammar.add_word(spelling, sounds, False)

    def _grammar_decoder(self) -> Any:
        # A small search can afford a wide beam: in the usual one, speech from across a room finds no way to the end.
        beams = {"beam": 1e-80, "wbeam": 1e-60, "pbeam": 1e-80}
        return self._make(**_COMMON, lm=None, dict=None, bestpath=False, **beams)


def _hypothesis(decoder: Any) -> Hypothesis:
    best = decoder.hyp()
    if best is None:
        return Hypothesis()
    return Hypothesis(best.hypstr, tuple(map(_segment, decoder.seg())))


def _segment(found: Any) -> Segment:
    frames = max(found.end_frame - found.start_frame + 1, 1)
    fit = math.log(found.ascore) if found.ascore > 0 else -100.0
    return Segment(found.word, found.start_frame, found.end_frame, fit / frames * 1000)
