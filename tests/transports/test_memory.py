from __future__ import annotations

import asyncio

import pytest

from tests.transports.people import Ears
from voice.audio.frames import PCM_24K, AudioFrame
from voice.errors import Misuse
from voice.protocol.client_events import ResponseCancel
from voice.transports.base import Playout, Transport
from voice.transports.memory import MemoryTransport


def opened(playout: Playout = "reports") -> tuple[MemoryTransport, Ears]:
    transport, ears = MemoryTransport(playout=playout), Ears()
    asyncio.run(transport.open(ears))
    return transport, ears


def frame(ms: float) -> AudioFrame:
    return AudioFrame(PCM_24K, PCM_24K.silence(ms))


def test_it_is_a_transport() -> None:
    transport: Transport = MemoryTransport()
    assert transport.traits.playout == "reports"


def test_nothing_is_heard_until_time_passes() -> None:
    transport, ears = opened()
    transport.play("resp_1", "item_1", 0, 0, frame(500))
    transport.play("resp_1", "item_2", 1, 0, frame(500))
    assert ears.plays == []
    transport.advance(700)
    assert ears.plays == [(0, 700, 0)]
    assert transport.heard_ms("item_1") == 500
    assert transport.heard_ms("item_2") == 200


def test_a_stop_drops_the_unheard_and_begins_an_epoch() -> None:
    transport, ears = opened()
    transport.play("resp_1", "item_1", 0, 0, frame(1000))
    transport.advance(300)
    transport.stop_playback(1)
    transport.advance(300)
    transport.play("resp_2", "item_2", 0, 0, frame(100))
    transport.advance(300)
    assert ears.plays == [(0, 300, 0), (1, 100, 0)]
    assert [played.epoch for played in transport.played_frames] == [0, 1]
    assert transport.heard_ms() == 100


def test_marks_come_back_when_reached_and_all_at_once_after_a_stop() -> None:
    transport, ears = opened("marks")
    transport.play("resp_1", "item_1", 0, 0, frame(400))
    transport.mark(0, 200)
    transport.mark(0, 400)
    transport.advance(250)
    assert ears.plays == [(0, 200, 0)]
    transport.stop_playback(1)
    assert ears.plays == [(0, 200, 0), (0, 400, 0)]


@pytest.mark.parametrize("playout", ["clock", "client"])
def test_who_does_not_report_says_nothing(playout: Playout) -> None:
    transport, ears = opened(playout)
    transport.play("resp_1", "item_1", 0, 0, frame(100))
    transport.advance(100)
    assert ears.plays == []
    assert transport.heard_ms() == 100


def test_the_person_speaks_types_and_hangs_up_once() -> None:
    transport, ears = opened()
    transport.say(PCM_24K.silence(50))
    transport.client_says(ResponseCancel())
    transport.listener.typed("hello")
    transport.hang_up("gone")
    asyncio.run(transport.close(1000, "bye"))
    assert [frame.duration_ms for frame in ears.frames] == [20, 20, 10]
    assert ears.texts == ["hello"]
    assert ears.goodbyes == ["gone"]
    assert transport.closed == (1000, "bye")


def test_it_is_opened_once_and_before_anything_else() -> None:
    with pytest.raises(Misuse):
        MemoryTransport().say(b"\0\0")
    transport, _ = opened()
    with pytest.raises(Misuse):
        asyncio.run(transport.open(Ears()))


def test_a_duck_is_written_down_and_heard() -> None:
    transport, ears = opened()
    transport.play("resp_1", "item_1", 0, 0, frame(1000))
    transport.advance(200)
    transport.duck(-20)
    transport.advance(200)
    transport.restore()
    transport.advance(200)
    assert transport.ducks == [(200, -20), (400, 0)]
    assert [round(transport.level_at(ms), 2) for ms in (100, 300, 599)] == [1, 0.1, 1]
    assert ears.plays[-1] == (0, 600, 0)


def test_where_the_level_is_not_ours_a_duck_is_only_written_down() -> None:
    transport = MemoryTransport(can_duck=False)
    transport.duck(-20)
    transport.advance(100)
    assert transport.ducks == [(0, -20)]
    assert transport.level_at(50) == 1


def test_what_a_device_holds_is_reported_with_the_epoch_it_belongs_to() -> None:
    transport, ears = MemoryTransport(held_ms=60), Ears()
    asyncio.run(transport.open(ears))
    transport.play("resp_1", "item_1", 0, 0, frame(1000))
    transport.advance(300)
    expected_ms = ears.plays[-1][1] + transport.held_ms
    transport.stop_playback(1)
    transport.play("resp_2", "item_2", 0, 0, frame(100))
    transport.advance(40)
    transport.advance(40)
    assert ears.plays == [(0, 300, 0), (0, 340, 0), (0, 360, 0), (1, 20, 0)]
    assert expected_ms == 360
