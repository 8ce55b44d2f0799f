"""Phrases as one small word graph, the finite-state grammar of a recogniser.

Written out one after the other, phrases that begin alike are searched once each; as a minimal deterministic automaton
they share their beginnings and ends, and the search costs a fifth.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from voice.engines.speech.phrase_syntax import Choice, read_phrase

_MOST_STATES = 20_000

Arc = tuple[int, int, float, str] | tuple[int, int, float]


@dataclass(frozen=True, slots=True)
class PhraseGraph:
    """States are numbers, `final` the only end. An arc is (from, to, probability, word), or without a word."""

    start: int
    final: int
    arcs: tuple[Arc, ...]
    _steps: dict[tuple[int, str], int] = field(init=False, repr=False, compare=False, default_factory=dict)
    _ends: set[int] = field(init=False, repr=False, compare=False, default_factory=set)

    def __post_init__(self) -> None:
        for arc in self.arcs:
            if len(arc) == 4:
                self._steps[arc[0], arc[3]] = arc[1]
            elif arc[1] == self.final:
                self._ends.add(arc[0])

    def holds(self, words: Iterable[str]) -> bool:
        """Whether these words are a whole phrase. A step for each word: the graph is deterministic."""
        state: int | None = self.start
        for word in words:
            if state is None:
                return False
            state = self._steps.get((state, word))
        return state in self._ends


def phrase_graph(phrases: Iterable[str], knows: Callable[[str], bool]) -> PhraseGraph | None:
    """The graph of all phrases that can be expected (see `read_phrase`); None when there is none, or far too many."""
    trees = [tree for phrase in dict.fromkeys(phrases) if (tree := read_phrase(phrase, knows)) is not None]
    if not trees:
        return None
    network = _Network()
    for tree in trees:
        network.add(tree)
    rows = network.deterministic()
    return None if rows is None else _graph(*_minimal(*rows))


class _Network:
    """The phrases with free arcs, from state 0 to state 1."""

    def __init__(self) -> None:
        self._free: dict[int, list[int]] = defaultdict(list)
        self._words: dict[int, list[tuple[str, int]]] = defaultdict(list)
        self._states = 2

    def add(self, tree: Choice, start: int = 0, end: int = 1) -> None:
        for row in tree.rows:
            at = start
            for part in row:
                following = self._state()
                if isinstance(part, str):
                    self._words[at].append((part, following))
                else:
                    self.add(part, at, following)
                at = following
            self._free[at].append(end)

    def deterministic(self) -> tuple[list[dict[str, int]], list[bool]] | None:
        """For each state where its words lead, and for each whether a phrase may end there. None: far too many."""
        first = self._reach({0})
        numbers = {first: 0}
        todo = [first]
        rows: list[dict[str, int]] = []
        for states in todo:
            heads: dict[str, set[int]] = defaultdict(set)
            for state in states:
                for word, target in self._words.get(state, ()):
                    heads[word].add(target)
            row = {}
            for word, targets in heads.items():
                reached = self._reach(targets)
                if reached not in numbers:
                    numbers[reached] = len(numbers)
                    todo.append(reached)
                row[word] = numbers[reached]
            rows.append(row)
            if len(numbers) > _MOST_STATES:
                return None
        return rows, [1 in states for states in todo]

    def _reach(self, states: set[int]) -> frozenset[int]:
        reached, todo = set(states), list(states)
        while todo:
            for state in self._free.get(todo.pop(), ()):
                if state not in reached:
                    reached.add(state)
                    todo.append(state)
        return frozenset(reached)

    def _state(self) -> int:
        self._states += 1
        return self._states - 1


def _minimal(rows: list[dict[str, int]], ends: list[bool]) -> tuple[list[dict[str, int]], list[bool], int]:
    """States that cannot be told apart by what follows become one (Moore's refinement)."""
    group, groups = [int(end) for end in ends], 0
    while True:
        seen: dict[tuple[int, frozenset[tuple[str, int]]], int] = {}
        group = [
            seen.setdefault((group[state], frozenset((word, group[to]) for word, to in row.items())), len(seen))
            for state, row in enumerate(rows)
        ]
        if len(seen) == groups:
            break
        groups = len(seen)
    merged: list[dict[str, int]] = [{} for _ in range(groups)]
    merged_ends = [False] * groups
    for state, row in enumerate(rows):
        merged[group[state]] = {word: group[to] for word, to in row.items()}
        merged_ends[group[state]] = ends[state]
    return merged, merged_ends, group[0]


def _graph(rows: list[dict[str, int]], ends: list[bool], start: int) -> PhraseGraph:
    final = len(rows)
    arcs: list[Arc] = []
    for state, row in enumerate(rows):
        share = 1 / (len(row) + ends[state]) if row or ends[state] else 1.0
        arcs += [(state, to, share, word) for word, to in row.items()]
        if ends[state]:
            arcs.append((state, final, share))
    return PhraseGraph(start, final, tuple(arcs))
