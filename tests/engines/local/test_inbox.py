"""What waits to be handled: in order, in small parts, and bounded."""

from __future__ import annotations

import pytest

from voice.audio.frames import PCM_24K, AudioFrame
from voice.engines.local.inbox import PART_MS, Append, Inbox
from voice.errors import ProtocolError
from voice.protocol.client_events import InputAudioBufferCommit, ResponseCreate


def sound(ms: float) -> Append:
    return Append(AudioFrame(PCM_24K, PCM_24K.silence(ms)))


def test_a_long_sound_comes_in_parts_and_stays_before_what_came_after_it() -> None:
    inbox = Inbox()
    inbox.put(sound(PART_MS * 2 + 50))
    inbox.put(InputAudioBufferCommit())
    parts = [inbox.take() for _ in range(3)]
    assert [part.frame.duration_ms for part in parts if isinstance(part, Append)] == [PART_MS, PART_MS, 50]
    assert isinstance(inbox.take(), InputAudioBufferCommit)
    assert not inbox


def test_of_too_much_sound_the_oldest_is_dropped_and_no_event_is() -> None:
    inbox = Inbox(most_sound_ms=1000)
    inbox.put(sound(600))
    inbox.put(ResponseCreate())
    inbox.put(sound(600))
    assert inbox.dropped_ms == 600
    assert isinstance(inbox.take(), ResponseCreate)
    assert isinstance(inbox.take(), Append)


def test_too_many_events_are_noticed() -> None:
    inbox = Inbox(most_events=2)
    for _ in range(3):
        assert not inbox.is_overrun
        inbox.put(ResponseCreate())
    assert inbox.is_overrun


def test_a_long_sound_that_ends_within_a_sample_is_refused_whole() -> None:
    inbox = Inbox()
    inbox.put(Append(AudioFrame(PCM_24K, PCM_24K.silence(900) + b"\0"), "mine"))
    with pytest.raises(ProtocolError) as refused:
        inbox.take()
    assert refused.value.event_id == "mine"
    assert not inbox
