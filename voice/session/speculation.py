"""A reply that is asked for before the turn is surely over.

After a first short quiet the turn is committed and a reply asked for, but nothing that the engine says of it is acted
on yet: neither heard nor shown, and no tool is run. When the turn is over, all of that happens at once. When the
person goes on instead, nobody ever hears of it: the reply is cancelled by its id, everything that came of it is deleted
from the conversation, and the sound of the turn is said again with what follows, as if nothing had been asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from voice.protocol import server_events as se
from voice.protocol.client_events import InputAudioBufferClear, InputAudioBufferCommit
from voice.protocol.codec import Unknown
from voice.protocol.items import UserMessage
from voice.session.asking import Asking
from voice.session.books import Books
from voice.session.client_side import ClientSide
from voice.session.effects import SendAudio, SendToEngine
from voice.session.events import EngineAudio, EngineSaid
from voice.session.replies import STALE_PATIENCE_S, Fate
from voice.session.reply_end_side import ReplyEndSide
from voice.session.retractions import Retractions
from voice.session.states import Link, Reply, Trigger, Turn, Voice

HELD_LIMIT = 5_000
"""Events of one reply that wait. A turn is decided within a second or two; who makes more in that time is retracted."""
_ITEM_EVENTS = (se.ConversationItemAdded, se.ConversationItemCreated, se.ConversationItemDone)


class Speculation:
    """The reply that may still be retracted. `hear_again` acts on what waited."""

    def __init__(
        self,
        books: Books,
        asking: Asking,
        client: ClientSide,
        reply_ends: ReplyEndSide,
        retractions: Retractions,
        hear_again: Callable[[EngineSaid | EngineAudio], None],
    ) -> None:
        self._books = books
        self._asking = asking
        self._client = client
        self._reply_ends = reply_ends
        self._retractions = retractions
        self._hear_again = hear_again
        self._began_at = 0.0
        self._commit_id = ""
        self._item_id = ""
        self._response_id = ""
        self._held: list[EngineSaid | EngineAudio] = []

    @property
    def open(self) -> bool:
        """Whether a turn is committed that is not surely over."""
        return self._books.states.turn is Turn.GUESSED

    # The turn

    def begin(self) -> None:
        """It is quiet for a moment: commit the turn and ask for the reply, if nothing else is under way."""
        books = self._books
        states = books.states
        idle = states.reply is Reply.NONE and states.voice is Voice.QUIET and not books.calls.open
        if self.open or not idle or states.link is not Link.READY or not books.ours or books.face is not None:
            return
        books.step(Trigger.TURN_GUESSED)
        self._began_at = books.now
        self._item_id = self._response_id = ""
        self._commit_id = books.new_id("commit")
        books.step(Trigger.SPEECH_STOPPED)
        books.note("speculated")
        self._client.say(InputAudioBufferCommit(event_id=self._commit_id))

    def keep(self) -> None:
        """The turn is over: everything that waited happens now."""
        books = self._books
        held = self._close()
        books.gap.forget_turn()
        books.times.committed_at = books.now
        ahead_ms = round((books.now - self._began_at) * 1000, 1)
        books.note("speculation_kept", item_id=self._item_id, ahead_ms=ahead_ms, held=len(held))
        for event in held:
            self._hear_again(event)

    def retract(self, *, say_again: bool = True) -> None:
        """The person goes on: nothing was asked. Without `say_again` the turn is not meant any more."""
        books = self._books
        held = self._close()
        books.note("speculation_retracted", item_id=self._item_id, response_id=self._response_id)
        books.gap.uncommit()
        books.replies.forget("turn")
        if self._item_id:
            self._retractions.item(self._item_id)
        else:
            self._retractions.commit(self._commit_id)
        books.step(Trigger.SPEECH_STARTED)
        self._retract_reply(held)
        if say_again:
            self._say_again()

    def abandon(self) -> None:
        """The connection is gone: on the next one the turn is still open, and nothing was asked."""
        books = self._books
        self._retractions.forget()
        if not self.open:
            return
        self._close()
        books.note("speculation_retracted", item_id=self._item_id, response_id=self._response_id)
        books.gap.uncommit()
        books.history.delete(self._item_id)
        books.replies.forget("turn")
        if books.states.reply is Reply.ASKED:
            books.step(Trigger.REPLY_REFUSED)
            books.replies.done()
        books.step(Trigger.SPEECH_STARTED)

    def _close(self) -> list[EngineSaid | EngineAudio]:
        held, self._held = self._held, []
        self._books.step(Trigger.TURN_SETTLED)
        return held

    def _say_again(self) -> None:
        """The engine has made an item of the turn's beginning: it hears the whole of it anew."""
        books = self._books
        books.emit(SendToEngine(InputAudioBufferClear(event_id=books.new_id("clear"))))
        for end_ms, frame in books.gap.again():
            if end_ms > books.talk.began_ms:
                books.emit(SendAudio(frame))

    # The reply

    def _retract_reply(self, held: list[EngineSaid | EngineAudio]) -> None:
        books = self._books
        if books.states.reply is not Reply.ASKED:
            return
        said = [event.event for event in held if isinstance(event, EngineSaid)]
        done = next((event for event in said if isinstance(event, se.ResponseDone)), None)
        if self._response_id:
            self._retractions.reply(self._response_id)
            for event in said:
                self._retractions.remember_item(event)
            books.replies.created(self._response_id)
            books.replies.make_stale(self._response_id)
        books.step(Trigger.REPLY_INTERRUPTED)
        books.replies.stop(books.now + STALE_PATIENCE_S, Fate.RETRACTED)
        if done is not None:
            self._retracted_reply_done(done)
        elif self._response_id:
            self._asking.cancel(self._response_id)

    def _retracted_reply_done(self, done: se.ResponseDone) -> None:
        self._retractions.reply_over(done.response.id)
        bare = done.model_copy(update={"response": done.response.model_copy(update={"output": []})})
        self._reply_ends.done(bare)

    # What the engine says

    def takes(self, event: EngineSaid) -> bool:
        """Whether an event is not to be acted on: not yet, or never."""
        said = event.event
        if isinstance(said, Unknown):
            return False
        if self.open and self._is_of_the_reply(said):
            self._hold(event)
            return True
        if not self._retractions.pending:
            return False
        if not isinstance(said, se.ResponseDone):
            return self._retractions.concerns(said)
        if not self._retractions.has_reply(said.response.id):
            return False
        self._retracted_reply_done(said)
        return True

    def takes_audio(self, event: EngineAudio) -> bool:
        """Whether sound is not to be played yet. (That of retracted replies is stale.)"""
        if not self.open or event.response_id != self._response_id:
            return False
        self._hold(event)
        return True

    def committed(self, item_id: str) -> bool:
        """The engine made an item of a commit: False when that was retracted meanwhile."""
        if self._retractions.took_commit(item_id):
            return False
        if self.open and not self._item_id:
            self._item_id = item_id
        return True

    def commit_refused(self, event_id: str) -> bool:
        """The engine found nothing in a commit: True when it was one of these."""
        if self._retractions.commit_refused(event_id):
            return True
        if not self.open or event_id != self._commit_id:
            return False
        self._close()
        self._books.gap.uncommit()
        self._books.step(Trigger.SPEECH_STARTED)
        return True

    def _hold(self, event: EngineSaid | EngineAudio) -> None:
        self._held.append(event)
        if len(self._held) > HELD_LIMIT:
            self.retract()

    def _is_of_the_reply(self, said: Any) -> bool:
        if isinstance(said, se.ResponseCreated):
            if self._books.states.reply is Reply.ASKED and not self._response_id:
                self._response_id = said.response.id
            return said.response.id == self._response_id
        if not self._response_id:
            return False
        if isinstance(said, se.ResponseDone):
            return said.response.id == self._response_id
        if isinstance(said, _ITEM_EVENTS):
            return not isinstance(said.item, UserMessage)
        return getattr(said, "response_id", "") == self._response_id
