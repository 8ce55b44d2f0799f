"""How calls begin, move and end."""

from __future__ import annotations

import asyncio
import gc
import re
import threading
from dataclasses import replace
from typing import Any

import psutil
import pytest

pytest.importorskip("aiortc")

from aioice import Candidate, Connection

from tests.transports.people import Ears
from tests.transports.webrtc.browser import LOOPBACK, Browser
from tests.transports.webrtc.calls import Call, call
from tests.transports.webrtc.patience import run_patiently
from tests.transports.webrtc.sounds import sweeps
from voice.errors import Busy, Misuse, PeerGone, ProtocolError
from voice.transports.webrtc import WebRtcTransport, answer_offer
from voice.transports.webrtc.sockets import gather_by


def test_a_client_that_vanishes_is_missed_within_seconds() -> None:
    took_s = 0.0

    async def vanishes(scene: Call) -> None:
        nonlocal took_s
        await asyncio.sleep(0.3)
        scene.browser.vanish()
        began_s = asyncio.get_running_loop().time()
        await asyncio.wait_for(scene.ears.over.wait(), 10)
        took_s = asyncio.get_running_loop().time() - began_s

    ended = call(vanishes, lost_after_s=2.0, virtual=True)
    assert ended.ears.goodbyes == ["nothing is heard of the client any more"]
    assert 2.0 <= took_s < 4.5


def test_a_client_that_only_listens_is_not_missed() -> None:
    async def silent(scene: Call) -> None:
        scene.browser.peer.getSenders()[0]._enabled = False
        await asyncio.sleep(3.5)
        assert not scene.ears.goodbyes

    call(silent, lost_after_s=2.0, virtual=True)


def test_a_client_that_sends_a_message_without_an_end_is_hung_up_on() -> None:
    async def floods(scene: Call) -> None:
        sctp: Any = scene.browser.peer.sctp
        sctp._remote_max_message_size = 0
        assert scene.browser.channel is not None
        scene.browser.channel.send("x" * 64_000_000)
        await asyncio.wait_for(scene.ears.over.wait(), 20)

    assert call(floods).ears.goodbyes == ["the client sends a message without an end"]


def test_a_client_that_hangs_up_is_gone_at_once() -> None:
    async def hangs_up(scene: Call) -> None:
        await scene.browser.peer.close()
        await asyncio.wait_for(scene.ears.over.wait(), 2)

    assert len(call(hangs_up, virtual=True).ears.goodbyes) == 1


def test_after_the_end_nothing_follows_and_a_second_close_is_no_harm() -> None:
    async def ends(scene: Call) -> None:
        scene.play(sweeps(1, 1.0, 24_000))
        await asyncio.sleep(0.2)
        await asyncio.gather(scene.transport.close(), scene.transport.close(1001, "again"))
        heard = len(scene.ears.frames), len(scene.ears.plays)
        scene.play(sweeps(1, 0.2, 24_000))
        scene.transport.duck(-6.0)
        scene.transport.restore()
        scene.transport.stop_playback(1)
        scene.done()
        await asyncio.sleep(0.1)
        assert (len(scene.ears.frames), len(scene.ears.plays)) == heard
        with pytest.raises(PeerGone):
            await scene.transport.renegotiate("")
        with pytest.raises(Misuse):
            await scene.transport.open(Ears())

    assert call(ends, virtual=True).ears.goodbyes == ["closed"]


def test_an_offer_that_nobody_follows_up_is_given_up() -> None:
    async def run() -> None:
        browser = Browser()
        transport = await answer_offer(await browser.offer(), replace(LOOPBACK, connect_s=1.0))
        ears = Ears()
        with pytest.raises(PeerGone, match="did not come to stand"):
            await transport.open(ears)
        await browser.close()
        assert ears.goodbyes == ["closed"]

    run_patiently(run())


def test_a_call_that_is_hung_up_while_it_is_set_up_ends_its_opening() -> None:
    async def run() -> None:
        browser = Browser()
        transport = await answer_offer(await browser.offer(), LOOPBACK)
        opening = asyncio.create_task(transport.open(Ears()))
        await asyncio.sleep(0)
        await transport.close()
        with pytest.raises(PeerGone):
            await opening
        await browser.close()

    run_patiently(run())


# Many


def test_fifty_calls_leave_nothing_behind() -> None:
    process = psutil.Process()

    async def one() -> None:
        browser = Browser(sweeps(1, 0.2, 48_000))
        transport = await answer_offer(await browser.offer(), LOOPBACK)
        await browser.accept(transport.answer_sdp)
        ears = Ears()
        await transport.open(ears)
        transport.play("resp", "item", 0, 0, frame_of(0.1))
        await asyncio.sleep(0.02)
        await transport.close()
        await browser.close()
        assert ears.goodbyes == ["closed"]

    async def run() -> None:
        await one()
        tasks, sockets = len(asyncio.all_tasks()), len(udp_sockets(process))
        for _ in range(10):
            await asyncio.gather(*(one() for _ in range(5)))
        await asyncio.sleep(0.1)
        gc.collect()
        assert len(asyncio.all_tasks()) == tasks
        assert len(udp_sockets(process)) == sockets
        ours = [thread for thread in threading.enumerate() if not thread.name.startswith(("MainThread", "asyncio_"))]
        assert not ours
        assert sum(isinstance(thing, WebRtcTransport) for thing in gc.get_objects()) == 0

    run_patiently(run())


def frame_of(seconds: float) -> Any:
    from voice.audio.frames import PCM_24K, AudioFrame

    return AudioFrame(PCM_24K, sweeps(1, 1.0, 24_000)[: int(24_000 * seconds)].astype("<i2").tobytes())


def udp_sockets(process: psutil.Process) -> list[Any]:
    return list(process.net_connections(kind="udp"))


# Addresses


def ports_in(sdp: str) -> set[int]:
    return {int(port) for port in re.findall(r"a=candidate:\S+ \d udp \d+ \S+ (\d+) typ host", sdp)}


def test_only_ports_of_the_range_are_used_and_without_one_there_is_no_call() -> None:
    async def run() -> None:
        settings = replace(LOOPBACK, udp_ports="47310-47311")
        browsers = [Browser() for _ in range(3)]
        offers = [await browser.offer() for browser in browsers]
        first = await answer_offer(offers[0], settings)
        second = await answer_offer(offers[1], settings)
        assert ports_in(first.answer_sdp) | ports_in(second.answer_sdp) == {47310, 47311}
        with pytest.raises(Busy) as busy:
            await answer_offer(offers[2], settings)
        assert busy.value.retry_after_s
        await first.close()
        third = await answer_offer(offers[2], settings)
        assert ports_in(third.answer_sdp) == ports_in(first.answer_sdp)
        for transport in (second, third):
            await transport.close()
        for browser in browsers:
            await browser.close()

    run_patiently(run())


def test_a_public_address_is_named_beside_our_own() -> None:
    async def run() -> str:
        browser = Browser()
        settings = replace(LOOPBACK, addresses=("0.0.0.0",), public_address="203.0.113.7")
        transport = await answer_offer(await browser.offer(), settings)
        await transport.close()
        await browser.close()
        return transport.answer_sdp

    sdp = run_patiently(run())
    assert "203.0.113.7" in sdp
    assert len(ports_in(sdp)) == 1


def test_nobody_outside_is_asked_unless_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    import aioice.ice

    async def asked(*_: object, **__: object) -> None:
        raise AssertionError("a server was asked for candidates")

    monkeypatch.setattr(aioice.ice, "server_reflexive_candidate", asked)
    monkeypatch.setattr(aioice.ice, "relayed_candidate", asked)

    async def nothing(scene: Call) -> None:
        assert "srflx" not in scene.transport.answer_sdp
        assert "relay" not in scene.transport.answer_sdp

    call(nothing, virtual=True)


def test_a_stun_server_that_does_not_answer_costs_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    import aioice.ice

    async def unreachable(*_: object) -> None:
        raise OSError("no route")

    monkeypatch.setattr(aioice.ice, "server_reflexive_candidate", unreachable)

    async def nothing(scene: Call) -> None:
        assert ports_in(scene.transport.answer_sdp)

    call(nothing, ice_servers=("stun:127.0.0.1:9",), virtual=True)


# A second offer


async def moved(browser: Browser) -> tuple[str, Connection]:
    """A browser's offer for an ICE restart, and the connection that will follow it up."""
    connection = Connection(ice_controlling=True)
    gather_by(LOOPBACK, connection)
    await connection.gather_candidates()
    sdp = re.sub(r"(?m)^a=(candidate|end-of-candidates).*\r\n", "", browser.peer.localDescription.sdp)
    sdp = re.sub(r"(?m)^a=ice-ufrag:.*$", f"a=ice-ufrag:{connection.local_username}\r", sdp)
    sdp = re.sub(r"(?m)^a=ice-pwd:.*$", f"a=ice-pwd:{connection.local_password}\r", sdp).replace("\r\r", "\r")
    return sdp, connection


async def follow(connection: Connection, answer: str, browser: Browser) -> None:
    """What a browser does with the answer to its restart: find the pair, and talk over it from then on."""
    head = answer.split("m=application")[0]
    connection.remote_username = re.findall(r"a=ice-ufrag:(\S+)", head)[0]
    connection.remote_password = re.findall(r"a=ice-pwd:(\S+)", head)[0]
    for candidate in re.findall(r"a=candidate:(.*?)\r?\n", head):
        await connection.add_remote_candidate(Candidate.from_sdp(candidate))
    await connection.add_remote_candidate(None)
    await connection.connect()
    ice = browser.ice
    connection._queue = ice._connection._queue
    ice._connection, before = connection, ice._connection
    ice._recv, ice._send = connection.recv, connection.send
    before._queue = asyncio.Queue()
    await before.close()


def test_a_call_goes_on_over_other_addresses() -> None:
    async def moves(scene: Call) -> None:
        sdp, connection = await moved(scene.browser)
        before = ports_in(scene.transport.answer_sdp)
        answer = await scene.transport.renegotiate(sdp)
        assert ports_in(answer).isdisjoint(before)
        await follow(connection, answer, scene.browser)
        await scene.until(lambda: scene.transport.restarts == 1)
        frames = len(scene.ears.frames)
        await scene.until(lambda: len(scene.ears.frames) > frames + 20)
        scene.play(sweeps(3, 0.5, 24_000))
        scene.browser.heard.clear()
        await scene.until(lambda: len(scene.browser.heard) > 15)
        scene.browser.say({"type": "response.cancel"})
        await scene.until(lambda: bool(scene.ears.events))
        assert not scene.ears.goodbyes

    call(moves, sweeps(2, 2.0, 48_000))


def test_the_same_offer_again_gets_the_same_answer() -> None:
    async def again(scene: Call) -> None:
        answer = scene.transport.answer_sdp
        assert await scene.transport.renegotiate(scene.browser.peer.localDescription.sdp) == answer

    call(again, virtual=True)


def test_a_move_that_leads_nowhere_leaves_the_call_as_it_was() -> None:
    async def moves(scene: Call) -> None:
        sdp, connection = await moved(scene.browser)
        await scene.transport.renegotiate(sdp)
        await connection.close()
        await asyncio.sleep(1.5)
        frames = len(scene.ears.frames)
        await scene.until(lambda: len(scene.ears.frames) > frames + 10)
        assert scene.transport.restarts == 0

    call(moves, connect_s=1.0, virtual=True)


def test_a_bad_second_offer_is_refused_and_the_call_goes_on() -> None:
    async def bad(scene: Call) -> None:
        with pytest.raises(ProtocolError):
            await scene.transport.renegotiate("v=0\r\n")
        frames = len(scene.ears.frames)
        await scene.until(lambda: len(scene.ears.frames) > frames + 5)

    call(bad, virtual=True)
