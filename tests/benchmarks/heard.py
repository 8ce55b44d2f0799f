"""What the model is told was heard, against what was: a thousand interruptions over four kinds of line."""

from __future__ import annotations

import argparse

METHOD = (
    "Seeded interruptions at random moments of an answer, in virtual time, evenly over four kinds of line: a sound "
    "card (20 ms blocks, 35 ms to the converter, positions reported by its clock), a browser over WebRTC (20 ms "
    "packets, 20–120 ms round trip, what it hears estimated by our far-end model), a carrier with marks (40 ms each "
    "way, 6 ms jitter, a mark each 400 ms) and a line without any report (the same way). Truth is what each far end "
    "sounded of the item, the stop's own way there included. 2, 5 or 20 deltas of 100 ms arrive behind each stop: "
    "`stale_ms` is what of them was played."
)
INTERRUPTIONS = 1_000
AT_A_TIME = 50


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--interruptions", type=int, default=INTERRUPTIONS)


def run(options: argparse.Namespace | None = None) -> dict[str, float]:
    from tests.heard.lines import KINDS, Measured, interrupt

    times = options.interruptions if options is not None else INTERRUPTIONS
    each = max(1, times // len(KINDS))
    everything = Measured()
    figures: dict[str, float] = {}
    for kind in KINDS:
        of_kind = Measured()
        for seed, start in enumerate(range(0, each, AT_A_TIME)):
            of_kind.add(interrupt(kind, seed, min(AT_A_TIME, each - start)))
        everything.add(of_kind)
        figures[f"{kind.replace(' ', '_')}_error_p99_ms"] = of_kind.share(0.99)
    return {
        "interruptions": float(everything.interruptions),
        "truncations": float(len(everything.errors_ms)),
        "truncation_error_p50_ms": everything.share(0.5),
        "truncation_error_p99_ms": everything.share(0.99),
        "truncation_error_max_ms": everything.share(1.0),
        "stale_ms": everything.stale_ms,
        **figures,
    }


def table(figures: dict[str, float]) -> list[tuple[str, str]]:
    rows = [
        ("interruptions", "interruptions"),
        ("truncation against what was heard, p50, ms", "truncation_error_p50_ms"),
        ("the same, p99", "truncation_error_p99_ms"),
        ("the same, worst", "truncation_error_max_ms"),
        ("p99 on a sound card", "sound_card_error_p99_ms"),
        ("p99 in a browser", "browser_error_p99_ms"),
        ("p99 at a carrier with marks", "carrier_with_marks_error_p99_ms"),
        ("p99 on a line without reports", "line_without_reports_error_p99_ms"),
        ("stale sound after the stop, 2–20 deltas in flight, ms", "stale_ms"),
    ]
    return [(label, f"{figures[key]:,.0f}") for label, key in rows]
