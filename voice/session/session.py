"""The conversation: events in, effects out, time passed in.

No asyncio, clock, randomness, logging or files here. `handle` says everything that must be done about one event;
`deadline` says when to come back if nothing happens. The driver does the effects and reports how they went, as
events. The parts (link, turns, replies, playback, calls, history, usage) keep the books; this file says what
follows from what.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from voice.protocol.client_events import (
    ClientEvent,
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemTruncate,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
)
from voice.protocol.items import FunctionCallOutput, InputText, UserMessage
from voice.protocol.server_events import ErrorDetail, ErrorEvent
from voice.protocol.settings import ResponseParams, merge
from voice.session import events as ev
from voice.session.calls import Calls
from voice.session.deadlines import Deadline, soonest
from voice.session.effects import (
    CancelTool,
    CloseLink,
    Effect,
    HangUp,
    Mark,
    Note,
    OpenLink,
    Play,
    SendAudio,
    SendToClient,
    SendToEngine,
    StopPlayback,
)
from voice.session.engine_side import EngineSide
from voice.session.face import ClientFace
from voice.session.history import History, retold
from voice.session.link import GapBuffer, Retry
from voice.session.playback import Ledger
from voice.session.replies import Replies, Wish
from voice.session.rules import SessionConfig
from voice.session.states import Consequence, Floor, Link, Reply, States, Trigger, Voice, consequence, may, step
from voice.session.turns import PushToTalk, TurnTimes
from voice.session.usage import Usage

DTMF_PAUSE_S = 2.0
STALE_PATIENCE_S = 3.0
CLIENT_EVENTS_HELD = 256
CLOSE_NORMAL, CLOSE_GOING_AWAY, CLOSE_BROKEN = 1000, 1001, 1011
Handler = Callable[[Any], None]


class Session:
    """One conversation between a person and an engine."""

    def __init__(self, config: SessionConfig) -> None:
        self.config = config
        self.states = States()
        self.now = float("-inf")
        self.ended = False
        self.settings = config.settings
        self.ledger = Ledger(marks=config.playout == "marks", mark_every_ms=config.mark_every_ms)
        self.replies = Replies()
        self.calls = Calls()
        self.history = History(config.history_items)
        self.usage = Usage(config.prices)
        self.retry = Retry(config.link)
        self.gap = GapBuffer(config.link.gap_ms)
        self.talk = PushToTalk(config.turns)
        self.times = TurnTimes()
        self.face = ClientFace(config.tools, any_model=config.traits.any_model) if config.client_face else None
        self.unsettled = False
        self.unsettled_items: set[str] = set()
        self.stale_until: float | None = None
        self.held_client_events: deque[ClientEvent] = deque()
        self._digits = ""
        self._digits_until: float | None = None
        self._ids = 0
        self._out: list[Effect] = []
        self._push_to_talk = config.turns.mode == "push_to_talk"
        self._engine = EngineSide(self)
        self._handlers: dict[type, Handler] = {
            ev.CallerAudio: self._handle_caller_audio,
            ev.EngineAudio: self._handle_engine_audio,
            ev.Played: self._handle_played,
            ev.EngineSaid: self._engine.handle,
            ev.LinkOpened: self._handle_link_opened,
            ev.LinkLost: self._handle_link_lost,
            ev.ClientSaid: self._handle_client_said,
            ev.PushToTalk: self._handle_push_to_talk,
            ev.Dtmf: self._handle_dtmf,
            ev.Typed: self._handle_typed,
            ev.HungUp: self._handle_hung_up,
            ev.ToolDone: self._handle_tool_done,
            ev.ToolProgress: self._handle_tool_progress,
            ev.Say: self._handle_say,
            ev.StopTalking: self._handle_stop_talking,
            ev.Change: self._handle_change,
            ev.Close: self._handle_close,
            ev.Tick: self._handle_tick,
        }
        if config.greeting:
            self.replies.want(Wish("say", config.greeting))

    # The two verbs

    def handle(self, event: ev.Event, now: float) -> list[Effect]:
        """Something happened at `now` (seconds, any zero). Returns what to do about it, in order.

        A time before the last one is taken for the last one. After the end, nothing follows from anything.
        Raises Misuse when the caller breaks a rule; nothing has changed then.
        """
        if self.ended:
            return []
        if now > self.now:
            self.now = now
        self._out = []
        self._handlers[type(event)](event)
        return self._out

    def deadline(self) -> Deadline | None:
        """When to call `handle(Tick(), now)` if nothing else happens before, and why."""
        if self.ended:
            return None
        return soonest(
            (
                self.retry.deadline(),
                self.ledger.deadline() if self.states.voice is not Voice.QUIET else None,
                self.talk.deadline(),
                self.replies.deadline(),
                None if self.stale_until is None else Deadline(self.stale_until, "cancelled reply is over"),
                None if self._digits_until is None else Deadline(self._digits_until, "digits are complete"),
            )
        )

    # What the parts and the engine's side use

    def emit(self, effect: Effect) -> None:
        self._out.append(effect)

    def note(self, kind: str, **values: Any) -> None:
        self._out.append(Note(kind, values))

    def step(self, trigger: Trigger) -> None:
        self.states = step(self.states, trigger)

    def new_id(self, prefix: str) -> str:
        """An id that this conversation has not used: deterministic, so that a replay makes the same."""
        self._ids += 1
        return f"{prefix}_{self.config.session_id[-12:]}_{self._ids}"

    @property
    def ours(self) -> bool:
        """Whether creating and cancelling replies is our decision."""
        return self.face is None and self.config.turns.floor == "ours" and self.config.traits.interruption == "ours"

    def ask(self, wish: Wish) -> None:
        """Somebody wants a reply: now if nothing stands in its way, otherwise as soon as it does not."""
        self.replies.want(wish)
        self.speak_up()

    def speak_up(self) -> None:
        """Ask for the next reply that is wanted, if the joint state lets us."""
        states = self.states
        if states.link is not Link.READY or states.floor is Floor.SPEAKING or states.reply is not Reply.NONE:
            return
        quiet = consequence(states) is Consequence.SPEAK_UP
        wish = self.replies.next_wish(self.now, quiet=quiet)
        if wish is None:
            return
        event_id = self.new_id("ask")
        self.replies.ask(wish, event_id)
        self.step(Trigger.REPLY_ASKED)
        self.times.asked_at = self.now
        self.emit(SendToEngine(ResponseCreate(event_id=event_id, response=_response_for(wish))))
        self.note("reply_asked", reason=wish.reason)

    def interrupt(self, why: str) -> None:
        """The assistant stops: silence at the far end, no more generation, and what was heard is the truth."""
        states = self.states
        audible = states.voice is not Voice.QUIET
        if not audible and states.reply not in (Reply.ASKED, Reply.STREAMING):
            return
        position_ms = self.ledger.position_ms(self.now)
        cuts = self.ledger.cut(self.now)
        if audible:
            self.step(Trigger.SOUND_ENDED)
            self.emit(StopPlayback(self.ledger.epoch))
        self._cancel_reply()
        for cut in cuts:
            self.history.cut(cut.item_id, cut.heard_ms, cut.received_ms)
            self.calls.hush(cut.response_id)
            self._truncate(cut.item_id, cut.content_index, cut.heard_ms)
            self.note(
                "barge_in",
                why=why,
                item_id=cut.item_id,
                heard_ms=cut.heard_ms,
                received_ms=round(cut.received_ms, 1),
                position_ms=round(position_ms, 1),
                uncertainty_ms=self.ledger.uncertainty_ms,
            )

    def stop_voice(self) -> None:
        """The far end fell silent by itself (a client that keeps its own account)."""
        for cut in self.ledger.cut(self.now):
            self.history.cut(cut.item_id, cut.heard_ms, cut.received_ms)
        if self.states.voice is not Voice.QUIET:
            self.step(Trigger.SOUND_ENDED)

    def mark_if_wanted(self) -> None:
        if self.ledger.wants_mark:
            self.emit(Mark(self.ledger.epoch, self.ledger.mark()))

    def end(self, code: int, reason: str) -> None:
        """The conversation is over, whoever wished it."""
        for call in self.calls.running:
            self.emit(CancelTool(call.call_id))
        self.retry.stop()
        if self.states.link is not Link.DOWN:
            self.emit(CloseLink())
        self.emit(HangUp(code, reason))
        self.note("ended", reason=reason, code=code, cost_usd=round(self.usage.cost_usd, 6))
        self.ended = True

    def _cancel_reply(self) -> None:
        if self.states.reply not in (Reply.ASKED, Reply.STREAMING):
            return
        streaming = self.states.reply is Reply.STREAMING
        response_id = self.replies.active_id
        self.step(Trigger.REPLY_INTERRUPTED)
        self.stale_until = self.now + STALE_PATIENCE_S
        if streaming:
            self.replies.make_stale(response_id)
            self.calls.hush(response_id)
            if self.ours:
                self.emit(SendToEngine(ResponseCancel(event_id=self.new_id("cancel"), response_id=response_id)))

    def _truncate(self, item_id: str, content_index: int, heard_ms: int) -> None:
        if not self.config.traits.can_truncate or self.face is not None or self.states.link is not Link.READY:
            return
        event_id = self.new_id("cut")
        if item_id in self._engine.told_as_text:
            self._tell_anew(item_id)
            return
        if heard_ms <= 0:
            self.history.delete(item_id)
            self.emit(SendToEngine(ConversationItemDelete(event_id=event_id, item_id=item_id)))
            return
        self.emit(
            SendToEngine(
                ConversationItemTruncate(
                    event_id=event_id, item_id=item_id, content_index=content_index, audio_end_ms=heard_ms
                )
            )
        )
        self.note("truncated", item_id=item_id, audio_end_ms=heard_ms)

    def _tell_anew(self, item_id: str) -> None:
        """A later connection knows this item as text only: tell it the words that were heard instead."""
        entry = self.history.entries.get(item_id)
        if entry is None:
            return
        previous_item_id = self.history.before(item_id) or "root"
        item = retold(entry)
        self.history.delete(item_id)
        self.emit(SendToEngine(ConversationItemDelete(event_id=self.new_id("cut"), item_id=item_id)))
        if item is None:
            return
        item = item.model_copy(update={"id": self.new_id("item")})
        self.history.complete(item, previous_item_id)
        self._engine.retold(item.id or "")
        again = ConversationItemCreate(event_id=self.new_id("retell"), item=item, previous_item_id=previous_item_id)
        self.emit(SendToEngine(again))

    # The person's voice and the assistant's: the two that come fifty times a second

    def _handle_caller_audio(self, event: ev.CallerAudio) -> None:
        frame = event.frame
        if self._push_to_talk and not self.talk.open:
            self.gap.append(frame, self.config.turns.pre_roll_ms)
            return
        ready = self.states.link is Link.READY
        keep_ms = None if self.unsettled or not ready else self.config.link.quiet_ms
        self.gap.append(frame, keep_ms)
        if ready:
            self._out.append(SendAudio(frame))

    def _handle_engine_audio(self, event: ev.EngineAudio) -> None:
        replies = self.replies
        if replies.is_stale(event.response_id):
            self.note("stale_dropped", response_id=event.response_id, ms=event.frame.duration_ms)
            return
        frame = event.frame
        if self.times.first_delta_at is None:
            self._first_sound(event)
        wants_mark = self.ledger.queue(
            event.response_id, event.item_id, event.content_index, frame.duration_ms, self.now
        )
        if self.states.voice is Voice.QUIET:
            self.step(Trigger.SOUND_QUEUED)
        self._out.append(Play(event.response_id, event.item_id, event.output_index, event.content_index, frame))
        if wants_mark:
            self._out.append(Mark(self.ledger.epoch, self.ledger.mark()))

    def _first_sound(self, event: ev.EngineAudio) -> None:
        self.times.first_delta_at = self.now
        self.note("first_audio", response_id=event.response_id, item_id=event.item_id)
        if self.config.playout in ("clock", "client", "marks"):
            self._first_audible()

    def _first_audible(self) -> None:
        self.times.first_audible_at = self.now
        self.note("turn", **self.times.as_values())

    def _handle_played(self, event: ev.Played) -> None:
        if not self.ledger.played(event.epoch, event.position_ms, event.uncertainty_ms, self.now):
            self.note("stale_report", epoch=event.epoch)
            return
        if self.times.first_delta_at is not None and self.times.first_audible_at is None and event.position_ms > 0:
            self._first_audible()
        self._run_dry()

    # The link

    def _handle_link_opened(self, event: ev.LinkOpened) -> None:
        self.note("link", state="opened")

    def _handle_link_lost(self, event: ev.LinkLost) -> None:
        was_ready = self.states.link is Link.READY
        if may(self.states, Trigger.LINK_LOST):
            self.step(Trigger.LINK_LOST)
        self._engine.forget_pending()
        if self.states.reply is not Reply.NONE:
            broken = self.states.reply is not Reply.STALE and not self.unsettled
            self.replies.make_stale(self.replies.active_id)
            self.step(Trigger.REPLY_DONE)
            self.replies.done()
            self.stale_until = None
            if broken:
                self.replies.want(Wish("restored"))
        if self.states.floor is Floor.SPEAKING:
            self.step(Trigger.SPEECH_STOPPED)
        again = self.retry.lost(self.now, event.jitter, final=event.final)
        self.note("link", state="lost", code=event.code, reason=event.reason, was_ready=was_ready, again=again)
        if not again:
            self._tell_client_of_lost_engine(event)
            self.end(CLOSE_BROKEN, event.reason or "the engine is gone")

    def _tell_client_of_lost_engine(self, event: ev.LinkLost) -> None:
        if self.face is None:
            return
        code = "engine_refused" if event.final else "engine_unreachable"
        detail = ErrorDetail(type="server_error", code=code, message=event.reason or "The engine is gone.")
        self.emit(SendToClient(ErrorEvent(error=detail)))

    def restore(self) -> None:
        """A connection greeted us: say everything that the engine must know of what went before."""
        for wish in self.history.replay(skip=self.unsettled_items):
            wish.event_id = self.new_id("retell")
            self._engine.retold(wish.item.id or "")
            self.emit(SendToEngine(wish))
        for item_id in self.unsettled_items:
            self.history.delete(item_id)
        self.unsettled_items = set()
        replayed_ms = 0.0
        if not self._push_to_talk or self.unsettled:
            replayed_ms = self.gap.held_ms
            for frame in self.gap.peek():
                self.emit(SendAudio(frame))
        self.note("link", state="ready", replayed_ms=round(replayed_ms, 1))
        if self.gap.dropped_ms:
            self.note("audio_dropped", ms=round(self.gap.dropped_ms, 1))
            self.gap.dropped_ms = 0.0

    def greeted(self) -> None:
        """The link is ready: what was held back goes out."""
        self.step(Trigger.LINK_GREETED)
        self.retry.opened()
        while self.held_client_events:
            self._forward(self.held_client_events.popleft())

    # The client

    def _handle_client_said(self, event: ev.ClientSaid) -> None:
        if self.states.link is Link.READY:
            self._forward(event.event)
        elif len(self.held_client_events) < CLIENT_EVENTS_HELD:
            self.held_client_events.append(event.event)
        else:
            self.end(CLOSE_BROKEN, "the engine is away and too much was asked of it")

    def _forward(self, event: ClientEvent) -> None:
        assert self.face is not None, "only a client's face says client events"
        event = self.face.admit(event)
        match event:
            case SessionUpdate():
                event = self._engine.expect_update(event)
                self.settings = merge(self.settings, event.session)
            case ConversationItemCreate(item=FunctionCallOutput(call_id=call_id)):
                self.calls.answer(call_id)
            case ConversationItemTruncate():
                self._client_truncated(event)
            case InputAudioBufferClear():
                self.gap.clear()
            case InputAudioBufferCommit():
                self.unsettled = True
            case ResponseCreate() if self._engine.hold_create(event):
                return
            case _:
                pass
        self.emit(SendToEngine(event))

    def _client_truncated(self, event: ConversationItemTruncate) -> None:
        item = self.ledger.items.get(event.item_id)
        received_ms = item.received_ms if item is not None else self._engine.received_ms(event.item_id)
        self.history.cut(event.item_id, event.audio_end_ms, received_ms)
        self.stop_voice()

    # The talk button, the keys, the keyboard

    def _handle_push_to_talk(self, event: ev.PushToTalk) -> None:
        if not self._push_to_talk:
            return
        if event.held:
            if self.talk.press(self.now):
                self._begin_talk()
            return
        if not self.talk.release(self.now):
            self._forget_talk()

    def _begin_talk(self) -> None:
        self.interrupt("push_to_talk")
        self.step(Trigger.SPEECH_STARTED)
        self.times = TurnTimes(speech_started_at=self.now)
        self.unsettled = True
        if self.states.link is Link.READY:
            self.emit(SendToEngine(InputAudioBufferClear(event_id=self.new_id("clear"))))
            for frame in self.gap.peek():
                self.emit(SendAudio(frame))

    def _forget_talk(self) -> None:
        self.gap.clear()
        self.unsettled = False
        self.step(Trigger.SPEECH_STOPPED)
        if self.states.link is Link.READY:
            self.emit(SendToEngine(InputAudioBufferClear(event_id=self.new_id("clear"))))
        self.note("tap_ignored")
        self.speak_up()

    def _end_talk(self) -> None:
        self.step(Trigger.SPEECH_STOPPED)
        self.times.speech_stopped_at = self.now
        self._engine.want_commit()

    def _handle_dtmf(self, event: ev.Dtmf) -> None:
        if not self._digits:
            self.interrupt("dtmf")
        self._digits += event.digit
        self._digits_until = self.now + DTMF_PAUSE_S
        self.note("dtmf")
        if event.digit == "#":
            self._end_digits()

    def _end_digits(self) -> None:
        digits, self._digits, self._digits_until = self._digits, "", None
        self._write(f"[telephone keys pressed: {digits}]")

    def _handle_typed(self, event: ev.Typed) -> None:
        self.interrupt("typed")
        self._write(event.text)

    def _write(self, text: str) -> None:
        item = UserMessage(id=self.new_id("item"), content=[InputText(text=text)])
        self.history.complete(item, None)
        if self.states.link is Link.READY:
            self.emit(SendToEngine(ConversationItemCreate(event_id=self.new_id("write"), item=item)))
        self.times = TurnTimes(committed_at=self.now)
        self.ask(Wish("turn"))

    # The tools

    def _handle_tool_done(self, event: ev.ToolDone) -> None:
        call = self.calls.answer(event.call_id)
        if call is None:
            self.note("late_tool", call_id=event.call_id)
            return
        item = FunctionCallOutput(id=self.new_id("item"), call_id=event.call_id, output=event.output)
        self.history.complete(item, None)
        if self.face is not None:
            self.face.hide(item.id or "", call.item_id)
            for shown in self.face.answered(call.item_id, event.output, ok=event.ok):
                self.emit(SendToClient(shown))
        if self.states.link is Link.READY:
            self.emit(SendToEngine(ConversationItemCreate(event_id=self.new_id("answer"), item=item)))
        took_ms = round((self.now - call.started_at) * 1000, 1)
        self.note("tool_done", call_id=call.call_id, name=call.name, ok=event.ok, ms=took_ms)
        self._engine.go_on(call.response_id, hushed=call.hushed)

    def _handle_tool_progress(self, event: ev.ToolProgress) -> None:
        self.note("tool_progress", call_id=event.call_id, text=event.text)

    # The operator

    def _handle_say(self, event: ev.Say) -> None:
        self.ask(Wish("say", event.text))

    def _handle_stop_talking(self, event: ev.StopTalking) -> None:
        self.interrupt("operator")
        self.replies.wishes.clear()

    def _handle_change(self, event: ev.Change) -> None:
        self.settings = merge(self.settings, event.settings)
        if self.states.link is Link.READY:
            update = SessionUpdate(event_id=self.new_id("update"), session=event.settings)
            self.emit(SendToEngine(self._engine.expect_update(update, ours=True)))

    def _handle_close(self, event: ev.Close) -> None:
        self.end(CLOSE_GOING_AWAY, event.reason)

    def _handle_hung_up(self, event: ev.HungUp) -> None:
        self.end(CLOSE_NORMAL, event.reason)

    # Time

    def _handle_tick(self, event: ev.Tick) -> None:
        now = self.now
        if self.retry.due(now):
            self.retry.trying()
            self.step(Trigger.LINK_WANTED)
            self.emit(OpenLink())
        if self.talk.tail_over(now):
            self._end_talk()
        if self.stale_until is not None and now >= self.stale_until:
            self._engine.give_up_stale()
        if self._digits_until is not None and now >= self._digits_until:
            self._end_digits()
        self._run_dry()
        self.speak_up()

    def _run_dry(self) -> None:
        if self.states.voice is Voice.QUIET or not self.ledger.run_dry(self.now):
            return
        self.step(Trigger.SOUND_ENDED)
        self.ledger.settle()
        self.note("sound_ended")
        self.speak_up()


def _response_for(wish: Wish) -> ResponseParams | None:
    if not wish.text:
        return None
    return ResponseParams(
        instructions=f"Say exactly this to the person, and nothing else: {wish.text}",
        tool_choice="none",
        metadata={"voice.say": wish.text},
    )
