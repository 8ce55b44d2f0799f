"""A browser on a real connection, a scripted engine behind: who is told what, and what was heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

pytest.importorskip("aiortc")

from tests.runtime.stage import Conversation, reply, talks, until
from tests.session.stage import server
from tests.transports.webrtc.browser import LOOPBACK, Browser
from tests.transports.webrtc.sounds import sweeps
from voice.audio.frames import PCM_24K, AudioFrame
from voice.protocol.client_events import (
    ConversationItemTruncate,
    OutputAudioBufferClear,
    ResponseCancel,
    ResponseCreate,
)
from voice.session.events import Played
from voice.transports.webrtc import answer_offer


@asynccontextmanager
async def calling(**config: Any) -> AsyncIterator[tuple[Browser, Conversation]]:
    browser = Browser()
    transport: Any = await answer_offer(await browser.offer(), LOOPBACK)
    await browser.accept(transport.answer_sdp)
    scene = Conversation(transport=transport, client_face=True, **config)
    task = scene.start()
    try:
        await scene.ready()
        await browser.open.wait()
        yield browser, scene
    finally:
        await browser.close()
        await asyncio.wait([task], timeout=5)
        assert task.done(), "no session survives its peer"


def speaks(scene: Conversation, response_id: str = "resp_1", *, seconds: float = 3.0) -> None:
    """A reply of which the engine has made all, long before it has sounded."""
    engine = scene.engine
    engine.emit(server("response.created", response={"id": response_id, "status": "in_progress", "output": []}))
    sound = sweeps(1, seconds, 24_000).astype("<i2").tobytes()
    for start in range(0, len(sound), 9_600):
        engine.emit_audio(AudioFrame(PCM_24K, sound[start : start + 9_600]), response_id=response_id, item_id="item_a")


def test_an_interruption_is_ours_and_the_client_is_told_of_it() -> None:
    async def run() -> None:
        async with calling() as (browser, scene):
            speaks(scene)
            await until(lambda: len(browser.heard) > 30)
            scene.engine.emit(server("input_audio_buffer.speech_started", audio_start_ms=0, item_id="item_u"))
            await until(lambda: any(isinstance(event, ConversationItemTruncate) for event in scene.engine.sent))
            (cut,) = [event for event in scene.engine.sent if isinstance(event, ConversationItemTruncate)]
            scene.engine.emit(server("conversation.item.truncated", **cut.model_dump(exclude={"type", "event_id"})))
            await until(lambda: "conversation.item.truncated" in browser.types())
            await asyncio.sleep(0.3)
            (barge_in,) = scene.seen.notes("barge_in")
            reported = [event.position_ms for _, event, _ in scene.seen.lines if isinstance(event, Played)]
            assert barge_in["heard_ms"] == cut.audio_end_ms
            assert cut.audio_end_ms == pytest.approx(reported[-1], abs=45), "what was heard, to two frames"
        assert "response.output_audio.delta" not in browser.types()
        order = [type for type in browser.types() if type.startswith(("output_audio_buffer", "input", "conv"))]
        assert order == [
            "output_audio_buffer.started",
            "input_audio_buffer.speech_started",
            "output_audio_buffer.cleared",
            "conversation.item.truncated",
        ]

    asyncio.run(run())


def test_a_client_that_clears_its_buffer_stops_the_reply() -> None:
    async def run() -> None:
        async with calling() as (browser, scene):
            speaks(scene)
            await until(lambda: len(browser.heard) > 10)
            browser.say({"type": "response.cancel", "response_id": "resp_1"})
            browser.say({"type": "output_audio_buffer.clear"})
            await until(lambda: "output_audio_buffer.cleared" in browser.types())
            sent = [type(event) for event in scene.engine.sent]
            assert sent.count(ConversationItemTruncate) == 1
            assert ResponseCancel in sent
            assert OutputAudioBufferClear not in sent
            heard = len(browser.heard)
            await asyncio.sleep(0.4)
            assert len(browser.heard) - heard < 16, "only the silence behind it"

    asyncio.run(run())


def test_a_written_turn_is_answered_aloud_and_told_to_its_end() -> None:
    async def run() -> None:
        def answers(engine: Any, event: Any) -> None:
            if isinstance(event, ResponseCreate):
                reply(engine, "resp_9", ms=400)
            else:
                talks(engine, event)

        async with calling(answer=answers) as (browser, _):
            content = [{"type": "input_text", "text": "Hello."}]
            browser.say(
                {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": content}}
            )
            browser.say({"type": "response.create"})
            await until(lambda: "output_audio_buffer.stopped" in browser.types())
            types = browser.types()
            assert types[0] == "session.created"
            assert types.index("response.created") < types.index("output_audio_buffer.started")
            assert types.index("response.done") < types.index("output_audio_buffer.stopped")

    asyncio.run(run())


def test_a_browser_that_goes_takes_its_session_with_it() -> None:
    async def run() -> str:
        async with calling() as (browser, scene):
            speaks(scene)
            await until(lambda: len(browser.heard) > 5)
            await browser.peer.close()
            assert scene.task is not None
            return await asyncio.wait_for(scene.task, 3)

    assert asyncio.run(run())
