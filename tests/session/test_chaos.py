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
from voice.session.approvals import ApprovalRules
from voice.session.calls import Stage as CallStage
from voice.session.rules import FloorRules, LinkRules, TurnRules
from voice.session.states import Floor, Link, Reply, Turn, Voice

RESPONSES = st.integers(1, 4).map(lambda n: f"resp_{n}")
ITEMS = st.integers(1, 4).map(lambda n: f"item_{n}")
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
PATIENCE_S = 600.0
"""Whatever happened: when nothing more does, so much later all is at rest or the call has ended."""


class Chaos(RuleBasedStateMachine):
    """A session to which everything happens in every order."""

    @initialize(
        client_face=st.booleans(),
        floor=st.sampled_from(["ours", "engine"]),
        mode=st.sampled_from(["server_vad", "push_to_talk", "local"]),
        playout=st.sampled_from(["reports", "marks", "clock"]),
        greeting=st.sampled_from(["", "Hello."]),
        ready=st.sampled_from([True, True, False]),
    )
    def begin(self, client_face: bool, floor: Any, mode: Any, playout: str, greeting: str, ready: bool) -> None:
        self.stage = Stage(
            tools=("clock", "door"),
            approvals=ApprovalRules({"door": "ask"}),
            can_approve=True,
            floor=FloorRules() if mode == "local" else None,
            ready=ready,
            client_face=client_face,
            playout="client" if client_face else playout,
            greeting=greeting,
            turns=TurnRules(floor=floor, mode="server_vad" if client_face else mode, speculate_ms=200),
            link=LinkRules(attempts=1_000),
            history_items=HISTORY,
        )
        self.session = self.stage.session
        self.epoch = 0
        self.seen = 0
        self.running: set[str] = set()
        self.cancelled: set[str] = set()
        self.over: set[str] = set()
        self.asked: list[str] = []
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

    @rule(response_id=RESPONSES, items=st.lists(ITEMS, min_size=1, max_size=2), ms=st.sampled_from([200, 2_000]))
    def speaks(self, response_id: str, items: list[str], ms: float) -> None:
        self.created(response_id)
        for item_id in items:
            self.sound(response_id, item_id, ms)

    @rule(response_id=RESPONSES, call_id=CALLS, name=st.sampled_from(["clock", "door"]), times=st.integers(1, 2))
    def calls(self, response_id: str, call_id: str, name: str, times: int) -> None:
        self.created(response_id)
        for _ in range(times):
            self.called(response_id, call_id, name)

    @rule(item_id=ITEMS)
    def late_sound(self, item_id: str) -> None:
        """An engine that was told to stop had more on its way."""
        for response_id in sorted(self.cancelled):
            self.sound(response_id, item_id, 20)

    @rule(item_id=ITEMS)
    def finished(self, item_id: str) -> None:
        self.stage.finish(item_id)

    @rule(item_id=ITEMS, kind=st.sampled_from(["added", "done"]), role=st.sampled_from(["user", "assistant"]))
    def item(self, item_id: str, kind: str, role: str) -> None:
        self.stage.hear(f"conversation.item.{kind}", item=message(item_id, role))

    @rule(response_id=RESPONSES, call_id=CALLS, name=st.sampled_from(["clock", "door", "lamp"]))
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

    @rule(away=st.sampled_from([False, False, False, True]))
    def lost(self, away: bool) -> None:
        self.stage.lose()
        if not away:
            self.greeted()

    @rule()
    def greeted(self) -> None:
        if self.session.states.link is not Link.READY:
            self.stage.connect()

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

    @rule(event=st.sampled_from([ev.Typed("hi"), ev.Dtmf("1"), ev.Dtmf("#"), ev.Say("Tea.")]))
    def happens(self, event: ev.Event) -> None:
        self.stage.say(event)

    @rule(stage=st.sampled_from(["onset", "going", "offset"]), ms=st.sampled_from([60.0, 400.0, 900.0]))
    def our_ear(self, stage: Any, ms: float) -> None:
        self.stage.say(ev.CallerSpeech(stage, ms, 60.0, -25.0, -60.0, 0.0, 0.9))

    @rule(approve=st.booleans())
    def key(self, approve: bool) -> None:
        if self.asked:
            self.stage.say(ev.ApprovalGiven(self.asked[-1], approve))

    @rule()
    def stop_talking(self) -> None:
        self.stage.say(ev.StopTalking())

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
        while self.seen < len(self.stage.said):
            _, _, effects = self.stage.said[self.seen]
            self.seen += 1
            for effect in effects:
                self._check(effect)
                if isinstance(effect, ef.CloseLink) and session.states.link is not Link.DOWN and not session.ended:
                    self.stage.lose()  # as the driver does
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
            case ef.Note("approval_asked", values):
                self.asked.append(values["request_id"])
            case ef.Note("reply_done", values):
                assert values["response_id"] not in self.over, "a response ends once"
                self.over.add(values["response_id"])
            case ef.Play(response_id):
                assert response_id not in self.cancelled, "what was stopped is not heard"
            case ef.CancelTool(call_id):
                assert call_id in self.running
            case ef.SendToEngine(event):
                if self.session.face is None:
                    assert event.event_id not in self.ids, "an id is used once"
                    self.ids.add(event.event_id or "")
                if isinstance(event, ResponseCancel) and self.session.face is None:
                    self.cancelled.add(event.response_id or "")
                if isinstance(event, ConversationItemTruncate) and self.session.face is None:
                    assert event.audio_end_ms > 0
            case _:
                pass

    @invariant()
    def nothing_is_heard_that_was_not_sent(self) -> None:
        ledger, now = self.session.ledger, self.session.now
        assert 0.0 <= ledger.position_ms(now) <= ledger.queued_ms + 1e-6
        ends_ms = 0.0
        for item in ledger.items.values():
            assert 0.0 <= ledger.heard_ms(item.item_id, now) <= item.received_ms
            ends_ms += item.received_ms
        assert ends_ms <= ledger.queued_ms + 1e-6

    @invariant()
    def a_call_has_one_output(self) -> None:
        items = [entry.item for entry in self.session.history.entries.values()]
        outputs = [item.call_id for item in items if isinstance(item, FunctionCallOutput)]
        assert len(outputs) == len(set(outputs))

    @invariant()
    def no_state_is_without_an_exit(self) -> None:
        """Whatever waits is waited for until a deadline, or until an event that a living far end will send."""
        session, states = self.session, self.session.states
        waits = {
            "link": states.link is Link.DOWN,
            "reply": states.link is Link.READY and states.reply is not Reply.NONE and session.face is None,
            "stale": states.reply is Reply.STALE,
            "voice": states.voice is not Voice.QUIET,
            "turn": states.turn is Turn.GUESSED,
            "talk": session.talk.open and session.turns.mode == "local",
            "approval": any(call.stage is CallStage.AWAITING_APPROVAL for call in session.calls.open.values()),
        }
        deadline = session.deadline()
        if any(waits.values()):
            assert deadline is not None, [what for what, so in waits.items() if so]
        if states.reply is Reply.STALE:
            assert deadline is not None
            assert session.replies.stale_until is not None
            assert deadline.at <= session.replies.stale_until

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

    def _let_time_pass(self) -> None:
        """Nothing happens any more but what must: tools have a time limit, an engine greets, and then it is silent."""
        session, until = self.session, self.stage.now + PATIENCE_S
        while not session.ended:
            self.every_effect_is_lawful()
            for running in session.calls.running:
                self.tool_done(running.call_id, ok=False)
            if session.states.link is Link.OPENING:
                self.stage.connect()
                continue
            deadline = session.deadline()
            if deadline is None or deadline.at > until:
                return
            self.stage.now = max(self.stage.now, deadline.at)
            self.stage.say(ev.Tick())

    def _all_is_at_rest(self) -> None:
        states = self.session.states
        assert states.voice is Voice.QUIET
        assert states.turn is Turn.SURE
        assert states.link is Link.READY
        if self.session.face is None:
            assert states.reply is Reply.NONE
            assert not self.session.replies.wishes or states.floor is Floor.SPEAKING

    def teardown(self) -> None:
        if hasattr(self, "session"):
            self._let_time_pass()
            if self.session.ended:
                return
            self._all_is_at_rest()
            first = self.stage.say(ev.HungUp("bye"))
            assert sum(isinstance(effect, ef.HangUp) for effect in first) == 1
            assert self.stage.say(ev.HungUp("bye")) == []
            assert self.session.deadline() is None


TestChaos = Chaos.TestCase
TestChaos.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
