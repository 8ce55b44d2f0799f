"""When is a turn over? How long a silence must last, given the words heard so far.

`server_vad` waits a fixed time. `semantic_vad` adapts: little after words that are complete in themselves, an answer or
a wish that is known as a whole, long after words that cannot end a sentence ("set a timer for the …") or in the middle
of a number that is being dictated.
No acoustic rule is safe alone here: most pauses in mid-sentence follow an article, a preposition or a conjunction,
and the recogniser has heard that word. Numbers are per language; for languages without a list the normal wait holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from voice.protocol.settings import SemanticVad, ServerVad

Eagerness = Literal["low", "medium", "high", "auto"]
IsWhole = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class SilenceRules:
    """How long a silence ends a turn, in ms.

    `released` is how far below the threshold a window stops counting as voice, `onset_ms` how long there must be voice
    before it counts, `unsure_ms` how much longer than a silence something that may be voice is waited for.
    """

    short_ms: int = 400
    normal_ms: int = 600
    unfinished_ms: int = 1200
    released: float = 0.15
    onset_ms: int = 96
    longest_turn_ms: int = 60_000
    unsure_ms: int = 1500


RULES = SilenceRules()

# Factor on the waits, and the longest wait: how patient a person expects each eagerness to be.
_EAGERNESS: dict[Eagerness, tuple[float, int]] = {
    "low": (2.0, 8000),
    "medium": (1.0, 4000),
    "auto": (1.0, 4000),
    "high": (0.7, 2000),
}


@dataclass(frozen=True, slots=True)
class TurnPolicy:
    """The decisions about one kind of turn detection.

    `threshold` is the probability from which a window is voice, `prefix_ms` how much sound before the onset belongs to
    the turn, `fixed_wait_ms` the silence of `server_vad` (None: by the words), `longest_wait_ms` the hard cap: so long
    after the last window that surely was voice the turn ends, whatever noise keeps the silence from being one.
    `is_whole` tells of words whether they are a wish with nothing missing.
    """

    threshold: float = 0.5
    prefix_ms: int = 300
    fixed_wait_ms: int | None = None
    scale: float = 1.0
    longest_wait_ms: int = 4000
    rules: SilenceRules = RULES

    @property
    def release(self) -> float:
        """Below this probability a window is silence."""
        return max(self.threshold - self.rules.released, 0.01)

    is_whole: IsWhole | None = None

    def wait_ms(self, words: str) -> float:
        """The silence that ends a turn in which `words` were heard so far."""
        if self.fixed_wait_ms is not None:
            return self.fixed_wait_ms
        return min(silence_for(words, self.rules, self.is_whole) * self.scale, self.longest_wait_ms)


MANUAL = TurnPolicy()
"""Without turn detection nothing ends a turn; the onset only tells when to start recognising."""


def policy_for(detection: ServerVad | SemanticVad | None, is_whole: IsWhole | None = None) -> TurnPolicy:
    """The policy that a session's `turn_detection` asks for."""
    if isinstance(detection, SemanticVad):
        scale, longest_ms = _EAGERNESS[detection.eagerness or "auto"]
        return TurnPolicy(scale=scale, longest_wait_ms=longest_ms, is_whole=is_whole)
    if isinstance(detection, ServerVad):
        wait_ms = 500 if detection.silence_duration_ms is None else detection.silence_duration_ms
        return TurnPolicy(
            threshold=0.5 if detection.threshold is None else detection.threshold,
            prefix_ms=300 if detection.prefix_padding_ms is None else detection.prefix_padding_ms,
            fixed_wait_ms=wait_ms,
            longest_wait_ms=wait_ms + RULES.unsure_ms,
        )
    return MANUAL


def silence_for(words: str, rules: SilenceRules = RULES, is_whole: IsWhole | None = None) -> int:
    """The silence in ms after which a person who said `words` has surely finished."""
    spoken = words.lower().replace("?", " ").replace(".", " ").replace(",", " ").split()
    if not spoken:
        return rules.normal_ms
    if spoken[-1] in _CANNOT_END or _breaks_off_a_number(spoken):
        return rules.unfinished_ms
    said = " ".join(spoken)
    if said in _COMPLETE or (is_whole is not None and is_whole(said)):
        return rules.short_ms
    return rules.normal_ms


def _breaks_off_a_number(spoken: list[str]) -> bool:
    """Three or more digits in a row, and not as many as telephone numbers, postcodes, years or cards have."""
    digits = 0
    for word in reversed(spoken):
        if word.isdecimal():
            digits += len(word)
        elif word in _DIGITS:
            digits += 1
        elif word not in ("double", "triple"):
            break
    return digits >= 3 and digits not in _WHOLE_NUMBERS


_WHOLE_NUMBERS = frozenset({4, 5, 7, 10, 11, 16})
_DIGIT_WORDS = "zero oh one two three four five six seven eight nine"
_ANSWERS = """
yes, yeah, yep, yup, no, nope, okay, ok, sure, right, correct, wrong, exactly, never, never mind, done, thanks,
thank you, yes please, no thanks, no thank you, please, that's it, that's all, stop, stop it, cancel, pause, continue,
go on, go ahead, quiet, be quiet, help, repeat, again, say that again, hello, hi, good morning, good night, goodbye,
bye, what time is it
"""
_CANNOT_END_WORDS = """
a an the my your our their every each some any very more most
to of for from with without at by into onto about between than as per via on
and or but because so if when while until unless which who whose where
is are was were be been would should could might must shall let's
i we they he she what's it's i'm i'd i'll we're they're there's
uh um er erm hmm like plus minus times divided equals set remind
"""
_DIGITS = frozenset(_DIGIT_WORDS.split())
_COMPLETE = frozenset(" ".join(answer.split()) for answer in _ANSWERS.split(","))
_CANNOT_END = frozenset(_CANNOT_END_WORDS.split())
