"""Seeded conversations with an engine that fails at random points, in virtual time.

The person asks five questions, interrupts some answers and has some things booked. Whatever fails: every question is
answered (or the person is told that the call must end), nothing is booked twice, the engine ends up believing what
it would have believed, and the last question is answered too.
"""

from __future__ import annotations

import pytest

from tests.faults import chaos
from tests.faults.conversations import TALKS, Tally, disturbed, tally, undisturbed
from tests.faults.judge import judge

BAD_LINES = (
    "drop",
    "expired",
    "clock_out",
    "storm",
    "refused_connection",
    "slow",
    "garbage",
    "unordered",
    "disordered",
    "error",
    "failed",
    "no_session_updated",
)
"""Trouble that is got over without anybody losing a word."""

BAD_SERVERS = (
    "stall",
    "half_open",
    "duplicate",
    "misshapen",
    "wrong_ids",
    "late_deltas",
    "refused_event",
    "lost_event",
    "stuck",
)
"""Trouble in which the server breaks its own protocol or falls silent."""


def assert_nothing_is_lost(total: Tally) -> None:
    assert total.problems == []
    assert total.lost_user_turns == total.duplicate_effects == total.deaf_sessions == 0
    assert total.contexts_that_differ == total.complaints == total.twice_though_told == 0


def test_undisturbed_every_talk_goes_well() -> None:
    for number in range(TALKS):
        world = undisturbed(number)
        assert judge(world, world).problems == []
        assert world.longest_silence_s < 1.5


def test_a_hundred_conversations_over_bad_lines_lose_nothing() -> None:
    total = tally(range(100), BAD_LINES)
    assert_nothing_is_lost(total)
    assert total.fired > 100
    assert total.recovery_ms(0.95) < 3_000


@pytest.mark.parametrize("kind", BAD_SERVERS)
def test_a_server_that_breaks_the_rules(kind: str) -> None:
    total = Tally()
    for seed in range(6):
        total.add(disturbed(seed, [kind]))
    assert_nothing_is_lost(total)


@pytest.mark.parametrize("kind", chaos.FINAL_KINDS)
def test_an_end_that_cannot_be_averted_is_told(kind: str) -> None:
    for seed in range(6):
        one = disturbed(seed, [kind])
        if one.world.injector.fired:
            assert one.verdict.told
            assert one.verdict.problems == []


def test_the_same_seed_is_the_same_conversation() -> None:
    one, other = disturbed(11), disturbed(11)
    assert one.world.injector.fired == other.world.injector.fired
    assert [(line.at, line.event) for line in one.world.log] == [(line.at, line.event) for line in other.world.log]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_thousand_conversations_lose_nothing() -> None:
    total = tally(range(1_000))
    assert_nothing_is_lost(total)
