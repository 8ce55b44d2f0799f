"""A client's end of a scripted server, for tests of the kit itself: pure, with its own clock."""

from __future__ import annotations

import binascii
import json
from collections.abc import Iterable
from typing import Any

from voice.audio.frames import PCM_24K, AudioFrame
from voice.protocol.client_events import ClientEvent
from voice.protocol.codec import encode_event
from voice.testkit.connection import Connection, Out, Text
from voice.testkit.faults import Fault
from voice.testkit.injector import Injector
from voice.testkit.mind import Mind, answers
from voice.testkit.script import ScriptedServer
from voice.testkit.words import Vocabulary, WordReader


class Client:
    """Talks to one connection and keeps what comes back, as wire objects and as the rest."""

    def __init__(self, mind: Mind | None = None, faults: Iterable[Fault] = (), *, seed: int = 0) -> None:
        self.vocabulary = Vocabulary()
        self.server = ScriptedServer(mind or answers({}, "as you say"), self.vocabulary)
        self.injector = Injector(faults, seed=seed)
        self.connection = Connection(self.server, self.injector)
        self.now = 0.0
        self.raw: list[bytes] = []
        self.others: list[Out] = []
        self._take(self.connection.open(self.now))

    @property
    def events(self) -> list[dict[str, Any]]:
        """Everything so far that was an event."""
        found = []
        for data in self.raw:
            try:
                event = json.loads(data)
            except ValueError:
                continue
            if isinstance(event, dict) and "type" in event:
                found.append(event)
        return found

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def of(self, type: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == type]

    @property
    def errors(self) -> list[str]:
        return [event["error"]["code"] for event in self.of("error")]

    def say(self, event: ClientEvent | dict[str, Any]) -> None:
        """One event, over the wire."""
        data = json.dumps(event).encode() if isinstance(event, dict) else encode_event(event)
        self._take(self.connection.receive(data, self.now))

    def speak(self, text: str, *, silence_ms: int = 600) -> None:
        """Words in the input format, then silence, frame by frame, in time."""
        format = self.server.input_format
        data = self.vocabulary.speak(text, format) + format.silence(silence_ms)
        size = format.size_bytes(20)
        for start in range(0, len(data), size):
            self.wait(0.02)
            self._take(self.connection.hear(AudioFrame(format, data[start : start + size]), self.now))

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        until = self.now + seconds
        while (at := self.connection.deadline()) is not None and at <= until:
            self.now = max(self.now, at)
            self._take(self.connection.tick(self.now))
        self.now = until

    def heard(self, response_id: str | None = None) -> str:
        """The words in the sound that came."""
        reader = WordReader(self.vocabulary, PCM_24K)
        for event in self.of("response.output_audio.delta"):
            if response_id in (None, event["response_id"]):
                reader.feed(AudioFrame(self.server.output_format, binascii.a2b_base64(event["delta"])))
        return " ".join(reader.words)

    def _take(self, outs: list[Out]) -> None:
        for out in outs:
            if isinstance(out, Text):
                self.raw.append(out.data)
            else:
                self.others.append(out)
