"""Anything may happen at any time: what must hold all the same, after each event."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.session.stage import Stage, call, message, response
from voice.protocol.client_events import (
    ConversationItemCreate,
    ConversationItemTruncate,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
)
from voice.protocol.items import FunctionCall, FunctionCallOutput, InputText, UserMessage
from voice.protocol.settings import AudioInput, AudioSettings
from voice.protocol.settings import Session as Settings
from voice.session import effects as ef
from voice.session import events as ev
from voice.session.rules import LinkRules, TurnRules
from voice.session.states import Link, Voice

RESPONSES = st.integers(1, 5).map(lambda n: f"resp_{n}")
ITEMS = st.integers(1, 5).map(lambda n: f"item_{n}")
CALLS = st.integers(1, 4).map(lambda n: f"call_{n}")
STATUSES = st.sampled_from(["completed", "cancelled", "failed", "incomplete"])
CODES = st.sampled_from(
    [
        "conversation_already_has_active_response",
        "response_cancel_not_active",
        "input_audio_buffer_commit_empty",
        "new",
        None,
    ]
)
HISTORY = 20


class Chaos(RuleBasedStateMachine):
    """A session to which everything happens in every order."""

    @initialize(
        client_face=st.booleans(),
        floor=st.sampled_from(["ours", "engine"]),
        mode=st.sampled_from(["server_vad", "push_to_talk"]),
        playout=st.sampled_from(["reports", "marks", "clock"]),
        greeting=st.sampled_from(["", "Hello."]),
        ready=st.sampled_from([True, True, False]),
    )
    def begin(self, client_face: bool, floor: Any, mode: Any, playout: str, greeting: str, ready: bool) -> None:
        self.stage = Stage(
            tools=("clock",),
            ready=ready,
            client_face=client_face,
            playout="client" if client_face else playout,
            greeting=greeting,
            turns=TurnRules(floor=floor, mode="server_vad" if client_face else mode),
            link=LinkRules(attempts=1_000),
            history_items=HISTORY,
        )
        self.session = self.stage.session
        self.epoch = 0
        self.seen = 0
        self.running: set[str] = set()
        self.answered: set[str] = set()
        self.ids: set[str] = set()

    # The engine

    @rule(response_id=RESPONSES)
    def created(self, response_id: str) -> None:
        self.stage.hear("response.created", response=response(response_id))

    @rule(response_id=RESPONSES, status=STATUSES)
    def done(self, response_id: str, status: str) -> None:
        self.stage.hear("response.done", response=response(response_id, status))

    @rule(response_id=RESPONSES, item_id=ITEMS, ms=st.sampled_from([20, 200, 2_000]))
    def sound(self, response_id: str, item_id: str, ms: float) -> None:
        if self.session.states.link is Link.READY:
            self.stage.sound(ms, response_id, item_id)

    @rule(item_id=ITEMS)
    def finished(self, item_id: str) -> None:
        self.stage.finish(item_id)

    @rule(item_id=ITEMS, kind=st.sampled_from(["added", "done"]), role=st.sampled_from(["user", "assistant"]))
    def item(self, item_id: str, kind: str, role: str) -> None:
        self.stage.hear(f"conversation.item.{kind}", item=message(item_id, role))

    @rule(response_id=RESPONSES, call_id=CALLS, name=st.sampled_from(["clock", "lamp"]))
    def called(self, response_id: str, call_id: str, name: str) -> None:
        item = call(f"item_{call_id}", call_id, name, status="completed")
        self.stage.hear("conversation.item.done", item=item)
        self.stage.hear("response.output_item.done", response_id=response_id, output_index=0, item=item)

    @rule(item_id=ITEMS)
    def speech_starts(self, item_id: str) -> None:
        self.stage.hear("input_audio_buffer.speech_started", audio_start_ms=0, item_id=item_id)

    @rule(item_id=ITEMS)
    def speech_stops(self, item_id: str) -> None:
        self.stage.hear("input_audio_buffer.speech_stopped", audio_end_ms=0, item_id=item_id)

    @rule(item_id=ITEMS)
    def committed(self, item_id: str) -> None:
        self.stage.hear("input_audio_buffer.committed", item_id=item_id)

    @rule(code=CODES, about_us=st.booleans())
    def error(self, code: str | None, about_us: bool) -> None:
        event_id = self.session.replies.asked_event_id if about_us else "theirs"
        self.stage.hear("error", error={"type": "x", "code": code, "message": "m", "event_id": event_id or None})

    # The link and time

    @rule()
    def lost(self) -> None:
        self.stage.lose()

    @rule()
    def greeted(self) -> None:
        if self.session.states.link is Link.OPENING:
            self.stage.say(ev.LinkOpened())
            self.stage.hear("session.created", session={"type": "realtime"})

    @rule(seconds=st.sampled_from([0.01, 0.3, 2.0]))
    def wait(self, seconds: float) -> None:
        self.stage.now += seconds

    @rule()
    def tick(self) -> None:
        before = self.session.deadline()
        self.stage.say(ev.Tick())
        after = self.session.deadline()
        if after is not None:
            assert after.at > self.stage.now or after != before, f"nothing came of '{after.why}'"

    # The person, the client, the tools, the operator

    @rule(seconds=st.sampled_from([0.02, 0.5]))
    def frames(self, seconds: float) -> None:
        self.stage.frames(seconds)

    @rule(held=st.booleans())
    def button(self, held: bool) -> None:
        self.stage.say(ev.PushToTalk(held))

    @rule(late=st.booleans(), share=st.floats(0, 1.5))
    def played(self, late: bool, share: float) -> None:
        ledger = self.session.ledger
        self.stage.say(ev.Played(ledger.epoch - late, share * ledger.queued_ms, 1.0))

    @rule(event=st.sampled_from([ev.Typed("hi"), ev.Dtmf("1"), ev.Dtmf("#"), ev.Say("Tea."), ev.StopTalking()]))
    def happens(self, event: ev.Event) -> None:
        self.stage.say(event)

    @rule(call_id=CALLS, ok=st.booleans())
    def tool_done(self, call_id: str, ok: bool) -> None:
        self.stage.say(ev.ToolDone(call_id, "result", ok))

    @rule(
        event=st.one_of(
            st.just(InputAudioBufferCommit()),
            st.just(InputAudioBufferClear()),
            st.just(ResponseCreate()),
            st.just(ResponseCreate.model_validate({"response": {"conversation": "none"}})),
            st.just(ResponseCancel()),
            st.just(SessionUpdate(session=Settings(instructions="x"))),
            st.just(SessionUpdate(session=Settings(audio=AudioSettings(input=AudioInput(turn_detection=None))))),
            st.just(ConversationItemCreate(item=UserMessage(content=[InputText(text="hello")]))),
            CALLS.map(lambda c: ConversationItemCreate(item=FunctionCallOutput(call_id=c, output="theirs"))),
            ITEMS.map(lambda i: ConversationItemTruncate(item_id=i, content_index=0, audio_end_ms=100)),
        )
    )
    def client_says(self, event: Any) -> None:
        if self.session.face is not None:
            self.stage.say(ev.ClientSaid(event))

    # What holds

    @invariant()
    def every_effect_is_lawful(self) -> None:
        session = self.session
        for _, _, effects in self.stage.said[self.seen :]:
            for effect in effects:
                self._check(effect)
        self.seen = len(self.stage.said)
        if session.face is None:
            assert self.epoch == session.ledger.epoch, "both ends count the same epochs"

    def _check(self, effect: ef.Effect) -> None:
        match effect:
            case ef.StopPlayback(epoch) if self.session.face is None:
                assert epoch == self.epoch + 1
                self.epoch = epoch
            case ef.Mark(epoch, _):
                assert epoch == self.epoch
            case ef.RunTool(call_id):
                assert call_id not in self.running, "a call runs once"
                self.running.add(call_id)
            case ef.SendToEngine(event):
                if self.session.face is None:
                    assert event.event_id not in self.ids, "an id is used once"
                    self.ids.add(event.event_id or "")
                if isinstance(event, ConversationItemTruncate) and self.session.face is None:
                    assert event.audio_end_ms > 0
            case _:
                pass

    @invariant()
    def the_books_agree(self) -> None:
        session = self.session
        assert not session.ended, "no surprise ends a call"
        assert sorted(session.history.order) == sorted(session.history.entries)
        assert len(session.history.order) <= HISTORY
        items = [entry.item for entry in session.history.entries.values()]
        calls = {item.call_id for item in items if isinstance(item, FunctionCall)}
        assert all(item.call_id in calls for item in items if isinstance(item, FunctionCallOutput))
        if session.states.link is not Link.READY:
            assert session.replies.active_id == ""
        if session.states.voice is Voice.QUIET:
            assert not session.ledger.sounding(session.now)
        assert session.gap.held_ms <= 30_000
        assert session.gap.held_ms >= -1e-6

    def teardown(self) -> None:
        if hasattr(self, "session"):
            first = self.stage.say(ev.HungUp("bye"))
            assert sum(isinstance(effect, ef.HangUp) for effect in first) == 1
            assert self.stage.say(ev.HungUp("bye")) == []
            assert self.session.deadline() is None


TestChaos = Chaos.TestCase
TestChaos.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
