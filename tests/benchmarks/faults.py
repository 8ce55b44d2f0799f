"""A failing engine: a thousand seeded conversations, and what of them is lost."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.conversations import Tally

METHOD = (
    "Seeded conversations in virtual time between a scripted person (five questions, some in the middle of an answer, "
    "some of them bookings) and the session core, with the scripted server of voice.testkit behind it. One to three of "
    "21 kinds of trouble each, at random points; 3 % end in a final refusal. `recovery` is the longest silence in "
    "which the person waited, less the longest of the same conversation undisturbed; `beyond_fault` is without the "
    "time that refusals in a row or a slow line last by themselves. `answered_twice_unknowable`: the connection died "
    "behind an answer's last word, before the engine said that it was the last; `answered_twice` are all others. "
    "`line_` figures: conversations whose trouble is a lost connection; `silent_`: a server that takes everything and "
    "says nothing (stalled or half open); `stuck_`: one that lives and never goes on with a reply."
)
CONVERSATIONS = 1_000
LINES = ("drop", "expired", "clock_out", "storm")
GROUPS = {"line": (LINES, 100), "silent": (("stall", "half_open"), 60), "stuck": (("stuck",), 40)}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--conversations", type=int, default=CONVERSATIONS)


def run(options: argparse.Namespace | None = None) -> dict[str, float]:
    from tests.faults.conversations import tally

    count = options.conversations if options is not None else CONVERSATIONS
    found = figures(tally(range(count)))
    for group, (kinds, most) in GROUPS.items():
        of_group = figures(tally(range(min(count, most)), kinds))
        found |= {f"{group}_{name}": value for name, value in of_group.items()}
    return found


def figures(total: Tally) -> dict[str, float]:
    return {
        "conversations": float(total.conversations),
        "faults": float(total.fired),
        "lost_user_turns": float(total.lost_user_turns),
        "duplicate_effects": float(total.duplicate_effects),
        "deaf_sessions": float(total.deaf_sessions),
        "contexts_that_differ": float(total.contexts_that_differ),
        "protocol_complaints": float(total.complaints),
        "ended_with_a_reason": float(total.told),
        "answered_twice": float(total.twice_though_told),
        "answered_twice_unknowable": float(total.answered_twice - total.twice_though_told),
        "recovery_p50_ms": total.recovery_ms(0.5),
        "recovery_p95_ms": total.recovery_ms(0.95),
        "recovery_beyond_fault_p95_ms": total.beyond_fault_ms(0.95),
    }


def table(figures: dict[str, float]) -> list[tuple[str, str]]:
    rows = [
        ("conversations", "conversations"),
        ("faults that happened", "faults"),
        ("user turns lost", "lost_user_turns"),
        ("effects had twice", "duplicate_effects"),
        ("sessions deaf in the end", "deaf_sessions"),
        ("contexts that differ from the undisturbed run", "contexts_that_differ"),
        ("ended, and said why", "ended_with_a_reason"),
        ("answered twice", "answered_twice"),
        ("answered twice where nobody could know", "answered_twice_unknowable"),
        ("time to recover, p95, ms", "recovery_p95_ms"),
        ("the same beyond the fault's own length", "recovery_beyond_fault_p95_ms"),
        ("from a lost connection, p95, ms", "line_recovery_p95_ms"),
        ("from a server that fell silent, p95, ms", "silent_recovery_p95_ms"),
        ("from a reply that never goes on, p95, ms", "stuck_recovery_p95_ms"),
    ]
    return [(label, f"{figures[key]:,.0f}") for label, key in rows]
