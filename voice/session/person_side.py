"""What follows from turns that are committed by hand: by the talk button, or by our ear."""

from __future__ import annotations

from voice.protocol.client_events import InputAudioBufferClear, InputAudioBufferCommit
from voice.session.asking import Asking
from voice.session.books import Books
from voice.session.client_side import ClientSide
from voice.session.effects import SendAudio, SendToEngine
from voice.session.events import CallerAudio, PushToTalk, TalkCancelled, TurnSense
from voice.session.interrupting import Interrupting
from voice.session.rules import TurnRules
from voice.session.speculation import Speculation
from voice.session.states import Floor, Link, Trigger
from voice.session.turns import TurnTimes
from voice.session.watch_side import WatchSide


class PersonSide:
    """The person's part of the session's rules."""

    def __init__(
        self,
        books: Books,
        asking: Asking,
        watch: WatchSide,
        interrupting: Interrupting,
        client: ClientSide,
        speculation: Speculation,
    ) -> None:
        self._books = books
        self._asking = asking
        self._watch = watch
        self._interrupting = interrupting
        self._client = client
        self._speculation = speculation
        self._wants_reply = True

    def handle_caller_audio(self, event: CallerAudio) -> None:
        """A piece of the person's sound: it goes to the engine, or is kept. Fifty come each second."""
        books, frame = self._books, event.frame
        if books.by_hand and not books.talk.open:
            books.preroll.append(frame, sent=True)
            return
        ready = books.states.link is Link.READY
        books.gap.append(frame, sent=ready)
        if ready:
            books.effects.append(SendAudio(frame))

    # The talk button

    def handle_push_to_talk(self, event: PushToTalk) -> None:
        """The button went down or up; where it toggles, going up means nothing."""
        books = self._books
        if books.turns.mode != "push_to_talk":
            return
        held = event.held
        if books.turns.toggle:
            if not held:
                return
            held = not books.talk.open
        self._wants_reply = event.reply
        if held:
            if books.talk.press(books.now):
                self.begin_talk("push_to_talk")
        elif not books.talk.release(books.now):
            self._forget_talk()

    def handle_talk_cancelled(self, event: TalkCancelled) -> None:
        if self._books.talk.close():
            self._forget_talk()

    def wants_reply(self) -> bool:
        """Whether the turn that was committed is to be answered. Asked once: the next one is again."""
        wants, self._wants_reply = self._wants_reply, True
        return wants

    # Our ear

    def handle_turn_sense(self, event: TurnSense) -> None:
        """What the turn that is open is like so far."""
        if self._books.turns.mode == "local" and self._books.talk.open:
            self._books.talk.sense(event.by, event.ending)

    def handle_time(self) -> None:
        """Time passed."""
        talk, now = self._books.talk, self._books.now
        if talk.too_long(now):
            talk.end_now(now)
        if talk.speculation_due(now):
            self._speculation.begin()
        if talk.tail_over(now):
            self._end_talk()

    # A turn

    def begin_talk(self, why: str) -> None:
        """A turn that is committed by hand begins: its sound goes to the engine, with what lies before."""
        books = self._books
        self._interrupting.interrupt(why)
        books.note("talk_began", why=why)
        books.idle.person_spoke()
        books.step(Trigger.SPEECH_STARTED)
        books.times = TurnTimes(speech_started_at=books.now)
        books.gap.begin_turn()
        books.talk.began_ms = books.gap.ended_ms
        ready = books.states.link is Link.READY
        if ready:
            books.emit(SendToEngine(InputAudioBufferClear(event_id=books.new_id("clear"))))
        for frame in books.preroll.take():
            books.gap.append(frame, sent=ready)
            if ready:
                books.emit(SendAudio(frame))

    def end_turn_now(self) -> None:
        """The turn that is open is over, however little quiet there was."""
        if self._books.talk.close():
            self._end_talk()

    def change_turns(self, rules: TurnRules) -> None:
        """Turns go by other rules from now on. A turn that is open is not meant any more: whoever heard its beginning
        may not tell its end."""
        books, before = self._books, self._books.turns
        other = (rules.mode, rules.eagerness) != (before.mode, before.eagerness)
        engine_hears = books.states.floor is Floor.SPEAKING and not books.talk.open
        if books.talk.close() or (engine_hears and other):
            self._forget_talk()
        books.take_turns(rules)

    def _forget_talk(self) -> None:
        books = self._books
        if self._speculation.open:
            self._speculation.retract(say_again=False)
        books.gap.forget_turn()
        books.gap.interrupted()
        books.step(Trigger.SPEECH_STOPPED)
        if books.states.link is Link.READY:
            books.emit(SendToEngine(InputAudioBufferClear(event_id=books.new_id("clear"))))
        self._watch.committed()
        books.note("tap_ignored")
        self._asking.speak_up()

    def _end_talk(self) -> None:
        books = self._books
        books.times.speech_stopped_at = books.talk.quiet_since
        books.note("talk_ended", at=round(books.talk.quiet_since, 4))
        if self._speculation.open:
            self._speculation.keep()
            return
        books.step(Trigger.SPEECH_STOPPED)
        self._client.say(InputAudioBufferCommit(event_id=books.new_id("commit")))
