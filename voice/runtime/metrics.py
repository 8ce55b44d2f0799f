"""What the service counts and measures over all conversations, and its form for Prometheus.

Counts are plain numbers while a conversation runs; the exposition library is only loaded when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from typing import Any, Protocol

FAST_BUCKETS_S = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.65, 0.8, 1.0, 1.5, 2.5)
ERROR_BUCKETS_S = (0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0)
SHARE_BUCKETS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
SPAN_BUCKETS_S = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)
LATENCY_BUCKETS_S = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
SESSION_BUCKETS_S = (10.0, 30.0, 60.0, 180.0, 600.0, 1_800.0, 3_600.0, 7_200.0)
ROWS_PER_NAME = 200


class Histogram:
    """Counts per bucket (upper bounds, seconds) and the sum."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> list[tuple[str, float]]:
        """Prometheus' form: counts of everything up to each bound."""
        total, rows = 0, []
        for bound, count in zip((*map(str, self.bounds), "+Inf"), self.counts, strict=True):
            total += count
            rows.append((bound, float(total)))
        return rows


class Load(Protocol):
    """What the hub knows."""

    @property
    def active(self) -> int: ...

    started: int
    refused: int


class Metrics:
    """Sums over all sessions of this process."""

    def __init__(self, load: Load) -> None:
        self.counts: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()
        self._rows: Counter[str] = Counter()
        self.histograms = {name: Histogram(bounds) for name, (bounds, _) in HISTOGRAMS.items()}
        self._load = load

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a sum. Models and servers choose some of the labels: past a number of them, more are `other`."""
        key = name, tuple(sorted(labels.items()))
        if labels and key not in self.counts:
            self._rows[name] += 1
            if self._rows[name] > ROWS_PER_NAME:
                key = name, tuple((label, "other") for label in sorted(labels))
        self.counts[key] += amount  # type: ignore[assignment]

    def measure(self, name: str, value: float | None) -> None:
        """Add to a histogram; None is not known and is left out."""
        if value is not None:
            self.histograms[name].add(value)

    def render(self) -> str:
        """Everything in the Prometheus text format."""
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Families(self))
        return generate_latest(registry).decode()

    def families(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        yield GaugeMetricFamily("voice_sessions_active", "Conversations that are open.", value=self._load.active)
        yield CounterMetricFamily("voice_sessions", "Conversations that were opened.", value=self._load.started)
        yield CounterMetricFamily(
            "voice_sessions_refused", "Conversations that were refused.", value=self._load.refused
        )
        for name in sorted({key[0] for key in self.counts}):
            rows = [(labels, value) for (key, labels), value in sorted(self.counts.items()) if key == name]
            family = CounterMetricFamily(
                f"voice_{name}", HELP.get(name, name), labels=[label for label, _ in rows[0][0]]
            )
            for labels, value in rows:
                family.add_metric([text for _, text in labels], value)
            yield family
        for name, histogram in self.histograms.items():
            measured = HistogramMetricFamily(f"voice_{name}", HISTOGRAMS[name][1])
            measured.add_metric([], histogram.cumulative(), histogram.sum)
            yield measured


HISTOGRAMS: dict[str, tuple[tuple[float, ...], str]] = {
    "reply_latency_seconds": (
        LATENCY_BUCKETS_S,
        "From the end of the person's last word to the first sound of the reply at their end.",
    ),
    "turn_decision_seconds": (
        LATENCY_BUCKETS_S,
        "From the end of the last word to the decision that the turn is over.",
    ),
    "first_delta_seconds": (LATENCY_BUCKETS_S, "From the end of the last word to the first sound from the engine."),
    "duck_seconds": (FAST_BUCKETS_S, "From the first sign of speech over the assistant to its being turned down."),
    "confirm_seconds": (FAST_BUCKETS_S, "From the first sign of speech over the assistant to the decision about it."),
    "stop_seconds": (FAST_BUCKETS_S, "From the first sign of an interruption to silence at the person's end."),
    "truncation_error_seconds": (
        ERROR_BUCKETS_S,
        "How far our account of what was heard was off, where the far end could tell later.",
    ),
    "talk_ratio": (SHARE_BUCKETS, "The assistant's share of the talk, of conversations that ended."),
    "longest_monologue_seconds": (SPAN_BUCKETS_S, "The longest that the assistant spoke at a time, per conversation."),
    "dead_air_seconds": (SPAN_BUCKETS_S, "The longest that nobody spoke, per conversation."),
    "session_seconds": (SESSION_BUCKETS_S, "Length of conversations."),
}
HELP = {
    "turns": "Turns of persons that were answered.",
    "barge_ins": "Times the assistant was interrupted, by cause.",
    "cut_ins": "Times the assistant began to speak while the person did.",
    "hushed": "Moments of less loudness because a sound set in that turned out to be nothing.",
    "restored": "Sounds over the assistant that were no interruptions.",
    "speculations": "Replies that were asked for before the turn was surely over, by what became of them.",
    "stale_ms": "Sound dropped because its reply had been stopped, in ms.",
    "tool_calls": "Tool calls that ended, by tool and outcome.",
    "approvals": "Tool calls that a person was asked to allow, or that the policy refused, by tool and outcome.",
    "engine_errors": "Errors the engine answered, by code and what was done about it.",
    "reconnects": "Times the engine's connection was lost.",
    "audio_dropped_ms": "Sound of persons lost because the engine was away too long, in ms.",
    "cost_usd": "Cost of ended conversations by the prices configured.",
    "surprises": "Events of the engine that did not fit.",
}


class _Families:
    """A collector of the exposition library."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Any]:
        return self._metrics.families()
