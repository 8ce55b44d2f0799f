"""When is a turn over? How long a silence must last, given the words heard so far.

`server_vad` waits a fixed time. `semantic_vad` adapts: little after words that are complete in themselves, an answer or
a wish that is known as a whole, long after words that cannot end a sentence ("set a timer for the …") or in the middle
of a number that is being dictated.
No acoustic rule is safe alone here: most pauses in mid-sentence follow a word that cannot end one, and the recogniser
has heard that word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from voice.engines.endings import IsWhole, ending_of
from voice.protocol.settings import SemanticVad, ServerVad

Eagerness = Literal["low", "medium", "high", "auto"]


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
    waits = {"finished": rules.short_ms, "open": rules.normal_ms, "unfinished": rules.unfinished_ms}
    return waits[ending_of(words, is_whole)]
