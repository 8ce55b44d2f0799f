"""What a conversation has cost."""

from __future__ import annotations

import pytest

from tests.session.stage import Stage, noted
from voice.protocol.settings import CachedTokensDetails, InputTokenDetails, OutputTokenDetails
from voice.protocol.settings import Usage as WireUsage
from voice.session.rules import Prices
from voice.session.usage import Usage

PRICES = Prices(text_in=4, text_cached=0.4, text_out=24, audio_in=32, audio_cached=0.4, audio_out=64, image_in=5)

SPENT = WireUsage(
    total_tokens=1_900,
    input_tokens=1_500,
    output_tokens=400,
    input_token_details=InputTokenDetails(
        text_tokens=500,
        audio_tokens=900,
        image_tokens=100,
        cached_tokens=600,
        cached_tokens_details=CachedTokensDetails(text_tokens=200, audio_tokens=400),
    ),
    output_token_details=OutputTokenDetails(text_tokens=100, audio_tokens=300),
)


def test_cached_tokens_are_a_part_of_the_input_and_cost_their_own_price() -> None:
    usage = Usage(PRICES)
    usage.add(SPENT)
    expected = 300 * 4 + 200 * 0.4 + 100 * 24 + 500 * 32 + 400 * 0.4 + 300 * 64 + 100 * 5
    assert usage.cost_usd == pytest.approx(expected / 1e6)


def test_responses_add_up() -> None:
    usage = Usage(PRICES)
    usage.add(SPENT)
    once = usage.cost_usd
    usage.add(SPENT)
    usage.add(None)
    assert usage.cost_usd == pytest.approx(2 * once)
    assert usage.responses == 2


def test_where_the_engine_gives_no_details_nothing_is_invented() -> None:
    usage = Usage(PRICES)
    usage.add(WireUsage(total_tokens=30, input_tokens=20, output_tokens=10))
    assert usage.cost_usd == 0


def test_without_prices_nothing_is_claimed() -> None:
    usage = Usage(Prices())
    usage.add(SPENT)
    assert usage.cost_usd == 0


def test_the_cost_is_noted_after_each_response_and_at_the_end() -> None:
    stage = Stage(prices=PRICES)
    stage.begin()
    wire = SPENT.model_dump(mode="json")
    (noticed,) = noted(stage.done(usage=wire), "usage")
    assert noticed["cost_usd"] == pytest.approx(stage.session.usage.cost_usd, abs=1e-6)
    stage.session.ending.end(1000, "bye")
    assert noted(stage.session.effects, "ended")[0]["cost_usd"] == noticed["cost_usd"]


def test_a_response_that_ends_twice_is_paid_once() -> None:
    stage = Stage(prices=PRICES)
    stage.begin()
    wire = SPENT.model_dump(mode="json")
    stage.done(usage=wire)
    cost = stage.session.usage.cost_usd
    effects = stage.done(usage=wire)
    assert stage.session.usage.cost_usd == cost
    assert noted(effects, "surprise")
