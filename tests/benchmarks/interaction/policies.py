"""Ways to deal with a person who makes a sound while the assistant speaks, side by side in the same run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf

from voice.engines.interruption import InterruptionModel, shipped
from voice.protocol.settings import SemanticVad, ServerVad
from voice.runtime.phrases import phrase_lists
from voice.session.belief import BeliefRules
from voice.session.rules import FloorRules, TurnRules

PATIENT_MS, SPECULATE_MS = 1_350.0, 350.0


@dataclass(frozen=True, slots=True)
class Policy:
    """`floor` None: the engine's first sign of speech stops the assistant. `detection` ends the person's turns.

    With `always` our ear listens while the assistant is silent, too: only then are the opening words of a scene heard.
    `turns` says who ends the person's turns, and when: the engine by `detection`, or our ear.
    `model` says what each moment is; None: the rules judge by duration and loudness.
    With `words` the embedded recogniser listens beside our ear: the engine tells what was said when a turn is over, and
    the words so far lengthen or shorten the wait for its end.
    """

    name: str
    floor: FloorRules | None
    detection: ServerVad | SemanticVad
    always: bool = False
    turns: TurnRules = field(default_factory=TurnRules)
    model: InterruptionModel | None = None
    words: bool = False

    @property
    def has_ear(self) -> bool:
        return self.floor is not None


def ours() -> Policy:
    """Two stages over an ear of our own, which takes the turns, too: patiently, because the reply is asked for before
    the wait is over and only held back."""
    model = shipped()
    rules = FloorRules(phrases=phrase_lists("en"), names_moments=model is not None)
    turns = TurnRules(mode="local", silence_ms=PATIENT_MS, speculate_ms=SPECULATE_MS)
    return Policy("ours", rules, SemanticVad(), always=True, turns=turns, model=model)


def recognising() -> Policy:
    """Ours as it is with the embedded engine, whose recogniser is heard, too."""
    return replace(ours(), name="recognising", words=True)


def listen() -> Policy:
    """Never yields, so that every event is heard to its end: for looking at features, not for scoring."""
    never = FloorRules(
        yield_ms=inf,
        soft_yield_ms=inf,
        wary_yield_ms=inf,
        deaf_ms=1e9,
        belief=BeliefRules(sure=2.0, likely=2.0, after=2.0, wary=2.0),
    )
    return Policy("listen", never, SemanticVad(), always=True, model=shipped())


def at_once() -> Policy:
    """What peers do: a server's VAD with its usual numbers (0.5, 500 ms) stops and ends turns."""
    return Policy("at_once", None, ServerVad())


SCORED = ("ours", "recognising", "at_once")
POLICIES = {"ours": ours, "recognising": recognising, "at_once": at_once, "listen": listen}
