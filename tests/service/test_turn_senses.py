"""By what conversations are told how a turn goes on, as the settings have it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from voice.app.engines import open_engines
from voice.app.sessions import turn_rules
from voice.config import load
from voice.errors import ConfigError, ExtraMissing
from voice.runtime.turn_watch import TurnSenses
from voice.transports.memory import MemoryTransport

THERE = "ws://127.0.0.1:9/v1/realtime"


def senses(**overrides: object) -> TurnSenses:
    async def opened() -> TurnSenses:
        settings = load(None, {}, {name.replace("__", "."): value for name, value in overrides.items()})
        async with AsyncExitStack() as stack:
            return (await open_engines(settings, THERE, stack)).senses

    return asyncio.run(opened())


def test_english_words_are_judged_in_front_of_any_engine() -> None:
    words = senses().words
    assert words is not None
    assert [words("set a timer for the"), words("thank you"), words("play")] == ["unfinished", "finished", "open"]


def test_of_other_languages_nothing_is_claimed() -> None:
    assert senses(session__language="de").words is None


def test_no_model_is_loaded_that_nobody_named() -> None:
    assert senses().model is None


def test_a_model_that_cannot_be_used_is_said_at_the_start() -> None:
    with pytest.raises((ConfigError, ExtraMissing)) as error:
        senses(turns__end_of_turn_model="/nowhere/turn.onnx")
    assert error.value.fix


@pytest.mark.parametrize(("wanted_ms", "rule_ms"), [(0, None), (250, 250.0)])
def test_no_silence_at_all_means_never(wanted_ms: int, rule_ms: float | None) -> None:
    settings = load(None, {}, {"turns.speculate_ms": wanted_ms})
    assert turn_rules(settings, MemoryTransport()).speculate_ms == rule_ms
