"""Sound over a TURN server: a real one, stock aiortc at the other side."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import psutil
import pytest

pytest.importorskip("aiortc")

from aioice.stun import Class, Message, Method, TransactionFailed

from tests.net.conftest import until
from tests.transports.webrtc.browser import LOOPBACK, Browser
from tests.transports.webrtc.calls import Call, call
from tests.transports.webrtc.sounds import found, sweeps
from tests.transports.webrtc.turn import HOST, PROGRAM, TurnServer, turn_server
from voice.errors import RelayUnusable, VoiceError
from voice.transports.webrtc import answer_offer
from voice.transports.webrtc.relay import unusable

with_turn = [pytest.mark.turn, pytest.mark.skipif(PROGRAM is None, reason="needs turnserver: apt-get install coturn")]


def marked(test: Any) -> Any:
    for mark in with_turn:
        test = mark(test)
    return test


@pytest.fixture
def turn(tmp_path: Path) -> Iterator[TurnServer]:
    with turn_server(tmp_path) as server:
        yield server


def kinds_of_candidates(sdp: str) -> set[str]:
    return set(re.findall(r"a=candidate:.* typ (\w+)", sdp))


@marked
def test_sound_goes_both_ways_over_the_relay_and_nothing_else_is_shown(turn: TurnServer) -> None:
    said, answered = sweeps(21, 2.0, 48_000), sweeps(22, 1.0, 24_000)

    async def talk(scene: Call) -> None:
        assert turn.relays == 1
        scene.play(answered)
        await scene.until(lambda: len(scene.ears.frames) > 100)
        await scene.until(lambda: bool(scene.ears.plays) and scene.ears.plays[-1][1] >= 1_000)
        await asyncio.sleep(0.2)

    ended = call(talk, said, **turn.settings)
    assert kinds_of_candidates(ended.transport.answer_sdp) == {"relay"}
    addresses = set(re.findall(r"(?:candidate:\S+ \d udp \d+|raddr) (\S+)", ended.transport.answer_sdp))
    assert addresses == {HOST, "0.0.0.0"}, "the relay's, and no other of ours"
    assert found(ended.ears.heard, said[36_000:84_000:2])[0] > 0.93
    assert found(ended.browser.sound()[::2], answered)[0] > 0.93


@marked
def test_a_call_over_the_relay_leaves_nothing(turn: TurnServer) -> None:
    process = psutil.Process()

    async def one() -> None:
        browser = Browser()
        transport = await answer_offer(await browser.offer(), replace(LOOPBACK, **turn.settings))
        assert turn.relays == 1
        await transport.close()
        await browser.close()
        await until(lambda: turn.relays == 0)

    async def run() -> None:
        await one()
        tasks, sockets = len(asyncio.all_tasks()), len(process.net_connections(kind="udp"))
        for _ in range(3):
            await one()
        assert (len(asyncio.all_tasks()), len(process.net_connections(kind="udp"))) == (tasks, sockets)

    asyncio.run(run())


@marked
def test_a_relay_that_dies_ends_the_call_and_its_end_takes_no_longer_for_it(turn: TurnServer) -> None:
    async def dies(scene: Call) -> None:
        turn.process.kill()
        turn.process.wait()
        await asyncio.wait_for(scene.ears.over.wait(), 10)
        began_s = monotonic()
        await scene.transport.close()
        assert monotonic() - began_s < 4
        assert not [task for task in asyncio.all_tasks() if "TurnTransport" in repr(task)]

    ended = call(dies, np.zeros(0, np.int16), **turn.settings, lost_after_s=2.0)
    assert ended.ears.goodbyes == ["nothing is heard of the client any more"]


async def refused(**settings: Any) -> tuple[VoiceError, float]:
    """Why an offer is not answered, and how long it took to know."""
    browser = Browser()
    offer = await browser.offer()
    tasks, began_s = len(asyncio.all_tasks()), monotonic()
    with pytest.raises(VoiceError) as caught:
        await answer_offer(offer, replace(LOOPBACK, **settings))
    took_s = monotonic() - began_s
    assert len(asyncio.all_tasks()) <= tasks, "nothing goes on behind a refusal"
    await browser.close()
    return caught.value, took_s


@marked
def test_a_wrong_credential_is_told_at_once_and_by_its_name(turn: TurnServer, caplog: pytest.LogCaptureFixture) -> None:
    error, took_s = asyncio.run(refused(**{**turn.settings, "ice_credential": "wrong"}))
    assert isinstance(error, RelayUnusable)
    assert error.message == "The TURN server does not accept the service's user name and password."
    assert "webrtc.ice_credential_env" in error.fix
    assert took_s < 2
    assert turn.relays == 0
    (record,) = [record for record in caplog.records if record.message == "no relay"]
    assert record.levelno == logging.ERROR
    assert vars(record)["why"] == error.person
    assert "wrong" not in str(vars(record)), "secrets are not for logs"


@marked
def test_where_other_ways_are_allowed_a_wrong_credential_costs_a_warning(
    turn: TurnServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def listens(scene: Call) -> None:
        await scene.until(lambda: len(scene.ears.frames) > 5)

    ended = call(listens, **{**turn.settings, "ice_credential": "wrong", "relay_only": False})
    assert kinds_of_candidates(ended.transport.answer_sdp) == {"host"}
    assert [record.levelname for record in caplog.records if record.message == "no relay"] == ["WARNING"]


@marked
def test_beside_the_relay_our_own_address_is_shown_where_it_may(turn: TurnServer) -> None:
    async def nothing(scene: Call) -> None: ...

    ended = call(nothing, **{**turn.settings, "relay_only": False})
    assert kinds_of_candidates(ended.transport.answer_sdp) == {"host", "relay"}


def test_a_server_that_does_not_answer_is_told_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voice.transports.webrtc.relay._MOST_S", 0.3)
    server = {"ice_servers": (f"turn:{HOST}:9?transport=udp",), "relay_only": True}
    error, took_s = asyncio.run(refused(**server, ice_username="u", ice_credential="p"))
    assert error.message == "The TURN server does not answer."
    assert took_s < 2


def test_a_server_that_is_not_there_is_told_at_once() -> None:
    server = {"ice_servers": (f"turn:{HOST}:9?transport=tcp",), "relay_only": True}
    error, _ = asyncio.run(refused(**server, ice_username="u", ice_credential="p"))
    assert error.message == "The TURN server cannot be reached."


def test_only_a_relay_and_none_named_is_a_setting_to_mend() -> None:
    error, _ = asyncio.run(refused(relay_only=True))
    assert "no TURN server is named" in error.message
    assert "webrtc.ice_servers" in error.fix


def test_a_server_without_room_is_not_taken_for_a_wrong_credential() -> None:
    said = Message(Method.ALLOCATE, Class.ERROR)
    said.attributes["ERROR-CODE"] = (486, "Allocation Quota Reached")
    error = unusable(TransactionFailed(said))
    assert error.message == "The TURN server lends no relay."
    assert error.detail == "486 Allocation Quota Reached"
