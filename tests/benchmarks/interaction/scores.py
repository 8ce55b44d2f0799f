"""Scores in the manner of τ-voice (arXiv 2603.13686), each rate with its interval."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import sqrt

from tests.benchmarks.interaction.outcomes import Outcome

Z = 1.96
POOLED = {
    "backchannel": ("backchannel",),
    "backchannel_spontaneous": ("backchannel_spontaneous",),
    "cough": ("cough", "laugh"),
    "laugh": ("laugh",),
    "side": ("side",),
    "echo": ("echo",),
    "noise": ("noise",),
}


def wilson(hits: int, events: int) -> tuple[float, float]:
    """The 95 % interval of a share (E. B. Wilson, JASA 22, 1927); all of 0..1 for no events."""
    if not events:
        return 0.0, 1.0
    share, z2 = hits / events, Z * Z
    middle = (share + z2 / (2 * events)) / (1 + z2 / events)
    reach = Z / (1 + z2 / events) * sqrt(share * (1 - share) / events + z2 / (4 * events * events))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def figures(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Ours under their own names, those of `at_once` behind its name; pooled first, then every cell."""
    found: dict[str, float] = {"events": float(len(outcomes))}
    for policy in sorted({result.policy for result in outcomes}, reverse=True):
        mine = [result for result in outcomes if result.policy == policy]
        prefix = "" if policy == "ours" else f"{policy}."
        found |= {prefix + key: value for key, value in (_pooled(mine) | _cells(mine) | _people(mine)).items()}
    return found


def _pooled(outcomes: Sequence[Outcome]) -> dict[str, float]:
    found: dict[str, float] = {}
    interruptions = [result for result in outcomes if result.scene.wants_the_floor]
    found |= _yields(interruptions)
    for name, events in POOLED.items():
        some = [result for result in outcomes if result.scene.event in events]
        found |= {f"selectivity_{name}{key.removeprefix('selectivity')}": v for key, v in _ignores(some).items()}
    pauses = [result for result in outcomes if result.scene.event == "pause"]
    found |= _pauses(pauses)
    others = [r for r in outcomes if not r.scene.wants_the_floor and r.scene.event != "pause"]
    if others:
        found["restore_p95_ms"] = _percentile(_known(others, lambda r: _held_down_ms(r)), 95)
    echoes = [result for result in outcomes if result.scene.event == "echo"]
    if echoes:
        found["self_interruptions"] = float(sum(result.stopped or result.early for result in echoes))
    if outcomes:
        found["stopped_before_anything"] = float(sum(result.early for result in outcomes))
    return found


def _cells(outcomes: Sequence[Outcome]) -> dict[str, float]:
    found: dict[str, float] = {}
    for event, condition in dict.fromkeys((result.scene.event, result.scene.condition) for result in outcomes):
        cell = [r for r in outcomes if (r.scene.event, r.scene.condition) == (event, condition)]
        if cell[0].scene.wants_the_floor:
            scores = _yields(cell)
        else:
            scores = _pauses(cell) if event == "pause" else _ignores(cell)
        found |= {f"cell.{event}.{condition}.{key}": value for key, value in scores.items()}
        found[f"cell.{event}.{condition}.events"] = float(len(cell))
    return found


def _people(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """How often, and how soon, each one's commands are yielded to."""
    commands = [result for result in outcomes if result.scene.event == "interruption"]
    found: dict[str, float] = {}
    for person in dict.fromkeys(result.scene.speaker for result in commands):
        scores = _yields([result for result in commands if result.scene.speaker == person])
        found |= {f"person.{person}.{key}": value for key, value in scores.items()}
    return found


def _yields(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """An assistant that had stopped before the person began did not yield to anybody."""
    if not outcomes:
        return {}
    stops = _known(outcomes, lambda r: r.stopped_ms if r.stopped else None)
    downs = _known(outcomes, lambda r: None if r.early else _soonest(r.down_ms, r.stopped_ms))
    ducks = _known(outcomes, lambda r: None if r.early else _soonest(r.ducked_ms, r.stopped_ms))
    found = _rate("yield_rate", outcomes, lambda r: r.stopped)
    if stops:
        found |= {"yield_p50_ms": _percentile(stops, 50), "stop_p95_ms": _percentile(stops, 95)}
    if downs:
        found |= {"duck_p50_ms": _percentile(downs, 50), "duck_p95_ms": _percentile(downs, 95)}
        found |= {"firm_p50_ms": _percentile(ducks, 50), "firm_p95_ms": _percentile(ducks, 95)}
    return found


def _ignores(outcomes: Sequence[Outcome]) -> dict[str, float]:
    if not outcomes:
        return {}
    found = _rate("selectivity", outcomes, lambda r: not r.stopped and not r.early)
    hushed = sum(r.hushes > 0 for r in outcomes) / len(outcomes)
    ducked = sum(r.ducks > 0 for r in outcomes) / len(outcomes)
    return {**found, "selectivity_hushed": hushed, "selectivity_ducked": ducked}


def _pauses(outcomes: Sequence[Outcome]) -> dict[str, float]:
    if not outcomes:
        return {}
    found = _rate("agent_interrupts_rate", outcomes, lambda r: r.cut_in)
    found["split_turns_rate"] = sum(r.splits > 0 for r in outcomes) / len(outcomes)
    waits = _known(outcomes, lambda r: r.response_ms)
    if waits:
        found |= {"response_p50_ms": _percentile(waits, 50), "response_p95_ms": _percentile(waits, 95)}
    return found


def _rate(name: str, outcomes: Sequence[Outcome], hit: Callable[[Outcome], bool]) -> dict[str, float]:
    hits = sum(map(hit, outcomes))
    low, high = wilson(hits, len(outcomes))
    return {name: hits / len(outcomes), f"{name}_low": low, f"{name}_high": high}


def _soonest(*times: float | None) -> float | None:
    """When the person was no longer talked over at full level."""
    return min((ms for ms in times if ms is not None), default=None)


def _held_down_ms(result: Outcome) -> float | None:
    """How long the assistant was turned down for nothing."""
    if result.ducked_ms is None or result.restored_ms is None:
        return None
    return result.restored_ms - result.ducked_ms


def _known(outcomes: Iterable[Outcome], value: Callable[[Outcome], float | None]) -> list[float]:
    return [known for result in outcomes if (known := value(result)) is not None]


def _percentile(values: Sequence[float], percent: int) -> float:
    import numpy as np

    return float(np.percentile(values, percent)) if values else 0.0
