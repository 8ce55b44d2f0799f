"""What follows when the person makes a sound while the assistant speaks.

With an ear of our own the engine's word for "speech" is only one witness: the floor control judges, and a turn that
was found to be an acknowledgement is not answered. Without an ear, or where the engine keeps the floor, the first
sign of speech interrupts at once.
"""

from __future__ import annotations

from voice.session.asking import Asking
from voice.session.books import Books
from voice.session.client_turns import ClientTurns
from voice.session.deadlines import Deadline, soonest
from voice.session.effects import Duck, Restore
from voice.session.events import CallerSpeech
from voice.session.floor import FloorControl, Verdict
from voice.session.hush import Hush
from voice.session.interrupting import Interrupting
from voice.session.person_side import PersonSide
from voice.session.replies import Wish
from voice.session.rules import FloorRules, plain_words
from voice.session.speculation import Speculation
from voice.session.states import Consequence, Trigger, Voice, consequence, may
from voice.session.watch_side import WatchSide

DISMISSED_REMEMBERED = 32


class FloorSide:
    """The floor's part of the session's rules."""

    def __init__(
        self,
        books: Books,
        asking: Asking,
        client_turns: ClientTurns,
        watch: WatchSide,
        interrupting: Interrupting,
        speculation: Speculation,
        person: PersonSide,
    ) -> None:
        self._books = books
        self._asking = asking
        self._client_turns = client_turns
        self._watch = watch
        self._interrupting = interrupting
        self._speculation = speculation
        self._person = person
        rules = books.config.floor
        self._control = FloorControl(rules) if rules is not None and books.ours else None
        self._hush = Hush(rules or FloorRules())
        self._dismissed_meant_us: dict[str, bool] = {}

    def handle_caller_speech(self, event: CallerSpeech) -> None:
        """News from our ear: it judges interruptions, and in `local` mode it takes the person's turns."""
        if event.stage != "none":
            self._handle_stretch(event)
        if event.rises and not self.protected():
            self._hush_for_a_rise()

    def _handle_stretch(self, event: CallerSpeech) -> None:
        if self._control is None or self._control.surely_the_person(event):
            self._watch.caller_speech(event)
        if self._control is None or self.protected():
            return
        verdict = self._possible(self._control.hear(event, self._books.now))
        local = self._books.turns.mode == "local"
        if not local or verdict is not Verdict.YIELD:
            self._act(verdict, "speech")
        if local:
            self._take_turn(event, took=verdict is Verdict.YIELD)

    def _hush_for_a_rise(self) -> None:
        books, config = self._books, self._books.config
        if self._control is None or not (config.can_duck and config.can_hush):
            return
        sounds = books.states.voice is Voice.SOUNDING
        if sounds and self._hush.begin(books.now) and self._turn_down(self._control.rules.hush_db):
            books.note("hushed")

    def protected(self) -> bool:
        """Whether what sounds now is not to be interrupted by speech."""
        if not self._client_turns.interrupts:
            return True
        replies, items = self._books.replies, self._books.ledger.items.values()
        wishes = (replies.protected.get(item.response_id) for item in items)
        return any(wish is not None and wish.protect == "uninterruptible" for wish in wishes)

    def _take_turn(self, event: CallerSpeech, *, took: bool) -> None:
        """A turn begins with enough speech and ends with enough quiet."""
        books, turns = self._books, self._books.turns
        assert self._control is not None
        if event.stage == "offset":
            books.talk.hears_quiet(books.now - event.late_ms / 1000)
            return
        silent = books.states.voice is Voice.QUIET
        speech = event.speech_ms >= turns.start_ms and self._control.is_the_person(event)
        if speech and self._speculation.open:
            self._speculation.retract()
        if (took or (silent and speech) or books.talk.open) and books.talk.press(books.now):
            books.note("yielded" if took else "turn_taken", why="speech")
            self._person.begin_talk("speech")

    def voice_changed(self) -> None:
        """The assistant became audible, or silent."""
        if self._control is not None:
            audible = self._books.states.voice is not Voice.QUIET
            self._control.sounding(self._books.now if audible else None)
            if not audible:
                self._hush.settle()

    def engine_heard_start(self) -> None:
        """The engine says that somebody speaks."""
        books = self._books
        if self.protected():
            return
        if books.client_plays or consequence(books.states) is not Consequence.INTERRUPT:
            return
        if self._control is None:
            self._interrupting.interrupt("speech")
        elif books.states.voice is Voice.QUIET:
            if self._control.hears_the_person(books.now):
                self._interrupting.interrupt("speech")
        else:
            self._act(self._possible(self._control.engine_started(books.now)), "speech")

    def engine_heard_stop(self) -> None:
        """The engine says that the speech is over."""
        if self._control is not None:
            self._act(self._control.engine_stopped(self._books.now), "speech")

    def answers(self, item_id: str) -> bool:
        """Whether a turn that the engine committed wants an answer."""
        if self._control is None or not self._control.dismissed:
            return True
        self._dismissed_meant_us[item_id] = self._control.meant_us
        while len(self._dismissed_meant_us) > DISMISSED_REMEMBERED:
            del self._dismissed_meant_us[next(iter(self._dismissed_meant_us))]
        self._books.gap.settle()
        self._books.note("acknowledged", item_id=item_id)
        return False

    def words_so_far(self, text: str) -> None:
        """What the person is saying. What may be an acknowledgement may be the beginning of more, too: only words that
        take the floor are acted on before the end."""
        if self._control is None or plain_words(text) in self._control.rules.phrases.acknowledgements:
            return
        verdict = self._control.words(text, self._books.now)
        if verdict is Verdict.YIELD:
            self._act(verdict, "words")

    def words(self, item_id: str, text: str) -> None:
        """What the person said, by the engine's account. A turn that was dismissed by its sound, and is a request by
        its words, is answered after all if it sounded meant for us; else its words are nobody's."""
        if self._control is None:
            return
        books = self._books
        meant_us = self._dismissed_meant_us.pop(item_id, None)
        if meant_us is False:
            return
        phrases, said = self._control.rules.phrases, plain_words(text)
        if said in phrases.holds:
            self._interrupting.interrupt("hold")
            books.replies.forget("turn")
            books.idle.holding = True
            books.note("holding", item_id=item_id)
            return
        verdict = self._control.words(text, books.now)
        if meant_us and verdict is Verdict.NOTHING and phrases.ask_for_the_floor(said):
            verdict = Verdict.YIELD
        self._act(verdict, "words")
        if meant_us and verdict is Verdict.YIELD:
            self._asking.ask(Wish("turn"))

    def handle_time(self) -> None:
        if self._control is None:
            return
        if self._hush.is_over(self._books.now) and self._turn_up():
            self._books.note("unhushed")
        self._act(self._control.tick(self._books.now), "speech")

    def deadline(self) -> Deadline | None:
        return None if self._control is None else soonest((self._control.deadline(), self._hush.deadline()))

    def _possible(self, verdict: Verdict) -> Verdict:
        """What cannot be ducked goes on until it is certain, or stops at the first sign."""
        if verdict is not Verdict.DUCK or self._books.config.can_duck or self._control is None:
            return verdict
        return self._control.take() if self._control.rules.unducked == "stop" else Verdict.NOTHING

    def _act(self, verdict: Verdict, why: str) -> None:
        books = self._books
        if verdict is not Verdict.NOTHING:
            self._hush.settle()
        if verdict is Verdict.DUCK and self._control is not None and self._turn_down(self._control.rules.duck_db):
            books.note("ducked")
        elif verdict is Verdict.RESTORE and self._turn_up():
            books.note("restored")
        elif verdict is Verdict.YIELD:
            books.note("yielded", why=why)
            self._interrupting.interrupt(why)

    def _turn_down(self, gain_db: float) -> bool:
        """So much; whether anything sounds."""
        books = self._books
        sounds = may(books.states, Trigger.SOUND_DUCKED)
        if sounds:
            books.step(Trigger.SOUND_DUCKED)
            books.emit(Duck(gain_db))
        return sounds

    def _turn_up(self) -> bool:
        """Back to full level; whether it was not."""
        books = self._books
        down = may(books.states, Trigger.SOUND_RESTORED)
        if down:
            books.step(Trigger.SOUND_RESTORED)
            books.emit(Restore())
        return down
