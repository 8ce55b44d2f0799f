"""One connection to a scripted server, with the faults in between: bytes in, bytes out, time passed in.

Whoever carries the bytes (a websocket in `server`, a queue in a test) does what the outs say and calls `tick` at the
`deadline`. Everything a fault does to a connection is in this file.
"""

from __future__ import annotations

import copy
import json
from collections import deque
from dataclasses import dataclass
from typing import Any, assert_never

from voice.audio.frames import AudioFrame
from voice.errors import ProtocolError
from voice.protocol.client_events import ClientEvent
from voice.protocol.codec import append_payload, decode_client_event, encode_audio_delta
from voice.testkit import faults as f
from voice.testkit.injector import Injector
from voice.testkit.script import ScriptedServer, WireEvent


@dataclass(frozen=True, slots=True)
class Text:
    """Send this as a text message."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Binary:
    """Send this as a binary message."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """Close with this code."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Reset:
    """Break the connection without a word."""


@dataclass(frozen=True, slots=True)
class StopReading:
    """Read nothing more, and send nothing, pongs included."""


Out = Text | Binary | Close | Reset | StopReading

_RUBBISH = {
    "not_json": b'{"type":"response.done","response":{"id":',
    "not_an_object": b'["response.done"]',
    "no_type": b'{"event_id":"event_x"}',
    "unknown_event": b'{"type":"response.sparkled","event_id":"event_x","sparkle":{"colour":null}}',
    "empty": b"",
}
NOBODY = "nobody"


class Connection:
    """Carries events between a client and a ScriptedServer, and spoils them as the injector says."""

    def __init__(self, server: ScriptedServer, injector: Injector) -> None:
        self.server = server
        self.over = False
        self._injector = injector
        self._silent = False
        self._opened_at = 0.0
        self._outs: list[Out] = []
        self._late: list[_LateEvent] = []
        self._queue: deque[tuple[float, Out]] = deque()
        self._slow: tuple[float, f.Slow] | None = None
        self._last_sound: WireEvent | None = None

    # What the carrier does with it

    def open(self, now: float) -> list[Out]:
        """The client is there: greet it."""
        self._opened_at = now
        self._say_all(self.server.greet(), now)
        return self._take(now)

    def receive(self, data: bytes, now: float) -> list[Out]:
        """A message of the client, as it came."""
        sound = append_payload(data)
        if sound is not None:
            return self.hear(AudioFrame(self.server.input_format, base64=sound), now)
        try:
            event = decode_client_event(data)
        except ProtocolError as error:
            if not self._is_deaf:
                self._say_all(self.server.refuse(error), now)
            return self._take(now)
        return self.receive_event(event, now)

    def receive_event(self, event: ClientEvent, now: float) -> list[Out]:
        """A client's event."""
        if self._is_deaf:
            return []
        refusal = self._meet_client(event, now)
        if not self._is_deaf:
            self._say_all(self.server.refuse(refusal) if refusal else self.server.receive(event, now), now)
        return self._take(now)

    def hear(self, frame: AudioFrame, now: float) -> list[Out]:
        """The person's sound."""
        if self._is_deaf:
            return []
        said = self.server.hear(frame, now)
        if not said:
            return []
        self._say_all(said, now)
        return self._take(now)

    def person_says(self, words: str, now: float) -> list[Out]:
        """A turn that the script has the person say, without sound."""
        if self._is_deaf:
            return []
        self._say_all(self.server.person_says(words, now), now)
        return self._take(now)

    def befall(self, what: f.What, now: float) -> list[Out]:
        """A fault of its own time."""
        self._apply(what, {}, now)
        return self._take(now)

    def deadline(self) -> float | None:
        """When to call `tick`, if nothing else happens before."""
        if self.over:
            return None
        if self._silent:
            return None
        times = [self._queue[0][0]] if self._queue else []
        times += [late.until for late in self._late]
        times += [at for at in (self.server.deadline(), self._ends_at) if at is not None]
        return min(times, default=None)

    @property
    def _ends_at(self) -> float | None:
        life_s = self._injector.life_s
        return None if life_s is None else self._opened_at + life_s

    def tick(self, now: float) -> list[Out]:
        """Time passed."""
        if self._is_deaf:
            return self._take(now)
        ends_at = self._ends_at
        if ends_at is not None and now >= ends_at:
            self._end(Close(1001, f.MAXIMUM_DURATION), now)
            return self._take(now)
        self._say_all(self.server.tick(now), now)
        for late in [late for late in self._late if late.until <= now]:
            self._late.remove(late)
            self._send(late.event, now)
        return self._take(now)

    def lost(self) -> None:
        """The client is gone."""
        self.over = True

    # Saying

    @property
    def _is_deaf(self) -> bool:
        return self.over or self._silent

    def _say_all(self, said: list[WireEvent], now: float) -> None:
        for event in said:
            if self._is_deaf:
                return
            self._say(event, now)

    def _say(self, event: WireEvent, now: float) -> None:
        """One event of the server, with what goes wrong with it."""
        type = event["type"]
        if type == "response.output_audio.delta":
            self._last_sound = event
        whats = self._injector.meet(type, now)
        before = [what for what in whats if _comes_before(what)]
        for what in before:
            self._apply(what, event, now)
        if self._is_deaf:
            return
        if not any(isinstance(what, f.Lose | f.Late) or _replaces(what) for what in before):
            self._send(event, now)
        for what in whats:
            if what not in before:
                self._apply(what, event, now)
        self._count_late(event, now)

    def _send(self, event: WireEvent, now: float) -> None:
        self._put(Text(encode(event)), now)

    def _put(self, out: Out, now: float) -> None:
        if self._slow is not None and now >= self._slow[0] and not self._queue:
            self._slow = None
        if self._slow is None:
            self._outs.append(out)
            return
        slow = self._slow[1]
        at = now + slow.latency_ms / 1000 if now < self._slow[0] else now
        if self._queue:
            at = max(at, self._queue[-1][0] + slow.apart_ms / 1000)
        self._queue.append((at, out))

    def _take(self, now: float) -> list[Out]:
        while self._queue and self._queue[0][0] <= now and not self._silent:
            self._outs.append(self._queue.popleft()[1])
        outs, self._outs = self._outs, []
        return outs

    # Faults

    def _meet_client(self, event: ClientEvent, now: float) -> ProtocolError | None:
        refusal = None
        for what in self._injector.meet(event.type, now):
            if isinstance(what, f.RefuseEvent):
                refusal = ProtocolError(
                    "The test wanted this.", code=what.code, type=what.type, event_id=event.event_id
                )
            else:
                self._apply(what, {}, now)
        return refusal

    def _apply(self, what: f.What, event: WireEvent, now: float) -> None:
        match what:
            case f.Drop(code, reason):
                self._end(Reset() if code is None else Close(code, reason), now)
            case f.Stall():
                self._silent = True
            case f.HalfOpen():
                self._silent = True
                self._outs.append(StopReading())
            case f.Garbage(kind):
                self._garble(kind, event, now)
            case f.Slow():
                self._slow = (now + what.for_s, what)
            case f.ServerError(code):
                self._send(_error(code, what.type, what.message), now)
                if what.close_code is not None:
                    self._end(Close(what.close_code, what.message), now)
            case f.FailResponse(code):
                self._say_all(self.server.fail_response(code), now)
            case f.Stuck():
                self.server.freeze_response()
            case f.Duplicate(times) if event:
                for _ in range(times):
                    self._send(event, now)
            case f.Late(places, within_ms) if event:
                self._late.append(_LateEvent(event, places, now + within_ms / 1000))
            case f.WrongIds() if event:
                self._send(_of_nobody(event), now)
            case f.LateDeltas(count) if self._last_sound is not None:
                for _ in range(count):
                    self._send(self._last_sound, now)
            case f.Lose() | f.Refuse() | f.RefuseEvent() | f.ClockOut():
                pass  # the caller, or the injector, has seen to it
            case f.Duplicate() | f.Late() | f.WrongIds() | f.LateDeltas():
                pass  # there is no event to do it to
            case _:
                assert_never(what)

    def _garble(self, kind: str, event: WireEvent, now: float) -> None:
        if kind == "binary":
            self._put(Binary(b"\x00\xff"), now)
        elif kind == "misshapen":
            if event:
                self._put(Text(json.dumps(_misshapen(event)).encode()), now)
        else:
            self._put(Text(_RUBBISH[kind]), now)

    def _count_late(self, event: WireEvent, now: float) -> None:
        """One event went by: those that wait for it to do so come nearer."""
        for late in list(self._late):
            if late.event is event:
                continue
            late.places -= 1
            if late.places <= 0:
                self._late.remove(late)
                self._send(late.event, now)

    def _end(self, out: Out, now: float) -> None:
        self._outs += [queued for _, queued in self._queue if not isinstance(out, Reset)]
        self._queue.clear()
        self._late.clear()
        self._outs.append(out)
        self.over = True


@dataclass(slots=True, eq=False)
class _LateEvent:
    """An event held back until so many others went by, or until a time."""

    event: WireEvent
    places: int
    until: float


def encode(event: WireEvent) -> bytes:
    """A wire object as JSON text; sound by the shorter way."""
    if event["type"] == "response.output_audio.delta":
        return encode_audio_delta(
            event["event_id"],
            event["response_id"],
            event["item_id"],
            event["output_index"],
            event["content_index"],
            event["delta"].encode(),
        )
    return json.dumps(event).encode()


def _comes_before(what: f.What) -> bool:
    return not isinstance(what, f.Duplicate | f.WrongIds | f.LateDeltas | f.ClockOut | f.Stuck | f.FailResponse)


def _replaces(what: f.What) -> bool:
    return isinstance(what, f.Garbage) and what.kind == "misshapen"


def _error(code: str, type: str, message: str) -> WireEvent:
    detail = {"type": type, "code": code, "message": message, "param": None, "event_id": None}
    return {"type": "error", "event_id": "event_fault", "error": detail}


def _of_nobody(event: WireEvent) -> WireEvent:
    """The same event about things that do not exist."""
    twin = copy.deepcopy(event)
    _rename(twin)
    return twin


def _rename(value: Any) -> None:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in ("id", "item_id", "response_id", "call_id", "previous_item_id") and isinstance(inner, str):
                value[name] = f"{inner}_{NOBODY}"
            else:
                _rename(inner)
    elif isinstance(value, list):
        for inner in value:
            _rename(inner)


def _misshapen(event: WireEvent) -> WireEvent:
    """The same type with every other field of a kind that it cannot have."""
    return {name: value if name in ("type", "event_id") else [[{"what": None}]] for name, value in event.items()}
