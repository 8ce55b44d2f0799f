from __future__ import annotations

from voice.transports.playout import PlayoutQueue


def test_the_playout_queue_keeps_out_what_is_too_much() -> None:
    queue = PlayoutQueue(max_bytes=10)
    queue.put(b"12345678")
    queue.put(b"abcd")
    queue.put(b"ab")
    assert queue.refused_frames == 1
    assert queue.take(9) == (b"12345678a", 0, 9)
    assert queue.take(9) == (b"b", 0, 10)
    queue.clear(3)
    assert queue.take(4) == (b"", 3, 0)


def test_its_level_changes_as_it_is_taken_and_goes_on_changing_in_silence() -> None:
    queue = PlayoutQueue(max_bytes=10_000)
    queue.fade_to(-20, 10)
    assert queue.take(480) == (b"", 0, 0)
    queue.put(b"\x10\x27" * 4)
    sound, _, taken = queue.take(480)
    assert sound == b"\xe8\x03" * 4
    assert taken == 8
    queue.clear(1)
    queue.put(b"\x10\x27")
    assert queue.take(2)[0] == b"\x10\x27"
