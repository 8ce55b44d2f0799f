"""A reply that is asked for before the turn is surely over.

After a first short quiet the turn is committed and a reply asked for, but nothing that the engine says of it is acted
on yet: neither heard nor shown, and no tool is run. When the turn is over, all of that happens at once. When the
person goes on instead, nobody ever hears of it: the reply is cancelled by its id, everything that came of it is deleted
from the conversation, and the sound of the turn is said again with what follows, as if nothing had been asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from voice.protocol import server_events as se
from voice.protocol.client_events import ConversationItemDelete, InputAudioBufferClear, InputAudioBufferCommit
from voice.protocol.codec import Unknown
from voice.protocol.items import UserMessage
from voice.session.effects import SendAudio, SendToEngine
from voice.session.events import EngineAudio, EngineSaid
from voice.session.states import Link, Reply, Trigger, Voice

if TYPE_CHECKING:
    from voice.session.session import Session

HELD_LIMIT = 5_000
"""Events of one reply that wait. A turn is decided within a second or two; who makes more in that time is retracted."""
REMEMBERED = 256
PATIENCE_S = 3.0
_ITEM_EVENTS = (se.ConversationItemAdded, se.ConversationItemCreated, se.ConversationItemDone)


class Speculation:
    """The reply that may still be retracted, and what is left to clean up of those that were."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.open = False
        self._began_at = 0.0
        self._commit_id = ""
        self._item_id = ""
        self._response_id = ""
        self._held: list[EngineSaid | EngineAudio] = []
        self._unwanted_commits: list[str] = []
        self._unwanted_items: dict[str, None] = {}
        self._unwanted_replies: dict[str, list[str]] = {}
        self._unnamed_reply = False

    # The turn

    def begin(self) -> None:
        """It is quiet for a moment: commit the turn and ask for the reply, if nothing else is under way."""
        session = self._session
        states = session.states
        idle = states.reply is Reply.NONE and states.voice is Voice.QUIET and not session.calls.open
        if self.open or not idle or states.link is not Link.READY or not session.ours or session.face is not None:
            return
        self.open, self._began_at = True, session.now
        self._item_id = self._response_id = ""
        self._unnamed_reply = False
        self._commit_id = session.new_id("commit")
        session.step(Trigger.SPEECH_STOPPED)
        session.note("speculated")
        session.link.say(InputAudioBufferCommit(event_id=self._commit_id))

    def keep(self) -> None:
        """The turn is over: everything that waited happens now."""
        session = self._session
        held = self._close()
        session.gap.forget_turn()
        session.times.committed_at = session.now
        ahead_ms = round((session.now - self._began_at) * 1000, 1)
        session.note("speculation_kept", item_id=self._item_id, ahead_ms=ahead_ms, held=len(held))
        for event in held:
            session.hear_engine(event)

    def retract(self, *, say_again: bool = True) -> None:
        """The person goes on: nothing was asked. Without `say_again` the turn is not meant any more."""
        session = self._session
        held = self._close()
        session.note("speculation_retracted", item_id=self._item_id, response_id=self._response_id)
        session.gap.uncommit()
        session.replies.forget("turn")
        if self._item_id:
            self._delete(self._item_id)
        else:
            self._unwanted_commits.append(self._commit_id)
        session.step(Trigger.SPEECH_STARTED)
        self._retract_reply(held)
        if say_again:
            self._say_again()

    def abandon(self) -> None:
        """The connection is gone: on the next one the turn is still open, and nothing was asked."""
        session = self._session
        self._unwanted_commits.clear()
        self._unwanted_items.clear()
        self._unwanted_replies.clear()
        self._unnamed_reply = False
        if not self.open:
            return
        self._close()
        session.note("speculation_retracted", item_id=self._item_id, response_id=self._response_id)
        session.gap.uncommit()
        session.history.delete(self._item_id)
        session.replies.forget("turn")
        if session.states.reply is Reply.ASKED:
            session.step(Trigger.REPLY_REFUSED)
            session.replies.done()
        session.step(Trigger.SPEECH_STARTED)

    def _close(self) -> list[EngineSaid | EngineAudio]:
        held, self._held, self.open = self._held, [], False
        return held

    def _say_again(self) -> None:
        """The engine has made an item of the turn's beginning: it hears the whole of it anew."""
        session = self._session
        session.emit(SendToEngine(InputAudioBufferClear(event_id=session.new_id("clear"))))
        for end_ms, frame in session.gap.again():
            if end_ms > session.person.talk_began_ms:
                session.emit(SendAudio(frame))

    # The reply

    def _retract_reply(self, held: list[EngineSaid | EngineAudio]) -> None:
        session = self._session
        if session.states.reply is not Reply.ASKED:
            return
        said = [event.event for event in held if isinstance(event, EngineSaid)]
        done = next((event for event in said if isinstance(event, se.ResponseDone)), None)
        self._unnamed_reply = not self._response_id
        if self._response_id:
            self._unwanted_replies[self._response_id] = []
            for event in said:
                self._remember_item(event)
            session.replies.created(self._response_id)
            session.replies.make_stale(self._response_id)
        session.step(Trigger.REPLY_INTERRUPTED)
        session.stale_until = session.now + PATIENCE_S
        if done is not None:
            self._reply_done(done)
        elif self._response_id:
            session.cancel(self._response_id)

    def named(self, response_id: str) -> None:
        """A reply that was retracted before it had a name has one now, and is being cancelled."""
        if self._unnamed_reply:
            self._unnamed_reply = False
            self._unwanted_replies[response_id] = []

    def forget_reply(self) -> None:
        """The engine never said that a retracted reply is over: what is known of it is deleted all the same."""
        self._unnamed_reply = False
        for response_id in list(self._unwanted_replies):
            self._delete_items_of(response_id)

    def _reply_done(self, done: se.ResponseDone) -> None:
        self._delete_items_of(done.response.id)
        bare = done.model_copy(update={"response": done.response.model_copy(update={"output": []})})
        self._session.engine.replies.done(bare)

    def _delete_items_of(self, response_id: str) -> None:
        for item_id in self._unwanted_replies.pop(response_id, ()):
            self._delete(item_id)

    def _delete(self, item_id: str) -> None:
        session = self._session
        session.history.delete(item_id)
        session.engine.expect_deleted(item_id)
        delete = ConversationItemDelete(event_id=session.new_id("retract"), item_id=item_id)
        session.emit(SendToEngine(delete))
        self._unwanted_items[item_id] = None
        while len(self._unwanted_items) > REMEMBERED:
            del self._unwanted_items[next(iter(self._unwanted_items))]

    # What the engine says

    @property
    def cleans_up(self) -> bool:
        """Whether anything the engine says may belong to a retracted turn."""
        return bool(self._unwanted_commits or self._unwanted_items or self._unwanted_replies)

    def takes(self, event: EngineSaid) -> bool:
        """Whether an event is not to be acted on: not yet, or never."""
        said = event.event
        if isinstance(said, Unknown):
            return False
        if self.open and self._is_of_the_reply(said):
            self._hold(event)
            return True
        return self.cleans_up and self._is_unwanted(said)

    def takes_audio(self, event: EngineAudio) -> bool:
        """Whether sound is not to be played yet. (That of retracted replies is stale.)"""
        if not self.open or event.response_id != self._response_id:
            return False
        self._hold(event)
        return True

    def committed(self, item_id: str) -> bool:
        """The engine made an item of a commit: False when that was retracted meanwhile."""
        if self._unwanted_commits:
            self._unwanted_commits.pop(0)
            self._delete(item_id)
            return False
        if self.open and not self._item_id:
            self._item_id = item_id
        return True

    def commit_refused(self, event_id: str) -> bool:
        """The engine found nothing in a commit: True when it was one of these."""
        if event_id in self._unwanted_commits:
            self._unwanted_commits.remove(event_id)
            return True
        if self.open and event_id == self._commit_id:
            self._close()
            self._session.gap.uncommit()
            self._session.step(Trigger.SPEECH_STARTED)
            return True
        return False

    def _hold(self, event: EngineSaid | EngineAudio) -> None:
        self._held.append(event)
        if len(self._held) > HELD_LIMIT:
            self.retract()

    def _is_of_the_reply(self, said: Any) -> bool:
        if isinstance(said, se.ResponseCreated):
            if self._session.states.reply is Reply.ASKED and not self._response_id:
                self._response_id = said.response.id
            return said.response.id == self._response_id
        if not self._response_id:
            return False
        if isinstance(said, se.ResponseDone):
            return said.response.id == self._response_id
        if isinstance(said, _ITEM_EVENTS):
            return not isinstance(said.item, UserMessage)
        return getattr(said, "response_id", "") == self._response_id

    def _is_unwanted(self, said: Any) -> bool:
        if isinstance(said, se.ResponseDone):
            if said.response.id not in self._unwanted_replies:
                return False
            self._reply_done(said)
            return True
        if getattr(said, "response_id", "") in self._unwanted_replies:
            self._remember_item(said)
            return True
        if isinstance(said, se.ConversationItemDeleted):
            return False
        item = getattr(said, "item", None)
        item_id = getattr(said, "item_id", "") if item is None else item.id
        of_a_reply = any(item_id in items for items in self._unwanted_replies.values())
        return of_a_reply or item_id in self._unwanted_items

    def _remember_item(self, said: Any) -> None:
        if isinstance(said, se.ResponseOutputItemAdded):
            self._unwanted_replies[said.response_id].append(said.item.id or "")
