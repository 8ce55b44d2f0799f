"""A bare session on a stage: the test says each event and its time, and looks at each effect."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from tests.world.room import SILENCE
from voice.protocol.codec import Unknown, decode_server_event
from voice.protocol.settings import FunctionTool
from voice.protocol.settings import Session as Settings
from voice.protocol.traits import EngineTraits
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.rules import SessionConfig
from voice.session.session import Session
from voice.session.states import Link, Reply

E = TypeVar("E")
CONFIG = SessionConfig(session_id="sess_stage", settings=Settings(), traits=EngineTraits("scripted"), playout="reports")


def server(type: str, **fields: Any) -> Any:
    """A server event, as the wire says it."""
    event = decode_server_event(json.dumps({"type": type, "event_id": "ev", **fields}))
    assert not isinstance(event, Unknown), event
    return event


def response(response_id: str, status: str = "in_progress", **more: Any) -> dict[str, Any]:
    return {"id": response_id, "object": "realtime.response", "status": status, "output": [], **more}


def message(item_id: str, role: str = "assistant", **more: Any) -> dict[str, Any]:
    return {"id": item_id, "type": "message", "role": role, "content": [], **more}


def call(item_id: str, call_id: str, name: str = "clock", **more: Any) -> dict[str, Any]:
    return {"id": item_id, "type": "function_call", "call_id": call_id, "name": name, "arguments": "{}", **more}


class Stage:
    """`say` an event, `hear` the engine; both answer with the effects, and `now` is yours to set."""

    def __init__(self, *, tools: tuple[str, ...] = (), ready: bool = True, **config: Any) -> None:
        ours = tuple(FunctionTool(name=name, description="", parameters={"type": "object"}) for name in tools)
        if config.get("client_face"):
            config.setdefault("playout", "client")
        self.session = Session(replace(CONFIG, tools=ours, **config))
        self.now = 0.0
        self.said: list[tuple[float, ev.Event, list[ef.Effect]]] = []
        if ready:
            self.connect()

    def say(self, event: ev.Event) -> list[ef.Effect]:
        effects = self.session.handle(event, self.now)
        self.said.append((self.now, event, effects))
        return effects

    def hear(self, type: str, **fields: Any) -> list[ef.Effect]:
        """The engine says an event."""
        return self.say(ev.EngineSaid(server(type, **fields)))

    def connect(self) -> list[ef.Effect]:
        """Wait for the attempt, and let it succeed."""
        for _ in range(9):
            if self.session.states.link is Link.DOWN:
                self.tick()
        assert self.session.states.link is Link.OPENING
        self.say(ev.LinkOpened())
        return self.hear("session.created", session={"type": "realtime", "id": "sess_1"})

    def lose(self, *, final: bool = False) -> list[ef.Effect]:
        return self.say(ev.LinkLost(1006, "lost", 0.5, final))

    def reply(self) -> Reply:
        return self.session.states.reply

    def tick(self) -> list[ef.Effect]:
        """Go to the next deadline."""
        deadline = self.session.deadline()
        assert deadline is not None
        self.now = max(self.now, deadline.at)
        return self.say(ev.Tick())

    # What people and engines often do

    def speak(self, item_id: str = "item_u1", *, seconds: float = 1.0) -> list[ef.Effect]:
        """A turn of the person, to its commit."""
        self.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id=item_id)
        self.frames(seconds)
        self.hear("input_audio_buffer.speech_stopped", audio_end_ms=0, item_id=item_id)
        return self.commit(item_id)

    def commit(self, item_id: str = "item_u1", transcript: str | None = None) -> list[ef.Effect]:
        effects = self.hear("input_audio_buffer.committed", item_id=item_id)
        content = [{"type": "input_audio", "transcript": transcript}]
        for kind in ("added", "done"):
            effects += self.hear(f"conversation.item.{kind}", item=message(item_id, "user", content=content))
        return effects

    def frames(self, seconds: float) -> list[ef.Effect]:
        effects: list[ef.Effect] = []
        for _ in range(round(seconds * 50)):
            self.now += 0.02
            effects += self.say(ev.CallerAudio(SILENCE))
        return effects

    def begin(self, response_id: str = "resp_1") -> list[ef.Effect]:
        return self.hear("response.created", response=response(response_id))

    def sound(
        self, ms: float, response_id: str = "resp_1", item_id: str = "item_a1", *, index: int = 0
    ) -> list[ef.Effect]:
        """The assistant's voice, in pieces of 20 ms."""
        effects: list[ef.Effect] = []
        for _ in range(round(ms / 20)):
            effects += self.say(ev.EngineAudio(response_id, item_id, index, 0, SILENCE))
        return effects

    def finish(self, item_id: str = "item_a1", response_id: str = "resp_1") -> list[ef.Effect]:
        """The engine has said all of an item."""
        return self.hear(
            "response.output_audio.done", response_id=response_id, item_id=item_id, output_index=0, content_index=0
        )

    def done(self, response_id: str = "resp_1", status: str = "completed", **more: Any) -> list[ef.Effect]:
        return self.hear("response.done", response=response(response_id, status, **more))

    def call(self, response_id: str = "resp_1", call_id: str = "call_1", name: str = "clock") -> list[ef.Effect]:
        """The model's call of a tool, complete."""
        item = call(f"item_{call_id}", call_id, name, status="completed")
        self.hear("response.output_item.added", response_id=response_id, output_index=0, item=item | {"arguments": ""})
        self.hear("conversation.item.added", item=item | {"arguments": ""})
        self.hear("conversation.item.done", item=item)
        return self.hear("response.output_item.done", response_id=response_id, output_index=0, item=item)


def of(effects: Sequence[ef.Effect], kind: type[E]) -> list[E]:
    return [effect for effect in effects if isinstance(effect, kind)]


def sent(effects: Sequence[ef.Effect], kind: type[E]) -> list[E]:
    """Events of one kind that went to the engine."""
    return [effect.event for effect in of(effects, ef.SendToEngine) if isinstance(effect.event, kind)]


def shown(effects: Sequence[ef.Effect]) -> list[str]:
    """The types of the events that the client saw."""
    return [effect.event.type for effect in of(effects, ef.SendToClient)]


def noted(effects: Sequence[ef.Effect], kind: str) -> list[dict[str, Any]]:
    return [note.values for note in of(effects, ef.Note) if note.kind == kind]
