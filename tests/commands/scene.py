"""A conversation as a command watches it, without an engine, a loop or a sound card."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from voice.app.calls import CallReport
from voice.audio.frames import PCM_24K, AudioFrame
from voice.protocol.codec import decode_server_event
from voice.runtime.reporter import Reporter
from voice.session.effects import Effect, Note, Play, StopPlayback
from voice.session.events import CallerAudio, EngineAudio, EngineSaid, Event, HungUp, Played, Tick

Step = tuple[float, Event, list[Effect]]
Watch = Callable[[float, Event, list[Effect]], None]

LOUD = AudioFrame(PCM_24K, b"\xff\x3f" * 480)
SILENT = AudioFrame(PCM_24K, bytes(960))


def said(type: str, **fields: Any) -> EngineSaid:
    """The engine's words as they arrive."""
    return EngineSaid(decode_server_event(json.dumps({"type": type, "event_id": "e", **fields})))


def transcribed(text: str) -> EngineSaid:
    return said(
        "conversation.item.input_audio_transcription.completed",
        item_id="item_1",
        content_index=0,
        transcript=text,
        usage={"type": "duration", "seconds": 1.0},
    )


def answered(text: str) -> EngineSaid:
    return said(
        "response.output_audio_transcript.done",
        response_id="resp_1",
        item_id="item_2",
        output_index=0,
        content_index=0,
        transcript=text,
    )


def a_short_conversation(answer: str = "It is noon.") -> list[Step]:
    """One question, one tool, one answer that is interrupted; the clock began somewhere."""
    play = Play("resp_1", "item_2", 0, 0, LOUD)
    turn = {
        "speech_started_at": 100.2,
        "speech_stopped_at": 101.0,
        "committed_at": 101.4,
        "asked_at": 101.4,
        "first_delta_at": 101.7,
        "first_audible_at": 101.8,
    }
    return [
        (100.0, CallerAudio(LOUD), [Note("link", {"state": "ready"})]),
        (
            100.2,
            said("input_audio_buffer.speech_started", item_id="item_1", audio_start_ms=200),
            [Note("speech_started")],
        ),
        (
            101.0,
            said("input_audio_buffer.speech_stopped", item_id="item_1", audio_end_ms=1000),
            [Note("speech_stopped")],
        ),
        (101.5, transcribed("What time is it?"), []),
        (101.6, Tick(), [Note("tool_done", {"call_id": "c", "name": "get_time", "ok": True, "ms": 12.0})]),
        (101.7, EngineAudio("resp_1", "item_2", 0, 0, LOUD), [play]),
        (101.75, answered(answer), []),
        (101.8, Played(0, 10.0, 0.0), [Note("turn", turn)]),
        (
            102.0,
            Tick(),
            [
                StopPlayback(1),
                Note("barge_in", {"why": "speech", "item_id": "item_2", "heard_ms": 15, "received_ms": 20.0}),
            ],
        ),
        (102.5, HungUp("file ended"), [Note("ended", {"reason": "file ended", "code": 1000, "cost_usd": 0.0})]),
    ]


def leave_trace(path: Path) -> None:
    path.write_text('{"voice_trace": 1, "session_id": "sess_test"}\n')


def app_that_plays(steps: Sequence[Step], *, calls: list[dict[str, Any]] | None = None) -> ModuleType:
    """A `voice.app` whose conversations are always this one."""
    app = ModuleType("voice.app")

    async def run_call(
        settings: Any, transport: Any, *, url: str | None, trace: Path | None, watch: Watch
    ) -> CallReport:
        if calls is not None:
            calls.append({"settings": settings, "transport": transport, "url": url, "trace": trace})
        if trace is not None:
            leave_trace(trace)
        reporter = Reporter()
        for now, event, effects in steps:
            watch(now, event, effects)
            reporter.watch(now, event, effects)
        return CallReport("sess_test", "file ended", reporter.report)

    app.CallReport = CallReport  # type: ignore[attr-defined]
    app.run_call = run_call  # type: ignore[attr-defined]
    return app
