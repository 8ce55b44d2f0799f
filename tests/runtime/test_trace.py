"""A conversation as a file: what is written, what is not, and that it leads to the same decisions again."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.stage import SOUND, Conversation, conversation, until
from tests.runtime.test_driver import calls
from tests.session.stage import CONFIG, message, server
from tests.world.engine import Plan
from tests.world.room import Line, Room
from voice.audio.frames import PCM_16K, PCM_24K, PCMU_8K, AudioFrame
from voice.errors import TraceUnreadable
from voice.protocol.client_events import ConversationItemCreate, ResponseCreate, SessionUpdate
from voice.protocol.codec import Unknown
from voice.protocol.items import InputText, UserMessage
from voice.protocol.settings import AudioInput, AudioSettings, FunctionTool
from voice.protocol.settings import Session as Settings
from voice.runtime.phrases import phrase_lists
from voice.runtime.trace import TraceWriter, _config_in, _config_out, _event_in, line_of, plain, replay, replay_file
from voice.session import events as ev
from voice.session.belief import BeliefRules
from voice.session.rules import FloorRules, LinkRules, Prices, TurnRules
from voice.session.session import Session


def replayed(scene: Conversation) -> None:
    result = replay(scene.trace_lines())
    assert result.equal, result.first_difference
    assert result.events == len(scene.seen.lines)


def trace_of(room: Room) -> list[str]:
    file = io.StringIO()
    writer = TraceWriter(file, room.config, started="now")
    for line in room.log:
        writer.watch(line.at, line.event, line.effects)
    return file.getvalue().splitlines()


# Real runs replay the same


def test_a_run_replays_the_same() -> None:
    async def scene() -> None:
        async with conversation(greeting="Good morning.", tool_names=("clock",)) as scene:
            scene.transport.say(SOUND.data * 5)
            calls(scene.engine)
            await until(lambda: scene.seen.notes("tool_done"))
            scene.transport.advance(50)
            scene.transport.listener.typed("and now?")
            scene.transport.advance(50)
            scene.transport.listener.dtmf("#")
            await asyncio.sleep(0.01)
        replayed(scene)

    asyncio.run(scene())


def test_a_run_with_a_talk_button_replays_the_same() -> None:
    async def scene() -> None:
        rules = TurnRules(mode="push_to_talk", release_tail_ms=5, tap_ms=0)
        async with conversation(turns=rules) as scene:
            for _ in range(2):
                scene.transport.listener.push_to_talk(True)
                scene.transport.say(SOUND.data * 10)
                scene.transport.listener.push_to_talk(False)
                done = len(scene.seen.notes("reply_done"))
                await until(lambda: len(scene.seen.notes("reply_done")) > done)  # noqa: B023
                scene.transport.advance(40)
        replayed(scene)

    asyncio.run(scene())


def test_a_run_that_lost_its_engine_replays_the_same() -> None:
    async def scene() -> None:
        async with conversation() as scene:
            scene.transport.listener.typed("hello")
            scene.engine.emit(server("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u"))
            scene.transport.say(SOUND.data * 10)
            scene.engine.break_off()
            scene.transport.say(SOUND.data * 10)
            await until(lambda: len(scene.engines) == 2)
            await scene.ready()
        replayed(scene)

    asyncio.run(scene())


def test_a_run_of_a_realtime_client_replays_the_same() -> None:
    async def scene() -> None:
        async with conversation(client_face=True, playout="client", tool_names=("clock",)) as scene:
            lamp = FunctionTool(name="lamp", description="", parameters={"type": "object"})
            scene.transport.client_says(SessionUpdate(session=Settings(instructions="Be brief.", tools=[lamp])))
            item = UserMessage(content=[InputText(text="hello")])
            scene.transport.client_says(ConversationItemCreate(item=item))
            scene.transport.client_says(ResponseCreate(event_id="mine"))
            calls(scene.engine)
            await until(lambda: scene.seen.notes("tool_done"))
            scene.engine.emit(Unknown("voice.new", {"type": "voice.new", "x": [1, 2]}, "unknown type"))
            scene.engine.break_off()
            await until(lambda: len(scene.engines) == 2)
            await scene.ready()
        replayed(scene)

    asyncio.run(scene())


def test_a_long_scene_of_the_virtual_room_replays_the_same() -> None:
    room = Room(
        tools=("clock",),
        line=Line(delay_ms=40, jitter_ms=30, loss=0.1),
        playout="marks",
        plan=lambda n: Plan(calls=(("c", "clock", "{}"),), items=1) if n % 2 else Plan(sound_ms=3_000, items=2),
    )
    for at in range(1, 40, 5):
        room.user_says(float(at), 0.8, 0.3, 0.4)
    room.engine_drops(at=13.0)
    room.happens(20.0, ev.Say("It is time."))
    room.run(until=45.0)
    result = replay(trace_of(room))
    assert result.equal, result.first_difference
    assert result.events > 2_000


# What is written


def test_sound_is_written_as_its_length_and_loudness_only() -> None:
    loud = AudioFrame(PCM_16K, b"\x00\x40" * 160)
    line = line_of(ev.CallerAudio(loud))
    assert line == {"kind": "CallerAudio", "ms": 10.0, "level": 0.5}
    assert "data" not in json.dumps(line)


def test_sound_that_is_not_base64_costs_nobody_the_conversation() -> None:
    broken = AudioFrame(PCM_24K, base64=b"!!!!")
    assert line_of(ev.CallerAudio(broken))["level"] == 0.0


@pytest.mark.parametrize(
    "format", [PCM_24K, PCM_16K, PCMU_8K], ids=lambda format: f"{format.encoding}/{format.rate_hz}"
)
@pytest.mark.parametrize("samples", [1, 7, 160, 333, 12_345])
def test_a_frame_of_any_length_is_replayed_at_exactly_this_length(format: Any, samples: int) -> None:
    file = io.StringIO()
    config = CONFIG
    session = Session(config)
    writer = TraceWriter(file, config, started="now")
    frame = AudioFrame(format, bytes(samples * format.sample_bytes))
    told: list[ev.Event] = [
        ev.Tick(),
        ev.LinkOpened(),
        ev.EngineSaid(server("session.created", session={"type": "realtime"})),
        ev.EngineAudio("r", "i", 0, 0, frame),
        ev.EngineAudio("r", "i", 0, 0, frame),
        ev.CallerAudio(frame),
        ev.StopTalking(),
    ]
    for now, event in enumerate(told):
        writer.watch(now / 1000, event, session.handle(event, now / 1000))
    result = replay(file.getvalue().splitlines())
    assert result.equal, result.first_difference


EVENTS: list[ev.Event] = [
    ev.LinkOpened(),
    ev.LinkLost(1006, "gone", 0.25, final=True),
    ev.EngineSaid(server("conversation.item.added", item=message("i"))),
    ev.EngineSaid(Unknown("a.b", {"type": "a.b", "x": 1}, "unknown type")),
    ev.Played(2, 130.5, 4.0),
    ev.PushToTalk(True),
    ev.Dtmf("#"),
    ev.Typed("schönen Tag"),
    ev.ClientSaid(ResponseCreate(event_id="x")),
    ev.HungUp("bye"),
    ev.ToolDone("c", "42", ok=False),
    ev.ToolProgress("c", "half"),
    ev.Say("Tea."),
    ev.StopTalking(),
    ev.Change(Settings(audio=AudioSettings(input=AudioInput(turn_detection=None)))),
    ev.Close("over"),
    ev.Tick(),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_event_comes_back_as_it_was_written(event: ev.Event) -> None:
    line = json.loads(json.dumps(line_of(event)))
    again = _event_in(line)
    assert line_of(again) == line
    if not isinstance(event, ev.EngineSaid | ev.ClientSaid | ev.Change):
        assert again == event
    if isinstance(event, ev.Change):
        assert isinstance(again, ev.Change)
        assert plain(again.settings) == {"type": "realtime", "audio": {"input": {"turn_detection": None}}}


def test_the_configuration_comes_back_as_it_was_written() -> None:
    config = replace(
        CONFIG,
        tools=(FunctionTool(name="clock", description="tells", parameters={"type": "object"}),),
        settings=Settings(instructions="Be brief.", audio=AudioSettings(input=AudioInput(turn_detection=None))),
        turns=TurnRules(mode="push_to_talk", tap_ms=99),
        link=LinkRules(attempts=7),
        prices=Prices(text_in=1.5),
        greeting="Hello.",
        client_face=True,
        floor=FloorRules(phrases=phrase_lists("en"), names_moments=True, belief=BeliefRules(sure=0.9)),
    )
    again = _config_in(json.loads(json.dumps(_config_out(config), default=sorted)))
    assert _config_out(again) == _config_out(config)
    assert again.turns == config.turns
    assert again.link == config.link
    assert again.floor == config.floor
    assert plain(again.settings) == plain(config.settings)


# What is not the same, and what is not a trace


def lines() -> list[str]:
    room = Room()
    room.user_speaks(at=0.5, seconds=0.3)
    return trace_of(room.run(until=2.0))


def test_the_first_difference_is_named() -> None:
    trace = lines()
    number = next(n for n, line in enumerate(trace) if "response.create" in line)
    line = json.loads(trace[number])
    line["effects"] = [effect for effect in line["effects"] if effect["kind"] != "SendToEngine"]
    trace[number] = json.dumps(line)
    result = replay(trace)
    assert not result.equal
    assert result.events == number
    assert result.first_difference is not None
    assert "EngineSaid" in result.first_difference


def test_an_effect_that_is_missing_is_named_with_its_time() -> None:
    trace = lines()
    line = json.loads(trace[1])
    line["effects"].append({"kind": "CloseLink"})
    trace[1] = json.dumps(line)
    assert replay(trace).first_difference == "at 0.000 s after Tick: 2 effects were, 1 are"


def test_a_last_line_that_was_cut_off_is_left_out() -> None:
    trace = lines()
    trace[-1] = trace[-1][:20]
    result = replay(trace)
    assert result.equal
    assert result.events == len(trace) - 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda trace: [], "not a trace"),
        (lambda trace: ["hello"], "not a trace"),
        (lambda trace: [json.dumps({"voice_trace": 99})], "not a trace"),
        (lambda trace: [json.dumps({"voice_trace": 1, "config": {"session_id": "x"}})], "configuration"),
        (lambda trace: [trace[0], "{", trace[1]], "Line 2"),
        (lambda trace: [trace[0], "[]", trace[1]], "Line 2"),
        (lambda trace: [trace[0], json.dumps({"t": 0}), trace[1]], "Line 2"),
        (lambda trace: [trace[0], json.dumps({"t": 0, "event": {"kind": "Nothing"}, "effects": []})], "Line 2"),
        (
            lambda trace: [trace[0], json.dumps({"t": 0, "event": {"kind": "ClientSaid", "event": {}}, "effects": []})],
            "Line 2",
        ),
    ],
    ids=[
        "empty",
        "text",
        "other version",
        "no configuration",
        "not JSON",
        "not an object",
        "no event",
        "unknown",
        "misshapen",
    ],
)
def test_what_is_not_a_trace_is_refused_in_a_sentence(change: Any, says: str) -> None:
    with pytest.raises(TraceUnreadable, match=says):
        replay(change(lines()))


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes(b"\xff\xfe\x00RIFF")
    with pytest.raises(TraceUnreadable):
        replay_file(path)


def test_a_trace_in_a_file_is_replayed(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(lines()), encoding="utf-8")
    assert replay_file(path).equal
