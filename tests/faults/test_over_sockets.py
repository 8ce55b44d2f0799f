"""The same over real sockets: driver, remote engine and a scripted caller, in real time and all at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random

import pytest

from tests.faults import talk
from tests.faults.judge import times_complete
from voice.engines.remote import RemoteEngine
from voice.errors import EngineRefused
from voice.net.base import SocketLimits
from voice.protocol.settings import AudioInput, AudioSettings, FunctionTool, ServerVad, Transcription
from voice.protocol.settings import Session as Settings
from voice.protocol.traits import EngineTraits
from voice.runtime.driver import Driver
from voice.session.rules import LinkRules, SessionConfig
from voice.session.session import Session
from voice.testkit.caller import Caller
from voice.testkit.faults import (
    At,
    Chance,
    ClockOut,
    Drop,
    Duplicate,
    FailResponse,
    Fault,
    Garbage,
    HalfOpen,
    Late,
    On,
    Refuse,
    Slow,
    session_expired,
)
from voice.testkit.person import Line
from voice.testkit.server import RealtimeServer
from voice.tools.spec import Call, Outcome, ToolContext

WORD_MS = 60
LIMITS = SocketLimits(ping_interval_s=0.4, pong_timeout_s=0.4, close_timeout_s=0.3)
DELTA = "response.output_audio.delta"
RUBBISH = ("not_json", "no_type", "unknown_event", "empty", "binary")
FAULTS: dict[str, list[Fault]] = {
    "nothing": [],
    "reset": [Fault(Drop(), On(DELTA, 4))],
    "reset in the first word": [Fault(Drop(), At(0.6))],
    "reset in flight": [Fault(Drop(), On("response.create"))],
    "closed 1000": [Fault(Drop(1000), On("input_audio_buffer.committed"))],
    "closed 1001": [Fault(Drop(1001), At(1.4))],
    "closed 1011": [Fault(Drop(1011, "oops"), On("response.created", 2))],
    "closed 1013": [Fault(Drop(1013), On("conversation.item.create"))],
    "half open": [Fault(HalfOpen(), On("response.create"))],
    "half open in an answer": [Fault(HalfOpen(), On(DELTA, 9))],
    "expired": [session_expired(At(1.0))],
    "refused 503": [Fault(Drop(), At(0.8)), Fault(Refuse(503), On("connect", 2, times=2))],
    "refused 429": [Fault(Drop(), On(DELTA)), Fault(Refuse(429, 1), On("connect", 2))],
    "refused at first": [Fault(Refuse(502), On("connect", 1, times=2))],
    "rubbish": [Fault(Garbage(kind), Chance(0.15)) for kind in RUBBISH],  # type: ignore[arg-type]
    "late transcripts": [Fault(Late(9), Chance(1.0, "conversation.item.input_audio_transcription.completed"))],
    "duplicates": [Fault(Duplicate(), Chance(1.0, "response.output_item.done"))],
    "slow": [Fault(Slow(300, 10, 2.0), At(1.0))],
    "failed": [Fault(FailResponse(), On(DELTA, 3))],
    "short lives": [Fault(ClockOut(1.7), On("session.created"))],
    "three resets": [Fault(Drop(), At(0.7)), Fault(Drop(), At(1.5)), Fault(Drop(), At(2.6))],
}

KEY_REFUSED = [Fault(Drop(), At(0.8)), Fault(Refuse(401), On("connect", 2))]


@dataclass
class Counting:
    """A tool runner that counts effects."""

    effects: Counter[str] = field(default_factory=Counter)

    async def run(self, call: Call, context: ToolContext) -> Outcome:
        self.effects[call.arguments] += 1
        await asyncio.sleep(0.1)
        return Outcome(call.call_id, True, f"booked {call.arguments}")

    async def end_session(self, session_id: str) -> None: ...


@dataclass
class Talked:
    """One conversation over a socket."""

    server: RealtimeServer
    caller: Caller
    tools: Counting
    ended: str


async def converse(name: str, number: int) -> Talked:
    server = RealtimeServer(talk.mind(think_ms=50, word_ms=WORD_MS), faults=FAULTS.get(name, KEY_REFUSED), seed=number)
    lines = [
        Line(talk.question(0), until=talk.OVER, pause_s=0.3, patience_s=8.0, word_ms=WORD_MS),
        Line(talk.question(1, booking=True), until=talk.OVER, pause_s=0.3, patience_s=8.0, word_ms=WORD_MS),
    ]
    caller, tools = Caller(lines, server.vocabulary, limit_s=25), Counting()
    async with server:
        driver = Driver(
            Session(config(number)),
            caller,
            lambda: RemoteEngine(server.url, model="scripted", limits=LIMITS),
            tools,
            draw=Random(number).random,
        )
        ended = await driver.run()
    return Talked(server, caller, tools, ended)


def config(number: int) -> SessionConfig:
    listening = AudioInput(
        transcription=Transcription(model="scripted"), turn_detection=ServerVad(silence_duration_ms=200)
    )
    return SessionConfig(
        session_id=f"sess_socket_{number}",
        settings=Settings(audio=AudioSettings(input=listening)),
        traits=EngineTraits("scripted"),
        tools=(FunctionTool(name="book", parameters={"type": "object"}),),
        playout="reports",
        link=LinkRules(attempts=6),
    )


def test_twenty_conversations_over_failing_sockets() -> None:
    async def all_of_them() -> list[Talked]:
        return list(await asyncio.gather(*(converse(name, number) for number, name in enumerate(FAULTS))))

    for name, talked in zip(FAULTS, asyncio.run(all_of_them()), strict=True):
        heard = [word for _, word in talked.caller.person.words]
        assert talked.server.fired or name == "nothing", f"{name}: nothing happened"
        assert times_complete(heard, "k0") >= 1, f"{name}: the first question was not answered: {heard}"
        assert times_complete(heard, "k1") >= 1, f"{name}: the second question was not answered: {heard}"
        assert dict(talked.tools.effects) == {'"k1"': 1}, f"{name}: {talked.tools.effects}"
        said = " ".join(item.text for item in talked.server.belief() if item.kind == "user")
        assert said == f"{talk.question(0)} {talk.question(1, booking=True)}", f"{name}: {said}"
        assert talked.ended == "the person has nothing more to say", f"{name}: {talked.ended}"


def test_a_refused_key_ends_the_call_and_says_why() -> None:
    with pytest.raises(EngineRefused, match="key"):
        asyncio.run(converse("refused key", 99))
