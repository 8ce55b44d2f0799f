"""Scripted stages, a listener that writes down, and a scene that puts an engine between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from voice.audio.frames import PCM_24K, AudioFormat, AudioFrame
from voice.engines.local.engine import LocalEngine, prepare
from voice.engines.stages import (
    BrainEvent,
    BrainRequest,
    TextDelta,
    ToolCallDelta,
    ToolCallDone,
    ToolCallStarted,
    Transcript,
)
from voice.protocol.client_events import ClientEvent, ResponseCreate, SessionUpdate
from voice.protocol.codec import Unknown, decode_client_event, decode_server_event, encode_event
from voice.protocol.ids import Ids
from voice.protocol.server_events import ErrorEvent, ResponseDone, ServerEvent
from voice.protocol.settings import ResponseParams, Session

prepare()  # as a service does before it opens its doors

LOUD = 8000
MS_PER_LETTER = 10

E = TypeVar("E")
Gate = asyncio.Event
Step = BrainEvent | Gate | Exception


class LoudnessVad:
    """Voice is what is loud."""

    rate_hz = 16_000
    window_samples = 512

    def __init__(self) -> None:
        self.resets = 0

    def feed(self, window: bytes) -> float:
        assert len(window) == self.window_samples * 2
        samples = memoryview(window).cast("h")
        return 0.95 if sum(abs(sample) for sample in samples) / len(samples) > LOUD / 4 else 0.05

    def reset(self) -> None:
        self.resets += 1


@dataclass
class ScriptedRecognition:
    """Knows its words from the start."""

    script: ScriptedRecogniser
    text: str
    heard: bytearray = field(default_factory=bytearray)
    abandoned: bool = False

    def feed(self, pcm: bytes) -> None:
        if self.script.breaks_while_fed:
            raise RuntimeError("the recogniser's process is gone")
        self.heard += pcm

    def partial(self) -> str:
        return self.text

    async def finish(self) -> Transcript:
        await self.script.gate.wait()
        if self.script.error is not None:
            raise self.script.error
        return Transcript(self.text, self.script.confidence)

    def abandon(self) -> None:
        self.abandoned = True


class ScriptedRecogniser:
    """Recognises one given text for each utterance; `gate` holds results back, `error` is raised instead."""

    name = "scripted"

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.made: list[ScriptedRecognition] = []
        self.languages: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None
        self.breaks_while_fed = False
        self.confidence: float | None = None

    async def open(self) -> None: ...

    def start(self, *, phrases: Sequence[str] = (), language: str = "en") -> ScriptedRecognition:
        self.languages.append(language)
        recognition = ScriptedRecognition(self, self.texts.pop(0) if self.texts else "hello")
        self.made.append(recognition)
        return recognition

    async def close(self) -> None: ...


class ScriptedSpeaker:
    """Says a letter in 10 ms, in pieces of 20 ms; `gate` closed holds it after its first piece."""

    name = "scripted"
    rate_hz = 16_000

    def __init__(self) -> None:
        self.said: list[tuple[str, str, float]] = []
        self.pieces = 0
        self.stopped = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def open(self) -> None: ...

    async def speak(self, text: str, *, voice: str = "", speed: float = 1.0) -> AsyncIterator[bytes]:
        self.said.append((text, voice, speed))
        if self.error is not None:
            raise self.error
        left_ms = len(text) * MS_PER_LETTER
        try:
            while left_ms > 0:
                piece_ms = min(20, left_ms)
                yield b"\x10\x00" * (piece_ms * 16)
                self.pieces += 1
                left_ms -= piece_ms
                await self.gate.wait()
        except GeneratorExit:
            self.stopped += 1
            raise
        except asyncio.CancelledError:
            self.stopped += 1
            raise

    async def close(self) -> None: ...


class ScriptedBrain:
    """Plays one script for each request; without a script it answers "Very well."."""

    name = "scripted"

    def __init__(self) -> None:
        self.scripts: list[Sequence[Step]] = []
        self.requests: list[BrainRequest] = []
        self.closed = 0

    async def open(self) -> None: ...

    async def reply(self, request: BrainRequest) -> AsyncIterator[BrainEvent]:
        self.requests.append(request)
        try:
            for step in self.scripts.pop(0) if self.scripts else [TextDelta("Very well.")]:
                if isinstance(step, Gate):
                    await step.wait()
                elif isinstance(step, Exception):
                    raise step
                else:
                    yield step
        finally:
            self.closed += 1

    async def close(self) -> None: ...


class Notebook:
    """A listener that writes everything down: events as themselves, sound as `Heard`."""

    def __init__(self) -> None:
        self.events: list[ServerEvent | HeardSound] = []
        self.closed: list[tuple[int, str]] = []
        self.inside_send = False
        self.news = asyncio.Event()

    def receive_event(self, event: ServerEvent | Unknown) -> None:
        assert not self.inside_send, "an answer came inside the call that asked"
        assert not self.closed, "something was said after the end"
        assert not isinstance(event, Unknown)
        # Everything said is what the wire's own reader understands.
        assert not isinstance(decode_server_event(encode_event(event)), Unknown)
        self.events.append(event.model_copy(deep=True))
        self.news.set()

    def receive_audio(
        self, response_id: str, item_id: str, output_index: int, content_index: int, frame: AudioFrame
    ) -> None:
        assert not self.inside_send
        assert not self.closed
        self.events.append(HeardSound(response_id, item_id, output_index, content_index, frame))
        self.news.set()

    def engine_closed(self, code: int, reason: str) -> None:
        self.closed.append((code, reason))


@dataclass(frozen=True)
class HeardSound:
    """A piece of the assistant's voice."""

    response_id: str
    item_id: str
    output_index: int
    content_index: int
    frame: AudioFrame

    type: str = "response.output_audio.delta"


class Scene:
    """An engine among twins. Time is `self.clock`, in seconds."""

    def __init__(self, *, defaults: Session | None = None, **kwargs: Any) -> None:
        self.clock = 100.0
        self.recogniser = ScriptedRecogniser()
        self.speaker = ScriptedSpeaker()
        self.brain = ScriptedBrain()
        self.vads: list[LoudnessVad] = []
        self.notebook = Notebook()
        self.format: AudioFormat = PCM_24K
        self.engine = LocalEngine(
            recogniser=self.recogniser,
            speaker=self.speaker,
            brain=self.brain,
            vad_factory=self._vad,
            session_defaults=defaults,
            ids=Ids("t"),
            now=lambda: self.clock,
            **kwargs,
        )

    def _vad(self) -> LoudnessVad:
        self.vads.append(LoudnessVad())
        return self.vads[-1]

    async def __aenter__(self) -> Scene:
        await self.engine.open(self.notebook)
        await self.settle()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.engine.close()

    # What the client does

    def send(self, *events: ClientEvent | dict[str, Any]) -> None:
        for event in events:
            if isinstance(event, dict):
                import json

                event = decode_client_event(json.dumps(event))
            self.notebook.inside_send = True
            self.engine.send(event)
            self.notebook.inside_send = False

    async def does(self, *events: ClientEvent | dict[str, Any]) -> list[str]:
        """Send, let everything happen, and tell what was said since."""
        before = len(self.events)
        self.send(*events)
        await self.settle()
        return kinds(self.events[before:])

    async def update(self, **session: Any) -> list[str]:
        return await self.does({"type": "session.update", "session": {"type": "realtime", **session}})

    async def create(self, **params: Any) -> list[str]:
        return await self.does(ResponseCreate(response=ResponseParams.model_validate(params)))

    async def hears(self, ms: float, *, loud: bool = True, frame_ms: float = 20) -> list[str]:
        """The person's sound, in frames."""
        before = len(self.events)
        left_ms = ms
        while left_ms > 0:
            self.append(min(frame_ms, left_ms), loud=loud)
            left_ms -= frame_ms
        await self.settle()
        return kinds(self.events[before:])

    def append(self, ms: float, *, loud: bool = True) -> None:
        self.notebook.inside_send = True
        self.engine.send_audio(AudioFrame(self.format, sound(self.format, ms) if loud else self.format.silence(ms)))
        self.notebook.inside_send = False

    async def says(self, text: str, ms: float = 800, silence_ms: float = 1000) -> list[str]:
        """The person says something and is silent long enough."""
        self.recogniser.texts.append(text)
        before = len(self.events)
        await self.hears(ms)
        await self.hears(silence_ms, loud=False)
        return kinds(self.events[before:])

    async def settle(self, turns: int = 400) -> None:
        """Let the loop run until nothing more is said."""
        quiet = 0
        for _ in range(turns * 20):
            self.notebook.news.clear()
            await asyncio.sleep(0)
            quiet = 0 if self.notebook.news.is_set() else quiet + 1
            if quiet > 60:
                return
        raise AssertionError("the engine talks for ever")

    async def until(self, kind: str) -> None:
        """Let the loop run until such an event was said."""
        for _ in range(5000):
            if any(event.type == kind for event in self.events):
                return
            await asyncio.sleep(0)
        raise AssertionError(f"no {kind} came")

    # What was said

    @property
    def events(self) -> list[ServerEvent | HeardSound]:
        return self.notebook.events

    def all(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def last(self, kind: type[E]) -> E:
        return self.all(kind)[-1]

    @property
    def errors(self) -> list[tuple[str | None, str | None, str | None]]:
        """Code, parameter and the event that each error answers."""
        return [(one.error.code, one.error.param, one.error.event_id) for one in self.all(ErrorEvent)]

    @property
    def outcomes(self) -> list[str]:
        return [done.response.status for done in self.all(ResponseDone)]

    def played_ms(self, item_id: str | None = None) -> float:
        return sum(
            heard.frame.duration_ms for heard in self.all(HeardSound) if item_id is None or heard.item_id == item_id
        )


def kinds(events: Sequence[ServerEvent | HeardSound]) -> list[str]:
    """The types in order, runs of deltas as one."""
    types: list[str] = []
    for event in events:
        if not (types and types[-1] == event.type and event.type.endswith(".delta")):
            types.append(event.type)
    return types


def sound(format: AudioFormat, ms: float) -> bytes:
    """A hum that counts as voice, in any format."""
    from voice.audio import g711

    period = [LOUD] * 20 + [-LOUD] * 20
    count = int(ms * format.rate_hz / 1000)
    pcm = b"".join(value.to_bytes(2, "little", signed=True) for value in period)
    pcm = (pcm * (count // 40 + 1))[: count * 2]
    return pcm if format.encoding == "pcm16" else g711.encode(pcm, format.encoding)


def call(call_id: str, name: str, *arguments: str) -> list[BrainEvent]:
    """A function call in a brain's script."""
    return [
        ToolCallStarted(call_id, name),
        *(ToolCallDelta(call_id, piece) for piece in arguments),
        ToolCallDone(call_id),
    ]


def update(**session: Any) -> SessionUpdate:
    return SessionUpdate(session=Session.model_validate({"type": "realtime", **session}))
