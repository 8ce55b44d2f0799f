"""One conversation on a real loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import pytest

from tests.runtime.stage import SOUND, Conversation, Tools, conversation, reply, talks, until
from tests.session.stage import call, message, response, server
from voice.audio.frames import AudioFrame
from voice.engines.base import EngineListener, SpeechFacts
from voice.engines.scripted import ScriptedEngine
from voice.errors import EngineFailed, EngineRefused, EngineUnreachable, PeerGone, VoiceError
from voice.net.loop import run
from voice.protocol.client_events import ClientEvent, InputAudioBufferCommit, ResponseCreate, SessionUpdate
from voice.protocol.items import FunctionCallOutput
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.approvals import ApprovalRules
from voice.session.rules import FloorRules, LinkRules, TurnRules
from voice.tools.audit import AuditRing
from voice.tools.clock import SystemClock
from voice.tools.executor import Executor
from voice.tools.registry import Registry
from voice.tools.spec import Call, Tool, ToolContext
from voice.transports.memory import MemoryTransport


def calls(engine: ScriptedEngine, call_id: str = "call_1", name: str = "clock") -> None:
    """The model calls a tool, and that is all of its response."""
    item = call(f"item_{call_id}", call_id, name, status="completed")
    engine.emit(server("response.created", response=response(f"resp_{call_id}")))
    engine.emit(server("conversation.item.added", item=item))
    engine.emit(server("conversation.item.done", item=item))
    engine.emit(server("response.output_item.done", response_id=f"resp_{call_id}", output_index=0, item=item))
    engine.emit(server("response.done", response=response(f"resp_{call_id}", "completed")))


# From beginning to end


def test_a_turn_is_spoken_answered_and_heard() -> None:
    async def scene() -> None:
        async with conversation() as scene:
            scene.transport.say(SOUND.data * 10)
            assert len(scene.engine.heard) == 10
            scene.engine.emit(server("input_audio_buffer.speech_started", audio_start_ms=0, item_id="u"))
            scene.engine.emit(server("input_audio_buffer.speech_stopped", audio_end_ms=0, item_id="u"))
            scene.engine.emit(server("input_audio_buffer.committed", item_id="u"))
            assert len(scene.transport.played_frames) == 5
            scene.transport.advance(60)
            scene.transport.advance(60)
            assert scene.seen.notes("sound_ended")

    asyncio.run(scene())


class SharpEar:
    """Hears somebody as often as it is told to, and remembers what it is told of the loudspeaker."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self.next: SpeechFacts | None = None

    def hear(self, frame: AudioFrame, *, sounding: bool) -> SpeechFacts | None:
        fact, self.next = self.next, None
        return fact

    def play(self, frame: AudioFrame) -> None: ...

    def stop(self) -> None: ...

    def duck(self, gain_db: float) -> None:
        self.told.append(gain_db)

    def restore(self) -> None:
        self.told.append("restored")

    def close(self) -> None: ...


class Stubborn(MemoryTransport):
    """Cannot turn down what a carrier holds already."""

    def duck(self, gain_db: float) -> bool:
        super().duck(gain_db)
        return False


@pytest.mark.parametrize(("end", "told"), [(MemoryTransport, [-18.0, "restored"]), (Stubborn, ["restored"])])
def test_the_ear_is_told_when_what_sounds_is_turned_down(end: type[MemoryTransport], told: list[object]) -> None:
    async def scene() -> None:
        ear, transport = SharpEar(), end(playout="reports")
        async with conversation(ear=ear, transport=transport, floor=FloorRules(words_ms=0.0)) as scene:
            reply(scene.engine, "resp_1", ms=2_000)
            transport.advance(100)
            for stage, speech_ms in (("onset", 60.0), ("offset", 90.0)):
                ear.next = SpeechFacts(stage, speech_ms, 0.0, -20.0, -60.0, 0.0, 0.9)  # type: ignore[arg-type]
                transport.say(SOUND.data)
            assert [kind for kind in ("ducked", "restored") if scene.seen.notes(kind)] == ["ducked", "restored"]
            assert ear.told == told

    asyncio.run(scene())


def test_hanging_up_ends_the_run_with_the_reason_and_closes_everything() -> None:
    async def scene() -> None:
        scene = Conversation()
        task = scene.start()
        await scene.ready()
        scene.transport.hang_up("bye")
        assert await task == "bye"
        assert scene.transport.closed == (1000, "bye")
        assert scene.engine.closed is not None
        assert scene.tools.ended == ["sess_stage"]
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scene())


def test_closing_tells_the_far_end_that_we_go() -> None:
    async def scene() -> None:
        scene = Conversation()
        task = scene.start()
        await scene.ready()
        scene.driver.close("the service is stopping")
        assert await task == "the service is stopping"
        assert scene.transport.closed == (1001, "the service is stopping")

    asyncio.run(scene())


def test_a_run_that_is_cancelled_closes_everything_too() -> None:
    async def scene() -> None:
        scene = Conversation()
        task = scene.start()
        await scene.ready()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert scene.transport.closed is not None
        assert scene.engine.closed is not None
        assert scene.seen.notes("ended"), "who watches sees the end"
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scene())


def test_a_person_who_is_gone_before_the_call_began() -> None:
    class Gone(MemoryTransport):
        async def open(self, listener: object) -> None:
            raise PeerGone("Nobody is there.")

    async def scene() -> None:
        scene = Conversation(transport=Gone())
        with pytest.raises(PeerGone):
            await scene.start()
        assert scene.engines == []
        assert scene.tools.ended == ["sess_stage"]

    asyncio.run(scene())


def test_after_the_end_nothing_is_handled() -> None:
    async def scene() -> None:
        async with conversation() as scene:
            pass
        handled = len(scene.seen.lines)
        scene.driver.receive_frame(SOUND)
        scene.driver.typed("hello")
        assert len(scene.seen.lines) == handled

    asyncio.run(scene())


# The inbox


def test_what_comes_while_something_is_handled_waits_its_turn() -> None:
    """An engine may answer within the call that tells it something."""
    order: list[str] = []

    def answer(engine: ScriptedEngine, event: ClientEvent) -> None:
        order.append(f"begin {event.type}")
        talks(engine, event)
        order.append(f"end {event.type}")

    async def scene() -> None:
        async with conversation(answer=answer) as scene:
            order.clear()
            scene.transport.listener.typed("hello")
            kinds = ("conversation.item.create", "response.create")
            assert order == [f"{step} {kind}" for kind in kinds for step in ("begin", "end")]
            events = scene.seen.events()
            assert events[events.index("Typed") + 1 :][:3] == ["EngineSaid"] * 3

    asyncio.run(scene())


def test_events_are_handled_in_the_order_in_which_they_came() -> None:
    async def scene() -> None:
        async with conversation() as scene:
            for text in "abc":
                scene.transport.listener.dtmf(text)
            digits = [event.digit for _, event, _ in scene.seen.lines if isinstance(event, ev.Dtmf)]
            assert digits == ["a", "b", "c"]

    asyncio.run(scene())


def test_time_never_runs_backwards_and_begins_at_zero() -> None:
    async def scene() -> None:
        async with conversation() as scene:
            await asyncio.sleep(0.01)
            scene.transport.listener.typed("hello")
            times = [now for now, _, _ in scene.seen.lines]
            assert times == sorted(times)
            assert 0 <= times[0] < 0.5
            assert times[-1] - times[0] >= 0.01

    asyncio.run(scene())


def test_an_engine_that_answers_itself_for_ever_ends_its_conversation_only(caplog: pytest.LogCaptureFixture) -> None:
    def answer(engine: ScriptedEngine, event: ClientEvent) -> None:
        if isinstance(event, ResponseCreate):
            for _ in range(11_000):
                engine.emit(server("input_audio_buffer.cleared"))

    async def scene() -> None:
        scene = Conversation(answer=answer)
        task = scene.start()
        await scene.ready()
        scene.transport.listener.typed("hello")
        with pytest.raises(EngineFailed, match="fell behind"):
            await task
        assert scene.transport.closed == (1011, "internal error")

    with caplog.at_level(logging.CRITICAL):
        asyncio.run(scene())


# The timer


def test_the_timer_rings_when_the_session_asked_for_it() -> None:
    async def scene() -> None:
        async with conversation(turns=TurnRules(mode="push_to_talk", release_tail_ms=20, tap_ms=0)) as scene:
            scene.transport.listener.push_to_talk(True)
            scene.transport.say(SOUND.data)
            scene.transport.listener.push_to_talk(False)
            await until(lambda: any(isinstance(event, InputAudioBufferCommit) for event in scene.engine.sent))
            released = next(now for now, event, _ in scene.seen.lines if event == ev.PushToTalk(False))
            rang = next(now for now, event, _ in scene.seen.lines if isinstance(event, ev.Tick) and now > released)
            assert 0.02 <= rang - released < 0.5

    asyncio.run(scene())


def test_a_sooner_deadline_takes_the_timer_over() -> None:
    async def scene() -> None:
        rules = LinkRules(attempts=9, backoff_ms=60_000, backoff_max_ms=60_000)
        turns = TurnRules(mode="push_to_talk", release_tail_ms=10, tap_ms=0)
        async with conversation(link=rules, turns=turns) as scene:
            scene.engine.break_off()
            scene.transport.listener.push_to_talk(True)
            scene.transport.say(SOUND.data)
            scene.transport.listener.push_to_talk(False)
            ticks = scene.seen.events().count("Tick")
            await until(lambda: scene.seen.events().count("Tick") > ticks)

    asyncio.run(scene())


def test_on_the_loop_of_the_service_a_deadline_that_has_come_is_met_among_other_events() -> None:
    async def scene() -> None:
        turns = TurnRules(mode="push_to_talk", release_tail_ms=0.2, tap_ms=0)
        async with conversation(turns=turns) as scene:
            scene.transport.listener.push_to_talk(True)
            scene.transport.say(SOUND.data)
            scene.transport.listener.push_to_talk(False)
            scene.transport.listener.played(0, 0.0, 10.0)
            assert scene.driver.failure is None
            await until(lambda: any(isinstance(event, InputAudioBufferCommit) for event in scene.engine.sent))

    run(scene())


def test_what_a_frame_sets_off_still_winds_the_timer() -> None:
    """A frame by itself moves no deadline, but an engine may answer within it."""

    class Answers(ScriptedEngine):
        def send_audio(self, frame: AudioFrame) -> None:
            super().send_audio(frame)
            if len(self.heard) == 1:
                reply(self, "resp_x", ms=40)

    async def scene() -> None:
        scene = Conversation(playout="clock")
        made = scene.driver._line._make_engine

        def make() -> ScriptedEngine:
            made()
            scene.engines[-1] = Answers(greeting=server("session.created", session={"type": "realtime"}), answer=talks)
            return scene.engines[-1]

        scene.driver._line._make_engine = make
        task = scene.start()
        await scene.ready()
        scene.transport.say(SOUND.data)
        await until(lambda: scene.seen.notes("sound_ended"))
        scene.transport.hang_up()
        await task

    asyncio.run(scene())


def test_no_timer_rings_in_a_quiet_conversation() -> None:
    async def scene() -> None:
        async with conversation() as scene:
            scene.transport.say(SOUND.data * 5)
            ticks = scene.seen.events().count("Tick")
            await asyncio.sleep(0.02)
            assert scene.seen.events().count("Tick") == ticks

    asyncio.run(scene())


# Engines that come and go


def test_an_engine_that_breaks_off_is_replaced_and_the_old_one_is_not_heard() -> None:
    async def scene() -> None:
        async with conversation() as scene:
            first = scene.engine
            first.break_off()
            await until(lambda: len(scene.engines) == 2)
            await scene.ready()
            handled = len(scene.seen.lines)
            first.closed = None
            reply(first, "resp_late")
            assert len(scene.seen.lines) == handled
            assert scene.transport.played_frames == []

    asyncio.run(scene())


def test_an_engine_that_we_close_is_not_heard_from_that_moment_on() -> None:
    async def scene() -> None:
        async with conversation() as scene:
            first = scene.engine
            error = {"type": "x", "code": "session_expired", "message": "m"}
            first.emit(server("error", error=error))
            reply(first, "resp_late")
            assert scene.transport.played_frames == []
            await until(lambda: len(scene.engines) == 2)
            await scene.ready()
            assert first.closed is not None

    asyncio.run(scene())


def test_sound_goes_to_the_next_engine_as_soon_as_it_is_there() -> None:
    async def scene() -> None:
        async with conversation() as scene:
            scene.engine.break_off()
            scene.transport.say(SOUND.data * 3)
            await until(lambda: len(scene.engines) == 2)
            await scene.ready()
            assert len(scene.engine.heard) == 3

    asyncio.run(scene())


def test_an_engine_that_cannot_be_reached_is_tried_again() -> None:
    async def scene() -> None:
        unreachable = EngineUnreachable("Nobody answers.")
        async with conversation(refusals=[unreachable, unreachable, None]) as scene:
            assert len(scene.engines) == 3
            assert scene.driver.failure is None

    asyncio.run(scene())


def test_an_engine_that_refuses_the_key_is_not_tried_again() -> None:
    async def scene() -> None:
        scene = Conversation(refusals=[EngineRefused("The key is wrong.", fix="Set OPENAI_API_KEY.")])
        with pytest.raises(EngineRefused):
            await scene.start()
        assert len(scene.engines) == 1
        assert scene.transport.closed is not None
        assert scene.transport.closed[0] == 1011

    asyncio.run(scene())


def test_a_person_who_hangs_up_while_the_engine_is_sought_is_no_failure() -> None:
    async def scene() -> None:
        rules = LinkRules(attempts=9, backoff_ms=60_000, backoff_max_ms=60_000)
        scene = Conversation(refusals=[EngineUnreachable("Nobody answers.")], link=rules)
        task = scene.start()
        await until(lambda: scene.seen.notes("link"))
        scene.transport.hang_up("bye")
        assert await task == "bye"

    asyncio.run(scene())


def test_an_engine_that_is_gone_before_it_was_opened_did_not_open() -> None:
    class Dies(ScriptedEngine):
        async def open(self, listener: EngineListener) -> None:
            await super().open(listener)
            self.break_off()

    async def scene() -> None:
        scene = Conversation(link=LinkRules(attempts=0))
        scene.driver._line._make_engine = lambda: Dies()
        task = scene.start()
        assert await task == "the engine is gone"
        assert "LinkOpened" not in scene.seen.events()

    asyncio.run(scene())


def test_nobody_waits_for_an_engine_that_is_still_being_reached() -> None:
    class Slow(ScriptedEngine):
        async def open(self, listener: EngineListener) -> None:
            await asyncio.sleep(60)

    async def scene() -> None:
        scene = Conversation()
        scene.driver._line._make_engine = lambda: Slow()
        task = scene.start()
        await until(lambda: "Tick" in scene.seen.events())
        await asyncio.sleep(0.01)
        scene.transport.hang_up("bye")
        assert await asyncio.wait_for(task, 1) == "bye"
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scene())


def test_an_engine_whose_goodbye_takes_long_does_not_hold_the_next_one_up() -> None:
    class Slow(ScriptedEngine):
        async def close(self) -> None:
            await asyncio.sleep(0.2)
            await super().close()

    async def scene() -> None:
        scene = Conversation()
        make = scene.driver._line._make_engine

        def slow() -> ScriptedEngine:
            make()
            scene.engines[-1] = Slow(greeting=server("session.created", session={"type": "realtime"}), answer=talks)
            return scene.engines[-1]

        scene.driver._line._make_engine = slow
        task = scene.start()
        await scene.ready()
        scene.engine.emit(server("error", error={"type": "x", "code": "session_expired", "message": "m"}))
        await until(lambda: len(scene.engines) == 2 and scene.seen.notes("link")[-1]["state"] == "ready", 0.15)
        scene.transport.hang_up()
        await task
        assert all(engine.closed is not None for engine in scene.engines)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scene())


# What breaks


def test_an_effect_that_fails_ends_the_conversation_loudly(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(MemoryTransport):
        def play(self, *_: object) -> None:
            raise RuntimeError("the loudspeaker fell off")

    async def scene() -> None:
        scene = Conversation(transport=Broken())
        task = scene.start()
        await scene.ready()
        scene.transport.listener.typed("hello")
        with pytest.raises(EngineFailed) as caught:
            await task
        assert "fell off" in caught.value.detail
        assert scene.transport.closed == (1011, "internal error")
        assert scene.engine.closed is not None

    asyncio.run(scene())
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == ["session broke"]


def test_an_engine_that_breaks_while_it_opens_ends_the_conversation_loudly(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(ScriptedEngine):
        async def open(self, listener: object) -> None:
            raise KeyError("a bug")

    async def scene() -> None:
        scene = Conversation()
        scene.driver._line._make_engine = lambda: Broken()
        with pytest.raises(EngineFailed):
            await scene.start()

    asyncio.run(scene())
    assert "session broke" in caplog.messages


def test_a_watcher_that_fails_is_let_go_and_the_conversation_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    class FullDisk:
        def __init__(self) -> None:
            self.asked = 0

        def watch(self, now: float, event: ev.Event, effects: Sequence[ef.Effect]) -> None:
            self.asked += 1
            raise OSError("No space left on device")

    disk = FullDisk()

    async def scene() -> None:
        async with conversation(watchers=[disk]) as scene:
            scene.transport.listener.typed("hello")
            assert scene.transport.played_frames

    asyncio.run(scene())
    assert disk.asked == 1
    assert "watcher failed" in caplog.messages


def test_what_does_not_close_cleanly_is_written_down(caplog: pytest.LogCaptureFixture) -> None:
    class Sticky(MemoryTransport):
        async def close(self, code: int = 1000, reason: str = "") -> None:
            raise VoiceError("stuck")

    async def scene() -> None:
        async with conversation(transport=Sticky()):
            pass

    asyncio.run(scene())
    assert "closing was not clean" in caplog.messages


# Tools


def test_a_tool_runs_and_its_answer_reaches_the_engine() -> None:
    async def scene() -> None:
        async with conversation(tool_names=("clock",)) as scene:
            calls(scene.engine)
            await until(lambda: any(isinstance(event, ResponseCreate) for event in scene.engine.sent))
            assert scene.tools.calls == [Call("call_1", "clock", "{}", "sess_stage")]
            outputs = [event.item for event in scene.engine.sent if hasattr(event, "item")]
            assert [item.output for item in outputs if isinstance(item, FunctionCallOutput)] == ["noon"]

    asyncio.run(scene())


def test_a_running_tool_is_cancelled_when_the_person_hangs_up() -> None:
    async def run(call: Call, context: ToolContext) -> str:
        await asyncio.sleep(60)
        return "never"

    async def scene() -> None:
        tools = Tools(run)
        async with conversation(tool_names=("clock",), tools=tools) as scene:
            calls(scene.engine)
            await until(lambda: tools.calls)
        assert tools.cancelled == ["call_1"]

    asyncio.run(scene())


def test_a_tool_may_tell_how_far_it_is_and_speak_later() -> None:
    kept: list[ToolContext] = []

    async def run(call: Call, context: ToolContext) -> str:
        kept.append(context)
        context.progress("half")
        return "done"

    async def scene() -> None:
        async with conversation(tool_names=("timer",), tools=Tools(run)) as scene:
            calls(scene.engine, name="timer")
            await until(lambda: scene.seen.notes("tool_done"))
            assert scene.seen.notes("tool_progress") == [{"call_id": "call_1", "text": "half"}]
            kept[0].announce("Your tea is ready.")
            assert any(event == ev.Say("Your tea is ready.") for _, event, _ in scene.seen.lines)
            assert kept[0].session_id == "sess_stage"

    asyncio.run(scene())


def test_an_executor_that_breaks_ends_the_conversation_loudly(caplog: pytest.LogCaptureFixture) -> None:
    async def run(call: Call, context: ToolContext) -> str:
        raise ZeroDivisionError

    async def scene() -> None:
        scene = Conversation(tool_names=("clock",), tools=Tools(run))
        task = scene.start()
        await scene.ready()
        calls(scene.engine)
        with pytest.raises(EngineFailed):
            await task

    asyncio.run(scene())
    assert "session broke" in caplog.messages


def test_a_client_sees_its_session_and_a_tool_that_the_server_runs() -> None:
    async def scene() -> None:
        async with conversation(client_face=True, playout="client", tool_names=("clock",)) as scene:
            scene.transport.client_says(SessionUpdate.model_validate({"session": {"type": "realtime"}}))
            scene.engine.emit(server("conversation.item.added", item=message("item_u", "user")))
            calls(scene.engine)
            await until(lambda: any(event.type == "response.mcp_call.completed" for event in scene.transport.events))
            types = [event.type for event in scene.transport.events]
            assert types[0] == "session.created"
            assert "response.function_call_arguments.done" not in types

    asyncio.run(scene())


def test_a_key_allows_a_tool_and_the_audit_says_so() -> None:
    async def wipe(arguments: object, context: object) -> object:
        return "gone"

    audit = AuditRing()
    tool = Tool("wipe", "Wipe.", {"type": "object", "properties": {}}, wipe, side_effect="irreversible")
    tools: Any = Executor(Registry([tool]), audit, SystemClock())

    async def scene() -> None:
        rules = ApprovalRules(verdicts=tools.policy.table([tool]))
        async with conversation(can_approve=True, approvals=rules, tool_names=("wipe",), tools=tools) as scene:
            calls(scene.engine, name="wipe")
            await until(lambda: scene.seen.notes("approval_asked"))
            assert audit.records == []
            scene.driver.approval_given(scene.seen.notes("approval_asked")[0]["request_id"], True)
            await until(lambda: scene.seen.notes("tool_done"))

    asyncio.run(scene())
    assert [(record.tool, record.ok, record.approved_by) for record in audit.records] == [("wipe", True, "key")]
