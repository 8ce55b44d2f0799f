"""Many seeded conversations, each with its faults and its verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from random import Random

from tests.faults import chaos, talk
from tests.faults.judge import Verdict, judge
from tests.faults.world import World
from voice.testkit.faults import Fault

TALKS = 20
LINES = 5
LIMIT_S = 240.0


@dataclass
class Disturbed:
    """One conversation with faults: what they were, what became of it."""

    seed: int
    kinds: list[str]
    world: World
    verdict: Verdict


@dataclass
class Tally:
    """All of them together."""

    conversations: int = 0
    fired: int = 0
    lost_user_turns: int = 0
    duplicate_effects: int = 0
    deaf_sessions: int = 0
    contexts_that_differ: int = 0
    complaints: int = 0
    told: int = 0
    answered_twice: int = 0
    twice_though_told: int = 0
    recoveries_ms: list[float] = field(default_factory=list)
    ours_ms: list[float] = field(default_factory=list)
    by_kind: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def add(self, one: Disturbed) -> None:
        verdict = one.verdict
        self.conversations += 1
        self.fired += len(one.world.injector.fired)
        self.lost_user_turns += len(verdict.lost_turns)
        self.duplicate_effects += len(verdict.duplicate_effects)
        self.deaf_sessions += verdict.deaf
        self.contexts_that_differ += bool(verdict.context)
        self.complaints += len(verdict.complaints)
        self.told += verdict.told
        self.answered_twice += len(verdict.answered_twice)
        self.twice_though_told += len(verdict.twice_though_told)
        if not verdict.told:
            self.recoveries_ms.append(verdict.recovery_ms)
            self.ours_ms.append(verdict.recovery_ms - verdict.fault_ms)
        if verdict.problems:
            self.by_kind.update(one.kinds)
            self.problems.append(f"seed {one.seed} {'+'.join(one.kinds)}: {'; '.join(verdict.problems)}")

    def recovery_ms(self, share: float) -> float:
        """The time to recover that this share of conversations stays within."""
        return _share(self.recoveries_ms, share)

    def beyond_fault_ms(self, share: float) -> float:
        """The same without the fault's own length."""
        return _share(self.ours_ms, share)


def _share(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


@cache
def undisturbed(number: int) -> World:
    """A talk in which nothing goes wrong."""
    return World(talk.lines(Random(number), LINES), talk.mind(), seed=number).run()


def disturbed(seed: int, kinds: Sequence[str] | None = None) -> Disturbed:
    """The talk of this seed with faults of this seed: of these kinds, or of any."""
    random = Random(10_000 + seed)
    if kinds is None:
        return suffered(seed, *chaos.faults(random))
    return suffered(seed, list(kinds), [fault for kind in kinds for fault in chaos.of_kind(kind, random)])


def suffered(seed: int, names: list[str], faults: Sequence[Fault]) -> Disturbed:
    """The talk of this seed with these faults."""
    number = seed % TALKS
    world = World(talk.lines(Random(number), LINES), talk.mind(), faults=faults, seed=seed, limit_s=LIMIT_S).run()
    return Disturbed(seed, names, world, judge(world, undisturbed(number)))


def tally(seeds: Iterable[int], among: Sequence[str] = chaos.KINDS) -> Tally:
    """Count a range of conversations, with one to three of these kinds of trouble each."""
    total = Tally()
    for seed in seeds:
        total.add(suffered(seed, *chaos.faults(Random(10_000 + seed), among)))
    return total
