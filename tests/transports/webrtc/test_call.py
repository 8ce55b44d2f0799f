"""A call between stock aiortc and our end, over real sockets."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

pytest.importorskip("aiortc")

from tests.transports.webrtc.calls import Call, call, server_event
from tests.transports.webrtc.sounds import found, sweeps
from voice.audio.frames import PCM_24K
from voice.protocol.client_events import OutputAudioBufferClear, ResponseCancel, SessionUpdate


def test_what_a_person_says_arrives_as_it_was_said() -> None:
    said = sweeps(1, 2.0, 48_000)

    async def speak(scene: Call) -> None:
        await scene.until(lambda: len(scene.ears.frames) > 100)

    ended = call(speak, said, virtual=True)
    match, _ = found(ended.ears.heard, said[36_000:84_000:2])  # a client may have begun before we listen
    assert match > 0.93
    assert {frame.format for frame in ended.ears.frames} == {PCM_24K}


def test_what_we_say_arrives_as_it_was_said() -> None:
    said = sweeps(2, 1.5, 24_000)

    async def answer(scene: Call) -> None:
        scene.play(said)
        await scene.until(lambda: bool(scene.ears.plays) and scene.ears.plays[-1][1] >= 1_500)
        await asyncio.sleep(0.2)

    ended = call(answer)
    match, _ = found(ended.browser.sound()[::2], said)
    assert match > 0.93


def test_positions_are_reported_as_they_are_heard() -> None:
    async def answer(scene: Call) -> None:
        began_s = asyncio.get_running_loop().time()
        scene.play(np.zeros(24_000, np.int16))
        await scene.until(lambda: bool(scene.ears.plays) and scene.ears.plays[-1][1] == 1_000)
        took_ms = (asyncio.get_running_loop().time() - began_s) * 1000
        assert took_ms >= 1_000 + scene.transport.held_ms - 30, "nothing is heard before it can have been"

    plays = call(answer, virtual=True).ears.plays
    positions = [position_ms for _, position_ms, _ in plays]
    assert positions == sorted(positions)
    assert 4 <= len(plays) <= 16
    assert {epoch for epoch, _, _ in plays} == {0}
    assert all(20 <= uncertainty_ms <= 150 for _, _, uncertainty_ms in plays)


def test_a_stop_is_heard_at_once_and_what_had_left_is_reported() -> None:
    async def interrupted(scene: Call) -> None:
        scene.play(sweeps(3, 3.0, 24_000))
        await scene.until(lambda: len(scene.browser.heard) > 20)
        scene.transport.stop_playback(1)
        scene.play(np.zeros(2_400, np.int16), "resp_2")
        await scene.until(lambda: scene.ears.plays[-1][:2] == (1, 100))

    ended = call(interrupted)
    first = [position_ms for epoch, position_ms, _ in ended.ears.plays if epoch == 0]
    heard_ms = np.flatnonzero(np.abs(ended.browser.sound()) > 500)[-1] / 48
    began_ms = np.flatnonzero(np.abs(ended.browser.sound()) > 50)[0] / 48
    assert heard_ms - began_ms == pytest.approx(first[-1], abs=65)
    assert ended.browser.types() == [
        "output_audio_buffer.started",
        "output_audio_buffer.cleared",
        "output_audio_buffer.started",
    ]


def test_a_duck_is_in_the_next_frame_and_a_restore_loses_nothing() -> None:
    tone = (8_000 * np.sin(2 * np.pi * 500 * np.arange(48_000) / 24_000)).astype(np.int16)

    async def ducked(scene: Call) -> None:
        scene.play(tone)
        await asyncio.sleep(0.5)
        scene.transport.duck(-18.0)
        await asyncio.sleep(0.5)
        scene.transport.restore()
        await scene.until(lambda: bool(scene.ears.plays) and scene.ears.plays[-1][1] == 2_000)
        await asyncio.sleep(0.2)

    heard = call(ducked).browser.sound().astype(np.float64)
    levels = np.sqrt(np.mean(heard[: len(heard) // 960 * 960].reshape(-1, 960) ** 2, axis=1))
    loud = levels > 4_000
    quiet = (levels > 300) & (levels < 1_500)
    begins, ends = np.flatnonzero(quiet)[[0, -1]]
    assert 15 <= ends - begins <= 35
    assert np.count_nonzero(~loud[begins - 2 : begins]) <= 1, "from loud to quiet within a frame or its border"
    assert np.count_nonzero(loud) + np.count_nonzero(quiet) >= 95


def test_the_client_is_told_what_sounds() -> None:
    async def two_replies(scene: Call) -> None:
        scene.play(np.zeros(4_800, np.int16), "resp_a")
        scene.done("resp_a")
        scene.play(np.zeros(4_800, np.int16), "resp_b")
        await scene.until(lambda: scene.ears.plays[-1:] != [] and scene.ears.plays[-1][1] >= 400)
        assert scene.browser.types()[-1] == "output_audio_buffer.started"
        scene.done("resp_b")
        await scene.until(lambda: "output_audio_buffer.stopped" in scene.browser.types()[-1:])

    events = call(two_replies, virtual=True).browser.events
    told = [(event["type"].rpartition(".")[2], event["response_id"]) for event in events if "response_id" in event]
    assert told == [("started", "resp_a"), ("stopped", "resp_a"), ("started", "resp_b"), ("stopped", "resp_b")]
    assert all(event["event_id"] for event in events)


def test_only_what_is_listed_passes_either_way() -> None:
    async def talk(scene: Call) -> None:
        for event in (
            server_event("session.created", session={"type": "realtime"}),
            server_event(
                "response.output_audio.delta",
                response_id="r",
                item_id="i",
                output_index=0,
                content_index=0,
                delta="AAAA",
            ),
            server_event("some.invention"),
            server_event("voice.link", state="restored"),
        ):
            scene.transport.send_event(event)
        scene.browser.say({"type": "input_audio_buffer.append", "audio": "AAAA", "event_id": "mine"})
        scene.browser.say({"type": "nonsense"})
        scene.browser.channel.send("{")  # type: ignore[union-attr]
        scene.browser.channel.send(b"{}")  # type: ignore[union-attr]
        scene.browser.say({"type": "response.cancel"})
        scene.browser.say({"type": "output_audio_buffer.clear"})
        await scene.until(lambda: len(scene.ears.events) == 2 and len(scene.browser.events) == 6)

    ended = call(talk, virtual=True)
    assert [type(event) for event in ended.ears.events] == [ResponseCancel, OutputAudioBufferClear]
    assert ended.browser.types() == ["session.created", "voice.link", "error", "error", "error", "error"]
    errors = [event["error"] for event in ended.browser.events if event["type"] == "error"]
    assert [error["code"] for error in errors] == ["invalid_value", "invalid_value", "invalid_json", "invalid_event"]
    assert errors[0]["event_id"] == "mine"


def test_the_sound_is_opus_whatever_format_a_client_asks_for() -> None:
    async def ask(scene: Call) -> None:
        formats = {"format": {"type": "audio/pcmu"}}
        audio = {"input": {**formats, "noise_reduction": None}, "output": {**formats, "voice": "marin"}}
        scene.browser.say({"type": "session.update", "session": {"type": "realtime", "audio": audio}})
        await scene.until(lambda: bool(scene.ears.events))

    (update,) = call(ask, virtual=True).ears.events
    assert isinstance(update, SessionUpdate)
    written = update.model_dump(exclude_unset=True)["session"]["audio"]
    assert written == {"input": {"noise_reduction": None}, "output": {"voice": "marin"}}


def test_what_is_said_before_the_channel_opens_waits_for_it() -> None:
    async def early(scene: Call) -> None:
        await scene.until(lambda: len(scene.browser.events) == 1)

    async def run() -> list[str]:
        from tests.transports.people import Ears
        from tests.transports.webrtc.browser import LOOPBACK, Browser
        from voice.transports.webrtc import answer_offer

        browser = Browser()
        transport = await answer_offer(await browser.offer(), LOOPBACK)
        transport.send_event(server_event("session.created", session={"type": "realtime"}))
        await browser.accept(transport.answer_sdp)
        await transport.open(Ears())
        await browser.open.wait()
        await Call(browser, transport, None).until(lambda: len(browser.events) == 1)  # type: ignore[arg-type]
        await transport.close()
        await browser.close()
        return browser.types()

    assert asyncio.run(run()) == ["session.created"]


def test_a_client_without_a_data_channel_can_still_talk() -> None:
    async def speak(scene: Call) -> None:
        scene.transport.send_event(server_event("session.created", session={"type": "realtime"}))
        scene.play(sweeps(4, 0.5, 24_000))
        await scene.until(lambda: len(scene.ears.frames) > 10 and len(scene.browser.heard) > 10)

    call(speak, channel=False)
