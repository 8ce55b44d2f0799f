"""The cheapest ear: loud or not, and for how long."""

from __future__ import annotations

import asyncio

from tests.runtime.stage import conversation
from tests.session.stage import server
from voice.audio.frames import PCM_24K, AudioFrame
from voice.runtime.loudness import LOUD_MS, Loudness

QUIET = AudioFrame(PCM_24K, PCM_24K.silence(20))
LOUD = AudioFrame(PCM_24K, b"\x00\x10" * 480)


def hear(ear: Loudness, *frames: tuple[AudioFrame, float]) -> int:
    """So many ms of each: how often it spoke up."""
    return sum(ear.hear(frame) for frame, ms in frames for _ in range(round(ms / 20)))


def test_it_speaks_up_once_for_every_so_much_of_loud_sound() -> None:
    assert hear(Loudness(), (LOUD, LOUD_MS - 80)) == 0
    assert hear(Loudness(), (LOUD, 640)) == 1
    assert hear(Loudness(), (LOUD, 3 * 640)) == 3


def test_the_pauses_between_words_do_not_count() -> None:
    assert hear(Loudness(), (LOUD, 400), (QUIET, 160), (LOUD, 240)) == 1


def test_a_knock_now_and_then_is_nothing() -> None:
    assert hear(Loudness(), *[(LOUD, 240), (QUIET, 480)] * 20) == 0


def test_a_driver_without_an_ear_tells_the_session_that_it_is_loud() -> None:
    async def scene() -> None:
        async with conversation() as talk:
            talk.transport.say(QUIET.data * 40)
            assert "CallerLoud" not in talk.seen.events()
            talk.transport.say(LOUD.data * 40)
            assert talk.seen.events().count("CallerLoud") == 1

    asyncio.run(scene())


def test_loudness_is_nothing_new_while_somebody_speaks() -> None:
    async def scene() -> None:
        async with conversation() as talk:
            talk.engine.emit(server("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u"))
            talk.transport.say(LOUD.data * 80)
            assert "CallerLoud" not in talk.seen.events()

    asyncio.run(scene())
