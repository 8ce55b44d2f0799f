"""The conversation: events in, effects out, time passed in.

No asyncio, clock, randomness, logging or files here. `handle` says everything that must be done about one event;
`deadline` says when to come back if nothing happens. The driver does the effects and reports how they went, as
events. The books keep what is known; the rules (`*_side.py` and their like) say what follows from what, each knowing
only the rules below it; this file puts them on top of each other and gives each event to whom it concerns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from voice.session import events as ev
from voice.session.approval_side import ApprovalSide
from voice.session.asking import Asking
from voice.session.books import Books
from voice.session.call_side import CallSide
from voice.session.calling import Calling
from voice.session.client_side import ClientSide
from voice.session.client_turns import ClientTurns
from voice.session.deadlines import Deadline, soonest
from voice.session.effects import Effect
from voice.session.ending import CLOSE_GOING_AWAY, CLOSE_NORMAL, Ending
from voice.session.engine_side import EngineSide
from voice.session.error_side import ErrorSide
from voice.session.extension_side import ExtensionSide
from voice.session.floor_side import FloorSide
from voice.session.interrupting import Interrupting
from voice.session.item_side import ItemSide
from voice.session.keys_side import KeysSide
from voice.session.link_side import LinkSide
from voice.session.output_side import OutputSide
from voice.session.person_side import PersonSide
from voice.session.repairs import Repairs
from voice.session.replies import Wish
from voice.session.reply_end_side import ReplyEndSide
from voice.session.reply_side import ReplySide
from voice.session.retractions import Retractions
from voice.session.roll_over import RollOver
from voice.session.rules import SessionConfig
from voice.session.settings_side import SettingsSide
from voice.session.sounding import Sounding
from voice.session.speculation import Speculation
from voice.session.states import Trigger, Voice
from voice.session.told_items import ToldItems
from voice.session.turn_side import TurnSide
from voice.session.watch import Watch
from voice.session.watch_side import WatchSide
from voice.session.withdrawals import Withdrawals

Handler = Callable[[Any], None]


class Session(Books):
    """One conversation between a person and an engine: its books, and what follows from what."""

    def __init__(self, config: SessionConfig) -> None:
        super().__init__(config)
        self._deadline: Deadline | None = None
        self._deadline_known = False
        self._build()
        self._handlers = self._handlers_of_events()
        if config.greeting:
            self.replies.want(Wish("say", config.greeting))

    def _build(self) -> None:
        """The rules, from the ground up: each is given those below that it needs."""
        watch = Watch(self.config.watch)
        self.ending = Ending(self)
        self.extension = ExtensionSide(self)
        self.roll_over = RollOver(self)
        asking = self.asking = Asking(self)
        client_turns = ClientTurns(self)
        told = self.told = ToldItems(self)
        self.watch = WatchSide(self, client_turns, watch)
        self.sounding = Sounding(self, asking, self.extension, self.watch)

        calling = self.calling = Calling(self, asking, self.extension)
        self.approvals = ApprovalSide(self, asking, calling, self.extension)
        self.call_side = CallSide(self, asking, self.extension, calling, self.approvals, told)
        retractions = Retractions(self, told)
        withdrawals = Withdrawals(self, asking, told)
        replies = ReplySide(self, asking, self.watch, calling, self.call_side, withdrawals, retractions)
        self.reply_side = replies
        ends = ReplyEndSide(self, asking, self.ending, self.sounding, self.watch, calling, withdrawals, replies)
        self.interrupting = Interrupting(self, asking, self.extension, told, self.call_side, self._end_turn)

        settings = SettingsSide(self, client_turns)
        self.repairs = Repairs(self, self.ending, watch, ends, settings)
        self.client = ClientSide(
            self,
            self.ending,
            self.extension,
            told,
            self.sounding,
            calling,
            self.approvals,
            replies,
            self.interrupting,
            settings,
        )
        self.keys = KeysSide(self, asking, self.interrupting)
        self.speculation = Speculation(self, asking, self.client, ends, retractions, self._hear_engine)
        self.person = PersonSide(self, asking, self.watch, self.interrupting, self.client, self.speculation)
        self.floor = FloorSide(self, asking, client_turns, self.watch, self.interrupting, self.speculation, self.person)

        turns = TurnSide(self, asking, client_turns, self.watch, self.speculation, self.person, self.floor)
        self.link = LinkSide(
            self,
            asking,
            self.ending,
            told,
            self.sounding,
            client_turns,
            replies,
            ends,
            settings,
            self.client,
            self.speculation,
            turns,
        )
        errors = ErrorSide(self, self.ending, told, withdrawals, replies, ends, settings, self.speculation)
        self.items = ItemSide(self, told, replies, turns)
        self.output = OutputSide(self, self.watch, self.sounding, replies, self.speculation)
        self.engine = EngineSide(
            self,
            self.watch,
            self.speculation,
            settings,
            self.link,
            errors,
            turns,
            self.items,
            self.output,
            replies,
            ends,
        )

    def _handlers_of_events(self) -> dict[type, Handler]:
        return {
            ev.CallerAudio: self.person.handle_caller_audio,
            ev.EngineAudio: self.output.handle_audio,
            ev.CallerSpeech: self.floor.handle_caller_speech,
            ev.CallerLoud: self.watch.handle_caller_loud,
            ev.TurnSense: self.person.handle_turn_sense,
            ev.Played: self.sounding.handle_played,
            ev.EngineSaid: self.engine.handle,
            ev.LinkOpened: self.link.handle_opened,
            ev.LinkLost: self.link.handle_lost,
            ev.ClientSaid: self.client.handle_client_said,
            ev.PushToTalk: self.person.handle_push_to_talk,
            ev.TalkCancelled: self.person.handle_talk_cancelled,
            ev.Dtmf: self.keys.handle_dtmf,
            ev.Typed: self.keys.handle_typed,
            ev.ApprovalGiven: self.approvals.handle_approval_given,
            ev.HungUp: self._handle_hung_up,
            ev.ToolDone: self.call_side.handle_tool_done,
            ev.ToolProgress: self.call_side.handle_tool_progress,
            ev.Say: self._handle_say,
            ev.StopTalking: self._handle_stop_talking,
            ev.Change: self._handle_change,
            ev.Close: self._handle_close,
            ev.Tick: self._handle_tick,
        }

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
        self.effects = []
        kind = type(event)
        if kind is not ev.CallerAudio:  # the person's sound by itself moves no deadline
            self._deadline_known = False
        closing = self.ending.closing
        if closing is None:
            self._handlers[kind](event)
        else:
            self.ending.handle(closing, event)
        return self.effects

    def deadline(self) -> Deadline | None:
        """When to call `handle(Tick(), now)` if nothing else happens before, and why."""
        if self.ended:
            return None
        if not self._deadline_known:
            self._deadline, self._deadline_known = self._find_deadline(), True
        return self._deadline

    def _find_deadline(self) -> Deadline | None:
        if self.ending.closing is not None:
            return self.ending.deadline()
        return soonest(
            (
                self.retry.deadline(),
                self.ledger.deadline() if self.states.voice is not Voice.QUIET else None,
                self.talk.deadline(),
                self.replies.deadline(),
                self.replies.stale_deadline(),
                self.keys.deadline(),
                self.floor.deadline(),
                self.idle.deadline(),
                self.repairs.deadline(),
                self.roll_over.deadline(),
                self.ledger.guess_deadline(),
                self.approvals.deadline(),
                self.wordless.deadline(),
            )
        )

    # What changes in the books is told to those who watch

    def note(self, kind: str, **values: Any) -> None:
        super().note(kind, **values)
        self.extension.noted(kind, values)

    def step(self, trigger: Trigger) -> None:
        before = self.states
        super().step(trigger)
        after = self.states
        if (before.voice is Voice.QUIET) is not (after.voice is Voice.QUIET):
            self.floor.voice_changed()
        if before.link is not after.link:
            self.roll_over.link_changed(after.link)
        self.watch.stepped(before, after)

    # What rules ask of those above them

    def _hear_engine(self, event: ev.EngineSaid | ev.EngineAudio) -> None:
        """Act now on what the engine said a while ago."""
        self._handlers[type(event)](event)

    def _end_turn(self) -> None:
        self.person.end_turn_now()

    # The operator

    def ask(self, wish: Wish) -> None:
        """Somebody wants a reply."""
        self.asking.ask(wish)

    def interrupt(self, why: str) -> None:
        """The assistant stops."""
        self.interrupting.interrupt(why)

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
        self.ending.end(CLOSE_GOING_AWAY, event.reason)

    def _handle_hung_up(self, event: ev.HungUp) -> None:
        self.ending.end(CLOSE_NORMAL, event.reason)

    # Time

    def _handle_tick(self, event: ev.Tick) -> None:
        now = self.now
        if self.began_at is None:
            self.began_at = now
        self.link.handle_time()
        if self.replies.is_overdue(now):
            self.reply_side.give_up_stale()
        self.replies.hold_over(now)
        self.person.handle_time()
        self.keys.handle_time()
        self.floor.handle_time()
        if text := self.idle.due(now):
            self.ask(Wish("say", text))
        self.approvals.handle_time()
        self.sounding.run_dry()
        self.asking.speak_up()
        self.sounding.measure_cut()
        if not self.repairs.handle_time():
            self.roll_over.handle_time()
        self.items.handle_time()
