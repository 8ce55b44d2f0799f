"""What a recogniser misheard, set right against the templates.

Only what no template matched comes here. First numbers and unknown words are replaced by what they sound like; then
the utterance is aligned with the templates written out, word by word, and taken for the nearest one if that is near
enough. The result goes through the grammar again, so slots are read in one place only.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from voice.engines.brain.expansion import SLOT, Words, skeletons
from voice.engines.brain.grammar import Grammar, Match
from voice.engines.brain.lexicon import read_yaml
from voice.engines.brain.sounds import likeness, sound_key, within_one
from voice.engines.brain.utterance import DURATION_MARKS, MARKS, Utterance, Word, with_durations

NEAR_ENOUGH = 0.3
ALIKE = 0.62
SURELY_ALIKE = 0.75
SHORT_SURELY_ALIKE = 0.85
CANDIDATES = 10
# Where one word is all that a pattern has to say, it must be heard well.
ONE_WORD_NEAR_ENOUGH = 0.15
PER_TEMPLATE = 24
LONGEST_WORDS = 18
LIGHT_WEIGHT, WILD_WEIGHT, WILD_WORD = 0.3, 0.2, 0.01
STRAY_WORD, STRAY_LIGHT, STRAY_MARK = 0.7, 0.2, 1.5
WILDCARDS = {"{note}", "{query}", "{name}", "{place}", "{word}", "{thing}", "{expression}"}
FAR = math.inf


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A sentence to align with. `content` is the weight of the words that must be heard in some form."""

    words: Words
    weight: float
    content: int

    @property
    def limit(self) -> float:
        """How far an utterance may be from this, as a share of its weight."""
        return ONE_WORD_NEAR_ENOUGH if self.content == 1 else NEAR_ENOUGH


class Repair:
    """The templates of a grammar, ready for alignment. Making one takes some ten milliseconds."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._light = grammar.lexicon.light
        self._numbers_by_ear = grammar.lexicon.numbers.sounds_like
        self._patterns: list[_Pattern] = []
        self._with_word: dict[str, list[int]] = defaultdict(list)
        self._units = _unit_words(grammar)
        for words in dict.fromkeys(skeleton.words for skeleton in skeletons(grammar, per_template=PER_TEMPLATE)):
            content = [word for word in set(words) if self._weight(word) == 1.0]
            if all(SLOT.fullmatch(word) for word in words) or not content:
                continue
            for word in content:
                self._with_word[word].append(len(self._patterns))
            self._patterns.append(_Pattern(words, sum(self._weight(word) for word in words), len(content)))
        self._vocabulary = {word for pattern in self._patterns for word in pattern.words if not SLOT.fullmatch(word)}
        self._vocabulary |= {*grammar.lexicon.numbers.durations, *self._units}
        self._by_sound: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for word in sorted(self._vocabulary):
            key = sound_key(word)
            self._by_sound[key[:1]].append((word, key))

    def match(self, utterance: Utterance) -> Match | None:
        """What was probably meant; None when nothing is near enough."""
        for changed in self._respelled(utterance):
            if found := self._grammar.match(changed):
                return found
            utterance = changed
        if not 2 <= len(utterance.words) <= LONGEST_WORDS:
            return None
        marked = with_durations(utterance, self._grammar.lexicon)
        for candidate in filter(None, (marked, utterance)):
            if (nearest := self._nearest(candidate)) and (found := self._grammar.match(nearest)):
                return found
        return None

    def respelled_match(self, utterance: Utterance) -> Match | None:
        """What a template says once words are replaced by what they sound like."""
        return next((found for changed in self._respelled(utterance) if (found := self._grammar.match(changed))), None)

    def _respelled(self, utterance: Utterance) -> Iterator[Utterance]:
        with_numbers = self._numbers_by_sound(utterance)
        if with_numbers != utterance:
            yield with_numbers
        respelled = Utterance(tuple(self._known(word) for word in self._joined(with_numbers.words)))
        if respelled != with_numbers:
            yield self._numbers_by_sound(respelled)

    def _joined(self, words: Sequence[Word]) -> Iterator[Word]:
        """ "re member": two words that are one."""
        i = 0
        while i < len(words):
            both = words[i].text + words[i + 1].text if i + 1 < len(words) else ""
            if both in self._vocabulary and not (
                words[i].text in self._vocabulary and words[i + 1].text in self._vocabulary
            ):
                yield Word(both, words[i].said + words[i + 1].said)
                i += 1
            else:
                yield words[i]
            i += 1

    def _numbers_by_sound(self, utterance: Utterance) -> Utterance:
        """ "for tan minutes": before a unit of time stands a number; "four five minutes": and one number, not two."""
        lexicon, words = self._grammar.lexicon, list(utterance.words)
        numbers = lexicon.numbers
        free = iter([mark for mark in MARKS if all(word.text != mark for word in words)])
        for i, word in enumerate(words):
            before, after = words[i - 1].text if i else "", words[i + 1] if i + 1 < len(words) else None
            counts = (after is not None and after.text in numbers.durations) or before in numbers.sounds_after
            if word.value is None and counts and word.text in numbers.sounds_like:
                words[i] = Word(next(free, word.text), word.said, Fraction(numbers.sounds_like[word.text]))
            elif word.value is None and word.text in numbers.homophones:
                words[i] = Word(numbers.homophones[word.text], word.said)
            elif word.value is not None and after and after.value is not None and word.said in numbers.homophones:
                words[i] = Word(numbers.homophones[word.said], word.said)
        return Utterance(tuple(words))

    def _known(self, word: Word) -> Word:
        if word.value is not None or word.text in self._vocabulary or word.text in self._numbers_by_ear:
            return word
        best = max(self._alike(word.text), key=lambda known: likeness(word.text, known), default=None)
        # A short word is like too many others.
        enough = SURELY_ALIKE if len(word.text) > 4 else SHORT_SURELY_ALIKE
        if best is None or likeness(word.text, best) < enough:
            return word
        return Word(best, word.said)

    def _alike(self, text: str) -> list[str]:
        """The known words that begin with the same sound and go on much alike."""
        if text in self._light:
            return []
        key = sound_key(text)
        size, key_size = len(text), len(key)
        return [
            known
            for known, known_key in self._by_sound[key[:1]]
            if -2 <= len(known) - size <= 2 and -1 <= len(known_key) - key_size <= 1 and within_one(key, known_key)
        ]

    def _weight(self, word: str) -> float:
        if word in WILDCARDS:
            return WILD_WEIGHT
        return LIGHT_WEIGHT if word in self._light else 1.0

    def _nearest(self, utterance: Utterance) -> Utterance | None:
        best, best_cost = None, FAR
        for pattern in self._candidates(utterance):
            cost, made = _Alignment(utterance.words, pattern.words, self._light).solve()
            relative = cost / pattern.weight
            if made is not None and relative < min(best_cost, pattern.limit):
                best, best_cost = made, relative
        return Utterance(best) if best is not None else None

    def _candidates(self, utterance: Utterance) -> list[_Pattern]:
        """The patterns of whose content enough was heard: a lower bound on the cost leaves out all others."""
        heard: dict[int, dict[str, float]] = defaultdict(dict)
        for i, word in enumerate(utterance.words):
            for known, alike in self._near(utterance, i, word).items():
                for at in self._with_word.get(known, ()):
                    if alike > heard[at].get(known, 0.0):
                        heard[at][known] = alike
        bounds = []
        for at, known_words in heard.items():
            pattern = self._patterns[at]
            missing = pattern.content - sum(known_words.values())
            if missing / pattern.weight < pattern.limit:
                bounds.append(
                    (missing / pattern.weight, -pattern.content, abs(len(pattern.words) - len(utterance.words)), at)
                )
        return [self._patterns[at] for *_, at in sorted(bounds)[:CANDIDATES]]

    def _near(self, utterance: Utterance, i: int, word: Word) -> dict[str, float]:
        """The content words of patterns that this word may be, and how alike they are."""
        if word.text in DURATION_MARKS:
            return {"{duration}": 1.0}
        if word.value is not None:
            return {"{number}": 1.0}
        near = {word.text: 1.0} if word.text in self._vocabulary else {}
        for known in self._alike(word.text):
            if (alike := likeness(word.text, known)) >= ALIKE:
                near[known] = max(alike, near.get(known, 0.0))
        if word.text in self._units:
            near["{unit}"] = 1.0
        if i + 1 < len(utterance.words) and utterance.words[i + 1].value is None:
            joined = word.text + utterance.words[i + 1].text
            for known in self._alike(joined):
                if (alike := likeness(joined, known)) >= SURELY_ALIKE:
                    near[known] = max(alike, near.get(known, 0.0))
        return near


def _unit_words(grammar: Grammar) -> frozenset[str]:
    lines = read_yaml(grammar.lexicon.language, "units.yaml")["units"]
    return frozenset(word for line in lines for said in line for word in said.split())


class _Alignment:
    """The cheapest way to turn heard words into a pattern's, by dynamic programming over prefixes."""

    def __init__(self, heard: Sequence[Word], pattern: Words, light: frozenset[str]) -> None:
        self._heard = heard
        self._pattern = pattern
        self._light = light

    def solve(self) -> tuple[float, tuple[Word, ...] | None]:
        heard, pattern = self._heard, self._pattern
        best: dict[tuple[int, int], tuple[float, tuple[Word, ...]]] = {(0, 0): (0.0, ())}
        for j in range(len(pattern) + 1):
            for i in range(len(heard) + 1):
                here = best.get((i, j))
                if here is None:
                    continue
                for to, cost, made in self._steps(i, j):
                    total = here[0] + cost
                    if total < best.get(to, (FAR, ()))[0]:
                        best[to] = (total, here[1] + made)
        cost, words = best.get((len(heard), len(pattern)), (FAR, None))
        return cost, words

    def _steps(self, i: int, j: int) -> Iterator[tuple[tuple[int, int], float, tuple[Word, ...]]]:
        word = self._heard[i] if i < len(self._heard) else None
        meant = self._pattern[j] if j < len(self._pattern) else None
        if word is not None:
            yield (i + 1, j), self._stray(word), ()
        if meant is None:
            return
        if meant in WILDCARDS:
            if word is not None:
                taken: tuple[Word, ...] = ()
                for end in range(i, len(self._heard)):
                    taken = (*taken, self._heard[end])
                    yield (end + 1, j + 1), WILD_WORD * len(taken), taken
            return
        slot = SLOT.fullmatch(meant)
        if slot is not None:
            yield from self._slot(slot[1], i, j)
            return
        weight = LIGHT_WEIGHT if meant in self._light else 1.0
        yield (i, j + 1), weight, (Word(meant, ""),)
        if word is None or word.value is not None:
            return
        if (alike := likeness(word.text, meant)) >= ALIKE:
            yield (i + 1, j + 1), weight * (1 - alike), (Word(meant, word.said),)
        if i + 1 < len(self._heard) and self._heard[i + 1].value is None:
            both = word.text + self._heard[i + 1].text
            if (alike := likeness(both, meant)) >= SURELY_ALIKE:
                yield (i + 2, j + 1), weight * (1 - alike) + 0.05, (Word(meant, word.said),)

    def _slot(self, name: str, i: int, j: int) -> Iterator[tuple[tuple[int, int], float, tuple[Word, ...]]]:
        if i >= len(self._heard):
            return
        word = self._heard[i]
        marks = {"number": MARKS, "duration": DURATION_MARKS}.get(name)
        if (marks is not None and word.text in marks) or (marks is None and word.value is None):
            yield (i + 1, j + 1), 0.0, (word,)
            if marks is None and i + 1 < len(self._heard) and self._heard[i + 1].value is None:
                yield (i + 2, j + 1), 0.05, (word, self._heard[i + 1])

    def _stray(self, word: Word) -> float:
        if word.value is not None:
            return STRAY_MARK
        return STRAY_LIGHT if word.text in self._light else STRAY_WORD
