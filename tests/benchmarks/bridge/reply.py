"""One response of the scripted engine: every event of its life, its deltas paced at five times real time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol

from tests.benchmarks.bridge.voiceover import DELTA_MS, DELTAS, PACE, delta

DELTA_EVERY_S = DELTA_MS / 1000 / PACE
IN_FLIGHT = 2  # deltas that are already on their way when a response is cancelled
TRANSCRIPT = "This is a reply of three seconds."
USAGE = {
    "total_tokens": 90,
    "input_tokens": 30,
    "output_tokens": 60,
    "input_token_details": {"text_tokens": 10, "audio_tokens": 20, "image_tokens": 0, "cached_tokens": 0},
    "output_token_details": {"text_tokens": 0, "audio_tokens": 60},
}


class Emit(Protocol):
    def __call__(self, type: str, **fields: Any) -> None: ...


class Reply:
    """`streaming` until its last event. `cut` once it was cancelled or truncated."""

    def __init__(
        self,
        session: int,
        number: int,
        kind: str,
        emit: Emit,
        send: Callable[[bytes], None],
        previous_item_id: str | None,
    ) -> None:
        self.number = number
        self.response_id = f"resp_{session}_{number}"
        self.item_id = f"item_{session}_r{number}"
        self.sent = 0
        self.cut = False
        self.streaming = False
        self.began_s = 0.0
        self.late_ms: list[float] = []
        self._kind = kind
        self._emit = emit
        self._send = send
        self._previous = previous_item_id
        self._timer: asyncio.TimerHandle | None = None
        self._ids = {"response_id": self.response_id, "item_id": self.item_id, "output_index": 0, "content_index": 0}

    def begin(self) -> None:
        self.streaming = True
        self._emit("response.created", response=self._response("in_progress"))
        self._emit(
            "response.output_item.added", response_id=self.response_id, output_index=0, item=self.item("in_progress")
        )
        self._emit("conversation.item.added", item=self.item("in_progress"), previous_item_id=self._previous)
        self._emit("response.content_part.added", **self._ids, part={"type": "audio", "transcript": ""})
        self._emit("response.output_audio_transcript.delta", **self._ids, delta=TRANSCRIPT)
        self.began_s = time.monotonic()
        self._continue()

    def cancel(self, reason: str) -> None:
        """Stop, as a server does: what is on its way still arrives."""
        self.abandon()
        self.cut = True
        for _ in range(min(IN_FLIGHT, DELTAS - self.sent)):
            self._send_delta()
        self._finish("cancelled", reason)

    def abandon(self) -> None:
        """Stop sending, without a word."""
        if self._timer is not None:
            self._timer.cancel()

    def item(self, status: str) -> dict[str, Any]:
        content = [] if status == "in_progress" else [{"type": "output_audio", "transcript": TRANSCRIPT}]
        return {
            "id": self.item_id,
            "object": "realtime.item",
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": content,
        }

    def _continue(self) -> None:
        due = self.began_s + self.sent * DELTA_EVERY_S
        self.late_ms.append(max(0.0, time.monotonic() - due) * 1000)
        self._send_delta()
        if self.sent == DELTAS:
            self._finish("completed", None)
            return
        wait = self.began_s + self.sent * DELTA_EVERY_S - time.monotonic()
        self._timer = asyncio.get_running_loop().call_later(max(0.0, wait), self._continue)

    def _send_delta(self) -> None:
        self._send(
            (
                f'{{"type":"response.output_audio.delta","event_id":"event_{self.response_id}_{self.sent}",'
                f'"response_id":"{self.response_id}","item_id":"{self.item_id}","output_index":0,"content_index":0,'
                f'"delta":"{delta(self._kind, self.number, self.sent)}"}}'
            ).encode()
        )
        self.sent += 1

    def _finish(self, status: str, reason: str | None) -> None:
        item = self.item("completed" if status == "completed" else "incomplete")
        self._emit("response.output_audio.done", **self._ids)
        self._emit("response.output_audio_transcript.done", **self._ids, transcript=TRANSCRIPT)
        self._emit("response.content_part.done", **self._ids, part={"type": "audio", "transcript": TRANSCRIPT})
        self._emit("response.output_item.done", response_id=self.response_id, output_index=0, item=item)
        self._emit("conversation.item.done", item=item, previous_item_id=self._previous)
        self.streaming = False
        self._emit("response.done", response=self._response(status, reason, [item]))

    def _response(self, status: str, reason: str | None = None, output: list[Any] | None = None) -> dict[str, Any]:
        return {
            "id": self.response_id,
            "object": "realtime.response",
            "status": status,
            "status_details": {"type": status, "reason": reason} if reason else None,
            "output": output or [],
            "conversation_id": "conv_1",
            "output_modalities": ["audio"],
            "max_output_tokens": "inf",
            "metadata": None,
            "usage": USAGE if output else None,
        }
