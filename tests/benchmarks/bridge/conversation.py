"""The scripted engine's side of one Realtime session: GA events in and out, speech told by the caller's markers.

It leaves turns to whoever claims them: `create_response` and `interrupt_response` are honoured, so a client that
controls the floor creates and cancels by itself and one that does not is served.
"""

from __future__ import annotations

import binascii
import json
import time
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np

from tests.benchmarks.bridge.g711 import decode
from tests.benchmarks.bridge.markers import Detector, Symbol, is_quiet
from tests.benchmarks.bridge.reply import Emit, Reply
from tests.benchmarks.bridge.settings import SESSION, merge, user_item
from tests.benchmarks.bridge.voiceover import DELTA_MS, DELTAS, PCM, RATES

Handler = Callable[[dict[str, Any]], None]
APPEND = b'"input_audio_buffer.append"'
AUDIO = b'"audio":'
AUDIBLE_S = DELTA_MS * DELTAS / 1000 - 0.1


class Conversation:
    """Takes a client's messages as they are on the wire, answers through `send`, and keeps a log."""

    def __init__(self, number: int, send: Callable[[bytes], None]) -> None:
        self.number = number
        self.session = {**deepcopy(SESSION), "id": f"sess_{number}"}
        self.replies: list[Reply] = []
        self.ready_s = 0.0
        self.heard: list[tuple[float, int, float]] = []
        self.speech: list[tuple[str, float, bool, bool]] = []
        self.problems: list[str] = []
        self._send = send
        self._events = 0
        self._turns = 0
        self._last_item: str | None = None
        self._detector = Detector(self._input_rate_hz())
        self._is_pcm = True
        self._handlers: dict[str, Handler] = {
            "session.update": self._update,
            "response.create": self._create,
            "response.cancel": self._cancel,
            "conversation.item.truncate": self._truncate,
            "conversation.item.create": self._create_item,
            "conversation.item.delete": self._delete_item,
            "conversation.item.retrieve": self._retrieve_item,
            "input_audio_buffer.commit": lambda message: self._commit(),
            "input_audio_buffer.clear": lambda message: self.emit("input_audio_buffer.cleared"),
        }

    def emit(self, type: str, **fields: Any) -> None:
        self._events += 1
        event = {"type": type, "event_id": f"event_{self.number}_{self._events}", **fields}
        self._send(json.dumps(event).encode())

    def open(self) -> None:
        self.emit("session.created", session=self.session)

    def close(self) -> None:
        for reply in self.replies:
            reply.abandon()

    def receive(self, data: bytes) -> None:
        if APPEND in data:
            self._append(data)
            return
        message = json.loads(data)
        handler = self._handlers.get(message.get("type"))
        if handler is None:
            self._refuse(message, "invalid_value", f"Unknown type {message.get('type')!r}.")
        else:
            handler(message)

    def report(self) -> dict[str, object]:
        return {
            "number": self.number,
            "ready_s": self.ready_s,
            "heard": self.heard,
            "speech": self.speech,
            "replies": [[reply.began_s, reply.number, reply.sent, reply.cut] for reply in self.replies],
            "late_ms": [late for reply in self.replies for late in reply.late_ms],
            "problems": self.problems,
        }

    # What the client says

    def _append(self, message: bytes) -> None:
        """The hot path: the payload is cut out of the message, and quiet frames are only counted."""
        now = time.monotonic()
        start = message.index(b'"', message.index(AUDIO) + len(AUDIO)) + 1
        data = binascii.a2b_base64(message[start : message.index(b'"', start)])
        if not self._detector.listening and is_quiet(data, pcm=self._is_pcm):
            self._detector.skip(len(data) >> self._is_pcm)
            return
        for marker in self._detector.feed(np.frombuffer(data, np.int16) if self._is_pcm else decode(data), now):
            if marker.symbol == Symbol.START:
                self._speech_started(marker.position_ms)
            elif marker.symbol == Symbol.STOP:
                self._speech_stopped(marker.position_ms)
            self.heard.append((marker.at_s, marker.symbol, marker.position_ms))

    def _update(self, message: dict[str, Any]) -> None:
        before = self._input_format()
        merge(self.session, message.get("session", {}))
        for side in ("input", "output"):
            kind = self.session["audio"][side]["format"]["type"]
            if kind not in RATES:
                self.session["audio"][side]["format"] = PCM
                self._refuse(message, "invalid_value", f"The script does not speak {kind}.")
        if self._input_format() != before:
            self._is_pcm = self._input_format() == "audio/pcm"
            self._detector = Detector(self._input_rate_hz())
        self.ready_s = self.ready_s or time.monotonic()
        self.emit("session.updated", session=self.session)

    def _create(self, message: dict[str, Any]) -> None:
        if self._streaming() is not None:
            self._refuse(message, "conversation_already_has_active_response", "A response is active.")
        else:
            self._begin_reply()

    def _cancel(self, message: dict[str, Any]) -> None:
        reply = self._streaming()
        wanted = message.get("response_id")
        if reply is None or (wanted is not None and wanted != reply.response_id):
            self._refuse(message, "response_cancel_not_active", "No such response is active.", harmless=True)
        else:
            reply.cancel("client_cancelled")

    def _truncate(self, message: dict[str, Any]) -> None:
        item_id, audio_end_ms = message.get("item_id"), message.get("audio_end_ms", 0)
        reply = next((each for each in self.replies if each.item_id == item_id), None)
        if reply is None or not 0 <= audio_end_ms <= reply.sent * DELTA_MS:
            self._refuse(message, "invalid_value", f"Cannot truncate at {audio_end_ms} ms.")
            return
        reply.cut = reply.cut or audio_end_ms < DELTAS * DELTA_MS
        self.emit("conversation.item.truncated", item_id=item_id, content_index=0, audio_end_ms=audio_end_ms)

    def _create_item(self, message: dict[str, Any]) -> None:
        item = {"object": "realtime.item", "status": "completed", **message.get("item", {})}
        item.setdefault("id", f"item_{self.number}_c{self._events}")
        self._add_item(item)

    def _delete_item(self, message: dict[str, Any]) -> None:
        self.emit("conversation.item.deleted", item_id=message.get("item_id"))

    def _retrieve_item(self, message: dict[str, Any]) -> None:
        reply = next((each for each in self.replies if each.item_id == message.get("item_id")), None)
        item = reply.item("completed") if reply else user_item(str(message.get("item_id")))
        self.emit("conversation.item.retrieved", item=item)

    # What the caller does

    def _speech_started(self, position_ms: float) -> None:
        if not self._detection():
            return
        reply = self._streaming()
        last = self.replies[-1] if self.replies else None
        now = time.monotonic()  # before the event leaves: the answer may be faster than we come back
        audible = last is not None and not last.cut and now < last.began_s + AUDIBLE_S
        self._turns += 1
        self.speech.append(("started", now, audible, reply is not None))
        self.emit("input_audio_buffer.speech_started", audio_start_ms=int(position_ms), item_id=self._turn_id())
        if reply is not None and self._detection().get("interrupt_response", True):
            reply.cancel("turn_detected")

    def _speech_stopped(self, position_ms: float) -> None:
        if not self._detection():
            return
        self.speech.append(("stopped", time.monotonic(), False, False))
        self.emit("input_audio_buffer.speech_stopped", audio_end_ms=int(position_ms), item_id=self._turn_id())
        self._commit()
        if self._detection().get("create_response", True) and self._streaming() is None:
            self._begin_reply()

    def _commit(self) -> None:
        item_id = self._turn_id()
        self.emit("input_audio_buffer.committed", item_id=item_id, previous_item_id=self._last_item)
        self._add_item(user_item(item_id))

    # Helpers

    def _begin_reply(self) -> None:
        kind = self.session["audio"]["output"]["format"]["type"]
        emit: Emit = self.emit
        reply = Reply(self.number, len(self.replies), kind, emit, self._send, self._last_item)
        self.replies.append(reply)
        self._last_item = reply.item_id
        reply.begin()

    def _add_item(self, item: dict[str, Any]) -> None:
        for type in ("conversation.item.added", "conversation.item.done"):
            self.emit(type, item=item, previous_item_id=self._last_item)
        self._last_item = item["id"]

    def _streaming(self) -> Reply | None:
        return self.replies[-1] if self.replies and self.replies[-1].streaming else None

    def _turn_id(self) -> str:
        return f"item_{self.number}_u{self._turns}"

    def _detection(self) -> dict[str, Any]:
        """The session's turn detection; empty when the client has none and does it all itself."""
        return self.session["audio"]["input"].get("turn_detection") or {}

    def _input_format(self) -> str:
        return str(self.session["audio"]["input"]["format"]["type"])

    def _input_rate_hz(self) -> int:
        return RATES[self._input_format()]

    def _refuse(self, message: dict[str, Any], code: str, text: str, *, harmless: bool = False) -> None:
        if not harmless:
            self.problems.append(f"{code}: {text}")
        error = {"type": "invalid_request_error", "code": code, "message": text, "param": None}
        self.emit("error", error={**error, "event_id": message.get("event_id")})
