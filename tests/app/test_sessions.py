"""What a conversation is told of interruptions, by the settings and by what is installed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Literal, cast

import pytest

from voice.app import sessions
from voice.app.engines import Engines
from voice.config import Settings
from voice.config.records import TurnSettings
from voice.errors import ExtraMissing
from voice.transports.base import Transport


def judged(
    monkeypatch: pytest.MonkeyPatch,
    interruption: Literal["auto", "judged", "at_once"],
    *,
    ear: bool,
    mode: Literal["server_vad", "local"] = "server_vad",
    playout: str = "reports",
    embedded: bool = True,
) -> bool:
    monkeypatch.setattr(sessions, "has_ear", lambda: ear)
    line = cast(Transport, SimpleNamespace(traits=SimpleNamespace(playout=playout, realtime=False)))
    settings = Settings(turns=TurnSettings(interruption=interruption, mode=mode))
    engines = cast(Engines, SimpleNamespace(embedded=embedded))
    return sessions.floor_rules(settings, line, engines) is not None


def test_interruptions_are_judged_where_they_shall_be(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judged(monkeypatch, "judged", ear=True, embedded=False)
    assert not judged(monkeypatch, "at_once", ear=True)
    assert judged(monkeypatch, "at_once", ear=True, mode="local"), "the ear that finds the turns judges, too"


def test_by_itself_interruptions_of_the_embedded_engine_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().turns.interruption == "auto"
    assert judged(monkeypatch, "auto", ear=True)
    assert not judged(monkeypatch, "auto", ear=True, embedded=False)
    assert judged(monkeypatch, "auto", ear=True, embedded=False, mode="local")
    assert not judged(monkeypatch, "auto", ear=False)


def test_a_client_that_plays_by_itself_judges_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not judged(monkeypatch, "judged", ear=False, playout="client")


@pytest.mark.parametrize(("interruption", "mode"), [("judged", "server_vad"), ("at_once", "local"), ("auto", "local")])
def test_who_asks_for_an_ear_that_is_not_there_is_told_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
    interruption: Literal["auto", "judged", "at_once"],
    mode: Literal["server_vad", "local"],
) -> None:
    with pytest.raises(ExtraMissing) as refused:
        judged(monkeypatch, interruption, ear=False, mode=mode)
    assert "voice[local]" in refused.value.fix
