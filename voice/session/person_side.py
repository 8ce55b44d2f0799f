"""What follows from what the person does beside speaking: the talk button, keys, the keyboard, a realtime client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voice.protocol.client_events import (
    ClientEvent,
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemTruncate,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    OutputAudioBufferClear,
    ResponseCreate,
    SessionUpdate,
)
from voice.protocol.items import FunctionCallOutput, InputText, UserMessage
from voice.protocol.server_events import ConversationItemTruncated
from voice.session.deadlines import Deadline
from voice.session.effects import SendAudio, SendToEngine
from voice.session.events import ClientSaid, Dtmf, PushToTalk, TalkCancelled, TurnSense, Typed
from voice.session.replies import Wish
from voice.session.rules import TurnRules
from voice.session.states import Floor, Link, Trigger, Voice
from voice.session.turns import TurnTimes

if TYPE_CHECKING:
    from voice.session.session import Session

DTMF_PAUSE_S = 2.0
DIGITS_LIMIT = 64


class PersonSide:
    """The person's part of the session's rules."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.talk_began_ms = 0.0
        self._replies = True
        self._digits = ""
        self._digits_until: float | None = None

    def deadline(self) -> Deadline | None:
        if self._digits_until is not None:
            return Deadline(self._digits_until, "digits are complete")
        return self._session.talk.deadline()

    def handle_time(self, now: float) -> None:
        """Time passed."""
        talk = self._session.talk
        if talk.too_long(now):
            talk.end_now(now)
        if talk.speculation_due(now):
            self._session.speculation.begin()
        if talk.tail_over(now):
            self._end_talk()
        if self._digits_until is not None and now >= self._digits_until:
            self._end_digits()

    # The talk button

    def handle_push_to_talk(self, event: PushToTalk) -> None:
        session = self._session
        if session.turns.mode != "push_to_talk":
            return
        held = event.held
        if session.turns.toggle:
            if not held:
                return
            held = not session.talk.open
        self._replies = event.reply
        if held:
            if session.talk.press(session.now):
                self.begin_talk("push_to_talk")
        elif not session.talk.release(session.now):
            self._forget_talk()

    def handle_turn_sense(self, event: TurnSense) -> None:
        """What the turn that is open is like so far."""
        if self._session.turns.mode == "local" and self._session.talk.open:
            self._session.talk.sense(event.by, event.ending)

    def end_turn_now(self) -> None:
        """The turn that is open is over, however little quiet there was."""
        if self._session.talk.close():
            self._end_talk()

    def handle_talk_cancelled(self, event: TalkCancelled) -> None:
        if self._session.talk.close():
            self._forget_talk()

    def change_turns(self, rules: TurnRules) -> None:
        """Turns go by other rules from now on. A turn that is open is not meant any more: whoever heard its beginning
        may not tell its end."""
        session, before = self._session, self._session.turns
        other = (rules.mode, rules.eagerness) != (before.mode, before.eagerness)
        engine_hears = session.states.floor is Floor.SPEAKING and not session.talk.open
        if session.talk.close() or (engine_hears and other):
            self._forget_talk()
        session.take_turns(rules)

    def wants_reply(self) -> bool:
        """Whether the turn that was committed is to be answered."""
        replies, self._replies = self._replies, True
        return replies

    def begin_talk(self, why: str) -> None:
        """A turn that is committed by hand begins: its sound goes to the engine, with what lies before."""
        session = self._session
        session.interrupt(why)
        session.note("talk_began", why=why)
        session.idle.person_spoke()
        session.step(Trigger.SPEECH_STARTED)
        session.times = TurnTimes(speech_started_at=session.now)
        session.gap.begin_turn()
        self.talk_began_ms = session.gap.ended_ms
        ready = session.states.link is Link.READY
        if ready:
            session.emit(SendToEngine(InputAudioBufferClear(event_id=session.new_id("clear"))))
        for frame in session.preroll.take():
            session.gap.append(frame, sent=ready)
            if ready:
                session.emit(SendAudio(frame))

    def _forget_talk(self) -> None:
        session = self._session
        if session.speculation.open:
            session.speculation.retract(say_again=False)
        session.gap.forget_turn()
        session.gap.interrupted()
        session.step(Trigger.SPEECH_STOPPED)
        if session.states.link is Link.READY:
            session.emit(SendToEngine(InputAudioBufferClear(event_id=session.new_id("clear"))))
        session.watch.committed()
        session.note("tap_ignored")
        session.speak_up()

    def _end_talk(self) -> None:
        session = self._session
        session.times.speech_stopped_at = session.talk.quiet_since
        session.note("talk_ended", at=round(session.talk.quiet_since, 4))
        if session.speculation.open:
            session.speculation.keep()
            return
        session.step(Trigger.SPEECH_STOPPED)
        session.link.say(InputAudioBufferCommit(event_id=session.new_id("commit")))

    # Keys and the keyboard

    def handle_dtmf(self, event: Dtmf) -> None:
        session = self._session
        if not self._digits:
            session.interrupt("dtmf")
        self._digits += event.digit
        self._digits_until = session.now + DTMF_PAUSE_S
        session.note("dtmf")
        if event.digit == "#" or len(self._digits) >= DIGITS_LIMIT:
            self._end_digits()

    def _end_digits(self) -> None:
        digits, self._digits, self._digits_until = self._digits, "", None
        self._write(f"[telephone keys pressed: {digits}]")

    def handle_typed(self, event: Typed) -> None:
        self._session.interrupt("typed")
        self._write(event.text)

    def _write(self, text: str) -> None:
        session = self._session
        item = UserMessage(id=session.new_id("item"), content=[InputText(text=text)])
        session.history.complete(item, None)
        if session.states.link is Link.READY:
            session.engine.tell(ConversationItemCreate(event_id=session.new_id("write"), item=item))
        session.times = TurnTimes(committed_at=session.now)
        session.ask(Wish("turn"))

    # A realtime client

    def handle_client_said(self, event: ClientSaid) -> None:
        if isinstance(event.event, OutputAudioBufferClear) and not self._session.client_plays:
            self._hush()
        elif not self._session.approvals.takes(event.event):
            self._session.link.say(event.event)

    def _hush(self) -> None:
        """A client whose sound we play wants silence, and no more of what was sounding."""
        if self._session.states.voice is not Voice.QUIET:
            self._session.interrupt("client")

    def forward(self, event: ClientEvent, at_ms: float) -> None:
        """Say this to the engine. `at_ms` is the event's place in the person's sound."""
        session = self._session
        if session.face is not None:
            event = session.face.admit(event)
        match event:
            case SessionUpdate():
                event = session.engine.settings.expect_update(event, "client")
            case ConversationItemCreate():
                self._create_item(event)
                return
            case ConversationItemDelete():
                session.history.delete(event.item_id)
            case ConversationItemTruncate():
                self._truncate(event)
                return
            case InputAudioBufferClear():
                session.gap.forget_turn(at_ms)
            case InputAudioBufferCommit():
                session.gap.commit(at_ms)
                if session.face is None:
                    session.engine.tell(event)
                    return
            case ResponseCreate():
                session.engine.replies.create(event)
                return
            case _:
                pass
        session.emit(SendToEngine(event))

    def _create_item(self, event: ConversationItemCreate) -> None:
        session = self._session
        if not event.item.id:
            event = event.model_copy(update={"item": event.item.model_copy(update={"id": session.new_id("item")})})
        session.engine.expect_item(event)
        session.emit(SendToEngine(event))
        if isinstance(event.item, FunctionCallOutput) and (call := session.calls.answer(event.item.call_id)):
            session.engine.replies.go_on(call.response_id)

    def _truncate(self, event: ConversationItemTruncate) -> None:
        """What a client says was heard, was heard: it keeps its own account, or knows its own loudspeaker."""
        session = self._session
        if session.client_plays or event.item_id in session.ledger.items:
            session.stop_voice()
        session.history.cut(event.item_id, event.audio_end_ms, session.ledger.received_ms(event.item_id))
        session.extension.truncated(event.item_id, event.content_index, event.audio_end_ms)
        if event.item_id not in session.engine.told_as_text:
            session.emit(SendToEngine(event))
            return
        session.engine.tell_anew(event.item_id)
        session.engine.show(
            ConversationItemTruncated(
                item_id=event.item_id, content_index=event.content_index, audio_end_ms=event.audio_end_ms
            )
        )
