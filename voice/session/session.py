"""The conversation: events in, effects out, time passed in.

No asyncio, clock, randomness, logging or files here. `handle` says everything that must be done about one event;
`deadline` says when to come back if nothing happens. The driver does the effects and reports how they went, as
events. The parts (link, turns, replies, playback, calls, history, usage) keep the books; this file says what
follows from what.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from voice.protocol.client_events import (
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemTruncate,
    ResponseCancel,
    ResponseCreate,
)
from voice.protocol.items import FunctionCallOutput
from voice.protocol.settings import ResponseParams
from voice.session import events as ev
from voice.session.approval_side import ApprovalSide
from voice.session.calls import Calls, ToolCall
from voice.session.deadlines import Deadline, soonest
from voice.session.echoes import Echoes
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
from voice.session.extension_side import ExtensionSide
from voice.session.face import ClientFace
from voice.session.floor_side import FloorSide
from voice.session.gap import GapBuffer
from voice.session.history import History
from voice.session.link import Retry
from voice.session.link_side import LinkSide
from voice.session.person_side import PersonSide
from voice.session.playback import Cut, Ledger
from voice.session.replies import Replies, Wish
from voice.session.reply_side import STALE_PATIENCE_S
from voice.session.rules import SessionConfig, TurnRules
from voice.session.speculation import Speculation
from voice.session.states import Consequence, Floor, Link, Reply, States, Trigger, Voice, consequence, step
from voice.session.turns import IdlePrompt, Talk, TurnTimes
from voice.session.usage import Usage
from voice.session.watch_side import WatchSide

ASKED_PATIENCE_S = 10.0
CLOSING_TAIL_S = 0.4
CLOSE_NORMAL, CLOSE_GOING_AWAY, CLOSE_BROKEN = 1000, 1001, 1011
Handler = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Closing:
    """The closing words sound until then; the call ends with this code and reason."""

    at: float
    code: int
    reason: str


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
        self.echoes = Echoes()
        self.history = History(config.history_items)
        self.usage = Usage(config.prices)
        self.retry = Retry(config.link)
        self.gap = GapBuffer(config.link.gap_ms, config.link.quiet_ms)
        self.take_turns(config.turns)
        self.times = TurnTimes()
        self.client_plays = config.client_face and config.playout == "client"
        self.face = _face_of(config)
        if self.face is not None:
            self.settings = self.face.take_wishes(config.settings)
        self.began_at: float | None = None
        self.stale_until: float | None = None
        self._first_sound_of = ""
        self._first_sound_ms = 0.0
        self._closing: Closing | None = None
        self._ids = 0
        self._deadline: Deadline | None = None
        self._deadline_known = False
        self._out: list[Effect] = []
        self.extension = ExtensionSide(self)
        self.approvals = ApprovalSide(self)
        self.engine = EngineSide(self)
        self.link = LinkSide(self)
        self.person = PersonSide(self)
        self.speculation = Speculation(self)
        self.floor = FloorSide(self)
        self.watch = WatchSide(self)
        self._handlers: dict[type, Handler] = {
            ev.CallerAudio: self._handle_caller_audio,
            ev.EngineAudio: self._handle_engine_audio,
            ev.CallerSpeech: self.floor.handle_caller_speech,
            ev.CallerLoud: self.watch.caller_loud,
            ev.CallerWords: self.floor.handle_caller_words,
            ev.TurnSense: self.person.handle_turn_sense,
            ev.Played: self._handle_played,
            ev.EngineSaid: self.engine.handle,
            ev.LinkOpened: self.link.handle_opened,
            ev.LinkLost: self.link.handle_lost,
            ev.ClientSaid: self.person.handle_client_said,
            ev.PushToTalk: self.person.handle_push_to_talk,
            ev.TalkCancelled: self.person.handle_talk_cancelled,
            ev.Dtmf: self.person.handle_dtmf,
            ev.Typed: self.person.handle_typed,
            ev.ApprovalGiven: self.approvals.handle_approval_given,
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

    def take_turns(self, rules: TurnRules) -> None:
        """Turns go by these rules from now on."""
        self.turns = rules
        self._by_hand = rules.by_hand
        self.talk = Talk(rules)
        self.idle = IdlePrompt(rules)
        self.preroll = GapBuffer(rules.kept_ms, rules.kept_ms)
        self.gap.quiet_ms = 0.0 if rules.by_hand else self.config.link.quiet_ms

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
        kind = type(event)
        if kind is not ev.CallerAudio:  # the person's sound by itself moves no deadline
            self._deadline_known = False
        if self._closing is not None:
            self._close_up(event)
        else:
            self._handlers[kind](event)
        return self._out

    def deadline(self) -> Deadline | None:
        """When to call `handle(Tick(), now)` if nothing else happens before, and why."""
        if self.ended:
            return None
        if not self._deadline_known:
            self._deadline, self._deadline_known = self._find_deadline(), True
        return self._deadline

    def _find_deadline(self) -> Deadline | None:
        if self._closing is not None:
            return Deadline(self._closing.at, "closing words")
        return soonest(
            (
                self.retry.deadline(),
                self.ledger.deadline() if self.states.voice is not Voice.QUIET else None,
                self.talk.deadline(),
                self.replies.deadline(),
                None if self.stale_until is None else Deadline(self.stale_until, "cancelled reply is over"),
                self.person.deadline(),
                self.floor.deadline(),
                self.idle.deadline(),
                self.watch.deadline(),
                self.ledger.guess_deadline(),
                self.approvals.deadline(),
                self.engine.wordless.deadline(),
            )
        )

    # What the parts and the engine's side use

    def hear_engine(self, event: ev.EngineSaid | ev.EngineAudio) -> None:
        """Act now on what the engine said a while ago."""
        self._handlers[type(event)](event)

    def emit(self, effect: Effect) -> None:
        self._out.append(effect)

    def note(self, kind: str, **values: Any) -> None:
        self._out.append(Note(kind, values))
        self.extension.noted(kind, values)

    def step(self, trigger: Trigger) -> None:
        before = self.states
        self.states = step(before, trigger)
        if (before.voice is Voice.QUIET) is not (self.states.voice is Voice.QUIET):
            self.floor.voice_changed()
        self.watch.stepped(before, self.states)
        if consequence(self.states) is Consequence.SPEAK_UP:
            self.idle.quiet(self.now)
        else:
            self.idle.busy()

    def new_id(self, prefix: str) -> str:
        """An id that this conversation has not used: deterministic, so that a replay makes the same."""
        self._ids += 1
        return f"{prefix}_{self.config.session_id[-12:]}_{self._ids}"

    @property
    def sounding_response(self) -> str:
        """The response whose sound came last."""
        return self._first_sound_of

    @property
    def ours(self) -> bool:
        """Whether creating and cancelling replies is our decision."""
        keeps = self.face is None or self.config.floor is not None
        return keeps and self.turns.floor == "ours" and self.config.traits.interruption == "ours"

    def ask(self, wish: Wish) -> None:
        """Somebody wants a reply: now if nothing stands in its way, otherwise as soon as it does not."""
        if not self.replies.want(wish):
            self.note("say_dropped")
        self.speak_up()

    def speak_up(self) -> None:
        """Ask for the next reply that is wanted, if the joint state lets us."""
        states = self.states
        if states.link is not Link.READY or states.floor is Floor.SPEAKING or states.reply is not Reply.NONE:
            return
        owed = bool(self.calls.running)  # an answer to the person comes first
        quiet = consequence(states) is Consequence.SPEAK_UP and not owed
        wish = self.replies.next_wish(self.now, quiet=quiet)
        if wish is None:
            return
        create = wish.create or ResponseCreate(event_id=self.new_id("ask"), response=_response_for(wish))
        self.replies.ask(wish, create.event_id or "")
        self.step(Trigger.REPLY_ASKED)
        self.times.asked_at = self.now
        self.emit(SendToEngine(create))
        self.note("reply_asked", reason=wish.reason)

    def interrupt(self, why: str) -> None:
        """The assistant stops: silence at the far end, no more generation, and what was heard is the truth."""
        if self.speculation.open:
            self.person.end_turn_now()
        states = self.states
        audible = states.voice is not Voice.QUIET
        if not audible and states.reply not in (Reply.ASKED, Reply.STREAMING):
            return
        position_ms = self.ledger.position_ms(self.now)
        cuts: list[Cut] = []
        if audible or self.ledger.items:
            self.extension.stops()
            cuts = self.ledger.cut(self.now)
            self.emit(StopPlayback(self.ledger.epoch))
        if audible:
            self.step(Trigger.SOUND_ENDED)
        self._cancel_reply(why, cuts)
        for response_id in dict.fromkeys(cut.response_id for cut in cuts):
            again = self.replies.protected.get(response_id)
            if again is not None and again.protect == "must_be_heard" and why != "operator":
                self.replies.want(again)
        for cut in cuts:
            self.history.cut(cut.item_id, cut.heard_ms, cut.received_ms)
            self.extension.cut(cut)
            self.engine.replies.hush(cut.response_id)
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
        """The far end fell silent by itself (a client that keeps its own account), or a client wants it to."""
        for cut in self.ledger.cut(self.now):
            self.history.cut(cut.item_id, cut.heard_ms, cut.received_ms)
        if not self.client_plays:
            self.emit(StopPlayback(self.ledger.epoch))
        if self.states.voice is not Voice.QUIET:
            self.step(Trigger.SOUND_ENDED)

    def mark_if_wanted(self) -> None:
        if self.ledger.wants_mark:
            self.emit(Mark(self.ledger.epoch, self.ledger.mark()))

    def end(self, code: int, reason: str) -> None:
        """The conversation is over, whoever wished it first."""
        if self.ended:
            return
        if self._closing is None:
            for call in self.calls.running:
                self.emit(CancelTool(call.call_id))
            self.retry.stop()
            if self.states.link is not Link.DOWN:
                self.emit(CloseLink())
            if code == CLOSE_BROKEN and self._say_goodbye(code, reason):
                return
        self.emit(HangUp(code, reason))
        self.note("ended", reason=reason, code=code, cost_usd=round(self.usage.cost_usd, 6))
        self.ended = True

    def _say_goodbye(self, code: int, reason: str) -> bool:
        """Nobody is left to speak for us: our own closing words are played, and the call ends behind them."""
        words = self.config.closing
        if words is None or self.client_plays:
            return False
        self.ledger.cut(self.now)
        self.emit(StopPlayback(self.ledger.epoch))
        self.emit(Play("closing", "closing", 0, 0, words))
        self.note("closing_words")
        self._closing = Closing(self.now + words.duration_ms / 1000 + CLOSING_TAIL_S, code, reason)
        return True

    def _close_up(self, event: ev.Event) -> None:
        """Only the end of the closing words, or of the line, matters now."""
        assert self._closing is not None
        if isinstance(event, ev.HungUp):
            self.end(CLOSE_NORMAL, event.reason)
        elif isinstance(event, ev.Close) or self.now >= self._closing.at:
            self.end(self._closing.code, self._closing.reason)

    def _cancel_reply(self, why: str, cuts: list[Cut]) -> None:
        if self.states.reply not in (Reply.ASKED, Reply.STREAMING):
            return
        streaming = self.states.reply is Reply.STREAMING
        response_id, wish = self.replies.active_id, self.replies.wish
        self.step(Trigger.REPLY_INTERRUPTED)
        self.stale_until = self.now + (STALE_PATIENCE_S if streaming else ASKED_PATIENCE_S)
        heard = any(cut.heard_ms > 0 for cut in cuts if cut.response_id == response_id)
        if wish is not None and wish.text and not heard and why != "operator" and wish.protect != "must_be_heard":
            self.replies.want(wish)
        if streaming:
            self.replies.make_stale(response_id)
            self.engine.replies.hush(response_id)
            if self.ours or why != "speech":
                self.cancel(response_id)

    def cancel(self, response_id: str) -> None:
        """Ask the engine to stop making this response, if stopping is ours at all."""
        if self.config.traits.interruption == "ours":
            self.engine.tell(ResponseCancel(event_id=self.new_id("cancel"), response_id=response_id))

    def _truncate(self, item_id: str, content_index: int, heard_ms: int) -> None:
        if not self.config.traits.can_truncate or self.client_plays or self.states.link is not Link.READY:
            return
        event_id = self.new_id("cut")
        if item_id in self.engine.told_as_text:
            self.engine.tell_anew(item_id)
            return
        if heard_ms <= 0:
            self.history.delete(item_id)
            self.engine.tell(ConversationItemDelete(event_id=event_id, item_id=item_id))
            return
        self.engine.tell(
            ConversationItemTruncate(
                event_id=event_id, item_id=item_id, content_index=content_index, audio_end_ms=heard_ms
            )
        )
        self.note("truncated", item_id=item_id, audio_end_ms=heard_ms)

    # The person's voice and the assistant's: the two that come fifty times a second

    def _handle_caller_audio(self, event: ev.CallerAudio) -> None:
        frame = event.frame
        if self._by_hand and not self.talk.open:
            self.preroll.append(frame, sent=True)
            return
        ready = self.states.link is Link.READY
        self.gap.append(frame, sent=ready)
        if ready:
            self._out.append(SendAudio(frame))

    def _handle_engine_audio(self, event: ev.EngineAudio) -> None:
        response_id = event.response_id
        if self.replies.is_stale(response_id) or self.replies.is_over(response_id):
            self.note("stale_dropped", response_id=response_id, ms=event.frame.duration_ms)
            return
        self.watch.engine_spoke(of_reply=True)
        if self.speculation.open and self.speculation.takes_audio(event):
            return
        if response_id != self.replies.active_id and self.engine.replies.adopt(response_id):
            self._handle_engine_audio(event)
            return
        frame = event.frame
        if response_id != self._first_sound_of:
            self._first_sound(event)
        wants_mark = self.ledger.queue(response_id, event.item_id, event.content_index, frame.duration_ms, self.now)
        if self.states.voice is Voice.QUIET:
            self.step(Trigger.SOUND_QUEUED)
        self._out.append(Play(response_id, event.item_id, event.output_index, event.content_index, frame))
        if wants_mark:
            self._out.append(Mark(self.ledger.epoch, self.ledger.mark()))

    def _first_sound(self, event: ev.EngineAudio) -> None:
        self._first_sound_of = event.response_id
        self.watch.reply_goes_on()
        self.note("first_audio", response_id=event.response_id, item_id=event.item_id)
        if self.times.first_delta_at is None:
            self.times.first_delta_at = self.now
            self._first_sound_ms = self.ledger.queued_ms
            if self.config.playout != "reports":
                self._first_audible()

    def _first_audible(self) -> None:
        """The reply to a turn is heard; what we say of ourselves answers no turn."""
        self.times.first_audible_at = self.now
        if self.times.speech_stopped_at is not None or self.times.committed_at is not None:
            self.note("turn", **self.times.as_values())

    def _handle_played(self, event: ev.Played) -> None:
        ledger = self.ledger
        if not ledger.played(event.epoch, event.position_ms, event.uncertainty_ms, self.now, event.held_ms):
            self.note("stale_report", epoch=event.epoch, position_ms=round(event.position_ms, 1))
            return
        self.watch.played()
        self.extension.played()
        times = self.times
        waits = times.first_delta_at is not None and times.first_audible_at is None
        if waits and event.position_ms > self._first_sound_ms:
            self._first_audible()
        self._run_dry()

    # The tools

    def _handle_tool_done(self, event: ev.ToolDone) -> None:
        call = self.calls.answer(event.call_id)
        if call is None:
            self.note("late_tool", call_id=event.call_id)
            return
        self.echoes.answered(call)
        self.answer(call, event.output, ok=event.ok)
        self.engine.replies.go_on(call.response_id, hushed=call.hushed)
        self.speak_up()

    def answer(self, call: ToolCall, output: str, *, ok: bool) -> None:
        """Give the engine the output of a call of ours, and show the client that it ended."""
        item = FunctionCallOutput(id=self.new_id("item"), call_id=call.call_id, output=output)
        self.history.complete(item, None)
        if self.face is not None:
            self.face.hide(item.id or "", call.item_id)
            for shown in self.face.answered(call.item_id, output, ok=ok):
                self.emit(SendToClient(shown))
        if self.states.link is Link.READY:
            create = ConversationItemCreate(event_id=self.new_id("answer"), item=item)
            self.engine.tell(create)
        took_ms = round((self.now - call.started_at) * 1000, 1)
        self.note("tool_done", call_id=call.call_id, name=call.name, ok=ok, ms=took_ms)
        self.extension.tool(call, "done" if ok else "failed", output)

    def _handle_tool_progress(self, event: ev.ToolProgress) -> None:
        self.note("tool_progress", call_id=event.call_id, text=event.text)
        if call := self.calls.open.get(event.call_id):
            self.extension.tool(call, "progress", event.text)

    # The operator

    def _handle_say(self, event: ev.Say) -> None:
        self.ask(Wish("say", event.text, protect=event.protect))

    def _handle_stop_talking(self, event: ev.StopTalking) -> None:
        self.interrupt("operator")
        self.replies.wishes.clear()

    def _handle_change(self, event: ev.Change) -> None:
        if event.turns is not None:
            self.person.change_turns(event.turns)
        self.engine.settings.change(event.settings, turns=event.turns is not None)

    def _handle_close(self, event: ev.Close) -> None:
        self.end(CLOSE_GOING_AWAY, event.reason)

    def _handle_hung_up(self, event: ev.HungUp) -> None:
        self.end(CLOSE_NORMAL, event.reason)

    # Time

    def _handle_tick(self, event: ev.Tick) -> None:
        now = self.now
        if self.began_at is None:
            self.began_at = now
        if self.retry.due(now):
            self.retry.trying()
            self.step(Trigger.LINK_WANTED)
            self.emit(OpenLink())
        if self.retry.greeting_overdue(now):
            self.note("surprise", type="session.created missing")
            self.emit(CloseLink())
        if self.stale_until is not None and now >= self.stale_until:
            self.engine.replies.give_up_stale()
        self.replies.hold_over(now)
        self.person.handle_time(now)
        self.floor.handle_time()
        if text := self.idle.due(now):
            self.ask(Wish("say", text))
        self.approvals.handle_time()
        self._run_dry()
        self.speak_up()
        if (error_ms := self.ledger.truncation_error_ms(now)) is not None:
            self.note("cut_measured", truncation_error_ms=round(error_ms, 1))
        self.watch.handle_time()
        self.engine.handle_time()

    def _run_dry(self) -> None:
        if self.states.voice is Voice.QUIET or not self.ledger.run_dry(self.now):
            return
        self.step(Trigger.SOUND_ENDED)
        self.extension.ran_dry()
        self.ledger.settle()
        self.note("sound_ended")
        self.speak_up()


def _face_of(config: SessionConfig) -> ClientFace | None:
    if not config.client_face:
        return None
    paused = {name for name, verdict in config.approvals.verdicts.items() if verdict != "allow"}
    return ClientFace(config.tools, any_model=config.traits.any_model, paused=paused)


def _response_for(wish: Wish) -> ResponseParams | None:
    if not wish.text:
        return None
    return ResponseParams(
        instructions=f"Say exactly this to the person, and nothing else: {wish.text}",
        tool_choice="none",
        metadata={"voice.say": wish.text},
    )
