"""The assistant's sound until it leaves, what the client is told of it, and when it is heard."""

from __future__ import annotations

import pytest

from voice.protocol.server_events import ServerEvent
from voice.transports.webrtc.far_ear import PLAYER_MS, FarEar
from voice.transports.webrtc.playout import BufferEvents, Playout


def test_sound_is_taken_in_its_order_whatever_the_pieces() -> None:
    playout = Playout()
    for response_id, data in (("a", b"1122"), ("a", b""), ("b", b"3344556677")):
        playout.put(response_id, data)
    assert [playout.take(6) for _ in range(3)] == [(b"112233", "b"), (b"445566", "b"), (b"77", "b")]
    assert playout.take(6) == (b"", "")
    assert playout.position_ms == pytest.approx(14 / 48)


def test_after_a_clear_nothing_old_is_left() -> None:
    playout = Playout()
    playout.put("a", bytes(2_000))
    playout.take(960)
    playout.fade_to(-18, 10)
    playout.clear(1)
    assert (playout.epoch, playout.waiting_bytes, playout.position_ms, playout.next_response) == (1, 0, 0.0, "")
    loud = b"\x00\x40" * 480
    playout.put("b", loud)
    assert playout.take(960) == (loud, "b"), "at full level again"


def test_what_there_is_no_room_for_is_kept_out_and_counted() -> None:
    playout = Playout(max_ms=20)
    playout.put("a", bytes(960))
    playout.put("a", bytes(2))
    assert (playout.refused_frames, playout.waiting_bytes) == (1, 960)


class Told:
    """What a client was told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.events = BufferEvents(self._note)

    def _note(self, event: ServerEvent) -> None:
        self.said.append(f"{event.type.rpartition('.')[2]} {getattr(event, 'response_id', '')}")


def test_a_reply_that_sounds_to_its_end() -> None:
    told = Told()
    for _ in range(3):
        told.events.sent("a")
    told.events.ran_dry()
    assert told.said == ["started a"], "more may come"
    told.events.response_done("a", dry=True)
    assert told.said == ["started a", "stopped a"]


def test_a_reply_that_is_made_faster_than_it_sounds() -> None:
    told = Told()
    told.events.sent("a")
    told.events.response_done("a", dry=False)
    assert told.events.is_done("a")
    told.events.ran_dry()
    assert told.said == ["started a", "stopped a"]


def test_a_reply_that_is_cut_off_is_told_once() -> None:
    told = Told()
    told.events.sent("a")
    told.events.cleared()
    told.events.cleared()
    told.events.response_done("a", dry=True)
    assert told.said == ["started a", "cleared a"]


def test_a_reply_that_never_sounded_is_not_told_of() -> None:
    told = Told()
    told.events.cleared()
    told.events.response_done("a", dry=True)
    told.events.ran_dry()
    assert told.said == []


# When it is heard


def test_sound_is_heard_a_way_and_a_player_later() -> None:
    ear = FarEar()
    ear.learn(0.1, 0.0)
    assert ear.delay_ms == PLAYER_MS + 50
    ear.sent(0, 20.0, 20.0, 1.0)
    assert ear.heard(1.0 + 0.09) == []
    ((epoch, position_ms),) = ear.heard(1.0 + 0.105)
    assert (epoch, round(position_ms, 6)) == (0, 10.0)
    assert ear.heard(1.0 + 0.115) == [(0, 20.0)]
    assert not ear.waits


def test_the_last_of_an_epoch_is_told_before_the_first_of_the_next() -> None:
    ear = FarEar()
    ear.sent(0, 500.0, 20.0, 1.0)
    ear.sent(1, 20.0, 20.0, 1.02)
    assert ear.heard(2.0) == [(0, 500.0), (1, 20.0)]


def test_an_uneven_way_is_longer_and_less_certain() -> None:
    even, uneven = FarEar(), FarEar()
    even.learn(0.04, 0.0)
    uneven.learn(0.04, 20.0)
    assert uneven.delay_ms > even.delay_ms
    assert uneven.uncertainty_ms > even.uncertainty_ms
