"""Minutes and money, counted over a day."""

from __future__ import annotations

import pytest

from voice.errors import Busy, RequestRefused
from voice.runtime.quota import ALL, DAY_S, Meter, QuotaLimits, Quotas, Spent
from voice.session import effects as ef
from voice.session import events as ev


def test_minutes_of_conversations_that_go_on_count_too() -> None:
    quotas = Quotas(QuotaLimits(minutes_per_owner=2))
    quotas.begin("a", 100.0)
    quotas.begin("a", 110.0)
    assert quotas.used_up("a", 160.0) == ""
    assert quotas.used_up("a", 165.0) == "minutes"
    assert quotas.used_up("b", 165.0) == ""
    quotas.end("a", 100.0, 165.0)
    quotas.end("a", 110.0, 165.0)
    assert quotas.used_up("a", 500.0) == "minutes"
    with pytest.raises(RequestRefused) as refused:
        quotas.check("a", 500.0)
    assert refused.value.status == 429
    assert refused.value.retry_after_s == 100.0 + DAY_S - 500.0
    quotas.check("a", 100.0 + DAY_S)


def test_a_conversation_over_midnight_is_counted_once() -> None:
    quotas = Quotas(QuotaLimits(minutes_per_owner=10))
    quotas.check("a", 1.0)
    quotas.begin("a", DAY_S - 60)
    quotas.end("a", DAY_S - 60, DAY_S + 120)
    assert quotas.used_up("a", DAY_S + 120) == ""
    quotas.begin("a", DAY_S + 120)
    assert quotas.used_up("a", DAY_S + 120 + 10 * 60) == "minutes"


def test_a_conversation_that_goes_on_over_midnight_is_counted_from_midnight() -> None:
    quotas = Quotas(QuotaLimits(minutes_per_owner=10))
    quotas.check("a", 1.0)
    quotas.begin("a", DAY_S - 9 * 60)
    quotas.check("a", DAY_S + 2)
    assert quotas.used_up("a", DAY_S + 2 * 60) == ""
    assert quotas.used_up("a", DAY_S + 2 + 10 * 60) == "minutes"


def test_money_of_one_and_of_all() -> None:
    quotas = Quotas(QuotaLimits(usd_per_owner=1.0, usd=1.5))
    quotas.spend("a", 1.0, 5.0)
    assert (quotas.used_up("a", 6.0), quotas.used_up("b", 6.0)) == ("usd", "")
    quotas.spend("b", 0.5, 6.0)
    assert quotas.used_up("b", 7.0) == "spent"
    with pytest.raises(Busy) as busy:
        quotas.check("b", 7.0)
    assert busy.value.retry_after_s is not None
    quotas.check("b", 6.0 + DAY_S)


def test_no_limits_is_no_limits() -> None:
    quotas = Quotas(QuotaLimits())
    quotas.begin("", 0.0)
    quotas.spend("", 1e9, 1.0)
    quotas.check("", 1e6)


def test_a_meter_charges_what_was_added_and_ends_what_may_not_go_on() -> None:
    now, ended = [50.0], list[str]()
    quotas = Quotas(QuotaLimits(usd_per_owner=1.0))
    meter = Meter(quotas, "a", lambda: now[0])
    meter.over = ended.append
    for at, cost in [(1.0, 0.4), (2.5, 0.9)]:
        now[0] = 50 + at
        meter.watch(at, ev.Tick(), [ef.Note("usage", {"cost_usd": cost})])
    assert ended == []
    assert quotas.used_up("a", 60.0) == ""
    meter.watch(3.9, ev.Tick(), [ef.Note("usage", {"cost_usd": 1.1}), ef.Note("turn", {})])
    assert ended == ["the limit of minutes or spending is reached"]
    meter.close()
    assert quotas.used_up("a", 60.0) == "usd"


def test_a_cost_that_nobody_knows_costs_nothing() -> None:
    quotas = Quotas(QuotaLimits(usd=0.01))
    meter = Meter(quotas, "a", lambda: 1.0)
    meter.watch(0.5, ev.Tick(), [ef.Note("usage", {"cost_usd": None})])
    assert quotas.used_up("a", 2.0) == ""


def test_a_session_in_which_nothing_happens_uses_its_minutes_too() -> None:
    now, ended = [50.0], list[str]()
    meter = Meter(Quotas(QuotaLimits(minutes_per_owner=1)), "a", lambda: now[0])
    meter.over = ended.append
    meter.look()
    assert ended == []
    now[0] = 110.0
    meter.look()
    assert ended == ["the limit of minutes or spending is reached"]


def test_what_is_kept_is_what_was_used_today() -> None:
    quotas = Quotas(QuotaLimits(minutes_per_owner=1))
    quotas.check("idle", 100.0)
    quotas.begin("a", 100.0)
    quotas.spend("b", 0.5, 100.0)
    assert quotas.spent(130.0) == [
        Spent("a", 100.0, 30.0, 0.0),
        Spent("b", 100.0, 0.0, 0.5),
        Spent(ALL, 100.0, 0.0, 0.5),
    ]
    assert quotas.spent(100.0 + DAY_S) == []
