"""Is a short sound one of a few phrases? Three searches explain it: acknowledgements, other phrases, any sounds at all.

A recogniser waits for whole words and takes what it knows for what it hears. Here every beginning of a word counts as
the word, so that "righ…" can be told from "sto…" a third of a second after it began, and the search for any sounds says
how well a phrase should have explained them. The scores of PocketSphinx are log likelihoods relative to the best sound
unit of each frame; with all units scored, three searches count from the same zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

RATE_HZ = 16_000
_FIRST_MEAN = "40,3,-1,0,0,0,0,0,0,0,0,0,0"
_SOUNDS = tuple(
    sound
    for row in (
        "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW",
        "B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH",
    )
    for sound in row.split()
)
_MORE_SOUNDS = 0.1
"""Probability of each further sound in the search for any: a path of many sounds explains everything."""
_SPELLINGS = {
    "mm-hm": ("M HH M", "AH M HH AH M"),
    "mm": ("M",),
    "hm": ("HH M",),
    "uh-huh": ("AH HH AH",),
    "okay": ("OW K EY", "K EY"),
}
"""Sounds that no dictionary has."""
_LONGEST_S = 1.9
_FRAME_S = 0.01


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a search explains the sound: log likelihood, the mean of all frames; and by which phrase."""

    phrase: str
    per_frame: float


@dataclass(frozen=True, slots=True)
class SpotRules:
    """Margins between the searches, in the units of `Fit`.

    An acknowledgement must fit better than every other phrase by `apart`, and worse than any sounds by at most
    `beneath`; for another phrase it is `other_apart` and `other_beneath`. `scale` turns what a margin exceeds its bound
    by into a confidence.
    """

    apart: float = 0.0
    beneath: float = 2.5
    other_apart: float = 0.6
    other_beneath: float = 1.5
    scale: float = 1.5


class PhraseSpotter:
    """One short sound at a time, PCM16 at 16 kHz. Blocks its thread and holds the interpreter's lock."""

    def __init__(
        self, acknowledgements: Iterable[str], others: Iterable[str], *, rules: SpotRules | None = None
    ) -> None:
        from pocketsphinx import Decoder

        self.rules = rules or SpotRules()
        dictionary = Decoder(loglevel="FATAL", samprate=RATE_HZ, lm=None)
        self._decoder: Any = Decoder(
            loglevel="FATAL", samprate=RATE_HZ, compallsen=True, ds=2, lm=None, dict=None, bestpath=False
        )
        self._phrases: dict[str, str] = {}
        self._taught: set[str] = set()
        self._search("acknowledgements", acknowledgements, dictionary, early=False)
        self._search("others", others, dictionary, early=True)
        self._any_sounds()

    def find(self, pcm: bytes) -> tuple[str, float]:
        """The phrase and the confidence in it; "" when it is none of them."""
        pcm = pcm[: int(_LONGEST_S * RATE_HZ) * 2]
        return self.weigh(*(self.fit(name, pcm) for name in ("acknowledgements", "others", "any")))

    def weigh(self, agrees: Fit, other: Fit, sounds: Fit) -> tuple[str, float]:
        """Which of the three explanations holds."""
        rules = self.rules
        apart = agrees.per_frame - other.per_frame
        if apart > 0:
            margin = min(apart - rules.apart, agrees.per_frame - sounds.per_frame + rules.beneath)
            phrase = agrees.phrase
        else:
            margin = min(-apart - rules.other_apart, other.per_frame - sounds.per_frame + rules.other_beneath)
            phrase = other.phrase
        confidence = 1 / (1 + math.exp(-rules.scale * margin))
        return (phrase, confidence) if confidence >= 0.5 else ("", 1 - confidence)

    def fit(self, search: str, pcm: bytes) -> Fit:
        """What one search makes of the sound."""
        decoder = self._decoder
        decoder.activate_search(search)
        decoder.set_cmn(_FIRST_MEAN)
        decoder.start_utt()
        decoder.process_raw(pcm)
        decoder.end_utt()
        best = decoder.hyp()
        if best is None:
            return Fit("", -100.0)
        found = list(decoder.seg())
        frames = max(len(pcm) / 2 / RATE_HZ / _FRAME_S, 1)
        score = sum(math.log(part.ascore) if part.ascore > 0 else -100.0 for part in found)
        words = [self._phrases[part.word] for part in found if part.word in self._phrases]
        return Fit(" ".join(words), score * 1000 / frames)

    def _search(self, name: str, phrases: Iterable[str], dictionary: Any, *, early: bool) -> None:
        """`early`: a phrase may break off in any of its words, not only in the last one."""
        arcs: dict[tuple[int, int, float, str], None] = {}
        states = 2
        for phrase in sorted(phrases):
            words = [(word, _sounds_of(word, dictionary)) for word in phrase.split()]
            if not words or not all(spellings for _, spellings in words):
                continue
            at = 0
            for place, (word, spellings) in enumerate(words, start=1):
                last = place == len(words)
                to = 1 if last else states
                states += not last
                for arc in self._arcs(word, spellings, at, to, whole=not (last or early)):
                    arcs[arc] = None
                at = to
        decoder = self._decoder
        silent: list[tuple[int, int, float]] = [(0, 1, 1.0)]
        decoder.add_fsg(name, decoder.create_fsg(name, 0, 1, list(arcs) or silent))

    def _arcs(
        self, word: str, spellings: Sequence[Sequence[str]], at: int, to: int, *, whole: bool
    ) -> Iterator[tuple[int, int, float, str]]:
        """The whole word leads on; a beginning of it, of two sounds at least, ends everything."""
        for number, sounds in enumerate(spellings):
            for length in range(len(sounds) if whole else min(2, len(sounds)), len(sounds) + 1):
                name = f"{word}.{number}.{length}"
                self._teach(name, sounds[:length])
                self._phrases[name] = word
                yield (at, to if length == len(sounds) else 1, 1.0, name)

    def _any_sounds(self) -> None:
        for sound in _SOUNDS:
            self._teach(f"any.{sound}", (sound,))
        arcs: list[tuple[Any, ...]] = [(0, 1, 1.0, f"any.{sound}") for sound in _SOUNDS]
        decoder = self._decoder
        decoder.add_fsg("any", decoder.create_fsg("any", 0, 1, [*arcs, (1, 0, _MORE_SOUNDS)]))

    def _teach(self, word: str, sounds: Sequence[str]) -> None:
        if word not in self._taught:
            self._taught.add(word)
            self._decoder.add_word(word, " ".join(sounds), False)


def _sounds_of(word: str, dictionary: Any) -> list[list[str]]:
    """Every way to say a word, as its sounds; none when nobody knows."""
    if word in _SPELLINGS:
        return [spelling.split() for spelling in _SPELLINGS[word]]
    ways: list[list[str]] = []
    for spelling in (word, *(f"{word}({number})" for number in range(2, 6))):
        sounds = dictionary.lookup_word(spelling)
        if sounds is None:
            break
        if sounds.split() not in ways:
            ways.append(sounds.split())
    return ways
