"""From what the callers and the engine each wrote down to figures. Pure: logs in, numbers out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from tests.benchmarks.bridge.markers import Symbol
from tests.benchmarks.bridge.match import align, caller_of
from tests.benchmarks.bridge.playback import WHOLE_REPLY_MS, Reply
from tests.benchmarks.bridge.script import TICK_MS
from tests.benchmarks.bridge.voiceover import DELTAS

CLEAR_WITHIN_S = 1.5
REPLY_WITHIN_S = 0.5  # a reply that began this close to the window's end may not have arrived
HEARD_OUT_S = 3.5


@dataclass(slots=True)
class Samples:
    """Everything measured in one window; lists in ms unless the name says otherwise."""

    uplink: list[float] = field(default_factory=list)
    downlink: list[float] = field(default_factory=list)
    barge: list[float] = field(default_factory=list)
    barge_from_caller: list[float] = field(default_factory=list)
    stale: list[float] = field(default_factory=list)
    setup: list[float] = field(default_factory=list)
    underrun: list[float] = field(default_factory=list)
    lead: list[float] = field(default_factory=list)
    drift: list[float] = field(default_factory=list)
    lost: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def lose(self, what: str, count: int = 1) -> None:
        if count:
            self.lost[what] = self.lost.get(what, 0) + count

    def figures(self) -> dict[str, float]:
        """The window's percentiles. A figure without samples is left out rather than called zero."""
        found: dict[str, float] = {}
        for name in ("uplink", "downlink", "barge", "barge_from_caller", "setup"):
            values = getattr(self, name)
            if values:
                found[f"{name}_p50_ms"], found[f"{name}_p99_ms"] = map(float, np.percentile(values, (50, 99)))
        for name in ("stale", "underrun", "drift"):
            values = getattr(self, name)
            if values:
                found[f"{name}_ms"] = max(values)
        if self.lead:
            found["lead_p50_ms"] = float(np.median(self.lead))
        found["lost"] = float(sum(self.lost.values()))
        return found


@dataclass(frozen=True, slots=True)
class Window:
    """The seconds that count, on the clock all processes share."""

    begin_s: float
    end_s: float

    def __contains__(self, at_s: object) -> bool:
        return isinstance(at_s, float) and self.begin_s <= at_s <= self.end_s

    def without_last(self, seconds: float) -> Window:
        return Window(self.begin_s, self.end_s - seconds)


def measure(callers: dict[str, Any], connections: Sequence[dict[str, Any]], window: Window) -> Samples:
    """Join each call to the engine's connection that heard its codewords, and compare what each wrote down."""
    samples = Samples()
    samples.lose("refused", callers["refused"])
    whose = {caller_of([symbol for _, symbol, _ in each["heard"]]): each for each in connections}
    for call in callers["calls"]:
        if call["gone_s"]:
            samples.lose("dropped")
        connection = whose.get(call["number"])
        if connection is None:
            samples.lose("unheard")
            continue
        samples.problems += connection["problems"]
        if connection["ready_s"]:
            samples.setup.append((connection["ready_s"] - call["dialled_s"]) * 1000)
        _measure_uplink(call, connection, window, samples)
        _measure_downlink(call, connection, window, samples)
        _measure_barge(call, connection, window, samples)
    return samples


def _measure_uplink(call: dict[str, Any], connection: dict[str, Any], window: Window, samples: Samples) -> None:
    sent, heard = call["sent"], connection["heard"]
    pairs = align([symbol for _, _, symbol in sent], [symbol for _, symbol, _ in heard])
    inside = [(sent[a], heard[b]) for a, b in pairs if sent[a][0] in window]
    samples.lose("beats", sum(at in window for at, _, _ in sent) - len(inside))
    samples.uplink += [(there[0] - here[0]) * 1000 for here, there in inside]
    if len(inside) > 1:
        (first, first_heard), (last, last_heard) = inside[0], inside[-1]
        samples.drift.append(abs(last_heard[2] - first_heard[2] - (last[1] - first[1]) * TICK_MS))


def _measure_downlink(call: dict[str, Any], connection: dict[str, Any], window: Window, samples: Samples) -> None:
    heard = [Reply(*reply) for reply in call["replies"]]
    begun = [*connection["replies"], [float("inf"), -1, 0, False]]
    for (began_s, _, deltas, cut), (next_s, *_) in pairwise(begun):
        if began_s not in window.without_last(REPLY_WITHIN_S):
            continue
        reply = next((each for each in heard if began_s <= each.opened_s < next_s), None)
        if reply is None:
            samples.lose("replies")
            continue
        samples.downlink.append((reply.opened_s - began_s) * 1000)
        samples.lead.append(reply.lead_ms)
        samples.underrun.append(reply.underrun_ms)
        whole = deltas == DELTAS and not cut and began_s + HEARD_OUT_S < min(next_s, window.end_s)
        silenced = 0 < reply.cleared_s < began_s + WHOLE_REPLY_MS / 1000
        if whole and (reply.markers < DELTAS or silenced):
            samples.lose("short replies")


def _measure_barge(call: dict[str, Any], connection: dict[str, Any], window: Window, samples: Samples) -> None:
    starts = [at for at, _, symbol in call["sent"] if symbol == Symbol.START]
    cleared = {reply.cleared_s: reply for reply in (Reply(*each) for each in call["replies"]) if reply.cleared_s}
    for kind, at_s, audible, _ in connection["speech"]:
        if kind != "started" or not audible or at_s not in window.without_last(CLEAR_WITHIN_S / 2):
            continue
        clear_s = next((each for each in call["clears"] if at_s <= each < at_s + CLEAR_WITHIN_S), None)
        if clear_s is None:
            samples.lose("clears")
            continue
        samples.barge.append((clear_s - at_s) * 1000)
        spoken_s = max((each for each in starts if each <= at_s), default=None)
        if spoken_s is not None:
            samples.barge_from_caller.append((clear_s - spoken_s) * 1000)
        if clear_s in cleared:
            samples.stale.append(cleared[clear_s].stale_ms)
