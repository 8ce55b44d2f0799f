"""What follows from the engine's connection coming and going.

A connection may die at any moment. What the engine had not answered is said to the next one: the history as it was
heard, the settings, the person's sound of unanswered turns, the client's events, and the wish for the reply that
broke off.
"""

from __future__ import annotations

from voice.protocol.client_events import InputAudioBufferCommit
from voice.protocol.codec import Unknown
from voice.protocol.server_events import ConversationItemDeleted, ErrorDetail, ErrorEvent, SessionCreated
from voice.session.asking import Asking
from voice.session.books import Books
from voice.session.client_side import ClientSide
from voice.session.client_turns import ClientTurns
from voice.session.effects import CloseLink, OpenLink, SendAudio, SendToClient
from voice.session.ending import CLOSE_BROKEN, Ending
from voice.session.events import LinkLost, LinkOpened
from voice.session.face import HIDE
from voice.session.replies import Wish
from voice.session.reply_end_side import ReplyEndSide
from voice.session.reply_side import ReplySide
from voice.session.settings_side import SettingsSide
from voice.session.sounding import Sounding
from voice.session.speculation import Speculation
from voice.session.states import Floor, Link, Reply, Trigger, may
from voice.session.told_items import ToldItems
from voice.session.turn_side import TurnSide


class LinkSide:
    """The connection's part of the session's rules."""

    def __init__(
        self,
        books: Books,
        asking: Asking,
        ending: Ending,
        told: ToldItems,
        sounding: Sounding,
        client_turns: ClientTurns,
        replies: ReplySide,
        reply_ends: ReplyEndSide,
        settings: SettingsSide,
        client: ClientSide,
        speculation: Speculation,
        turns: TurnSide,
    ) -> None:
        self._books = books
        self._asking = asking
        self._ending = ending
        self._told = told
        self._sounding = sounding
        self._client_turns = client_turns
        self._replies = replies
        self._reply_ends = reply_ends
        self._settings = settings
        self._client = client
        self._speculation = speculation
        self._turns = turns
        self._hear_again: list[str] = []
        self._lost = False

    def handle_time(self) -> None:
        """Time passed: try again, or leave a connection that stands and is of no use."""
        books = self._books
        if books.retry.due(books.now):
            books.retry.trying()
            books.step(Trigger.LINK_WANTED)
            books.emit(OpenLink())
        if books.retry.greeting_overdue(books.now):
            books.note("surprise", type="session.created missing")
            books.emit(CloseLink())

    # It comes

    def handle_opened(self, event: LinkOpened) -> None:
        books = self._books
        if books.states.link is Link.OPENING:
            books.retry.opened(books.now)
        books.note("link", state="opened")

    def handle_greeted(self, event: SessionCreated) -> bool:
        """A connection is of use now. Answers whether a client sees the event as it came."""
        books = self._books
        if books.states.link is not Link.OPENING:
            books.note("surprise", type=event.type)
            return HIDE
        books.step(Trigger.LINK_GREETED)
        books.retry.greeted(books.now)
        shows = self._settings.greeted(event)
        self._restore()
        self._asking.speak_up()
        return shows

    def _restore(self) -> None:
        """A connection greeted us and knows our settings: say everything that it must know of what went before."""
        books = self._books
        for wish in books.history.replay(skip=self._hear_again):
            wish.event_id = books.new_id("retell")
            self._told.retold(wish.item.id or "")
            books.tell(wish)
        for item_id in self._hear_again:
            books.history.delete(item_id)
            if books.face is not None:
                books.emit(SendToClient(ConversationItemDeleted(item_id=item_id)))
        self._hear_again = []
        replayed_ms = self._say_sound_again()
        books.note("link", state="ready", replayed_ms=round(replayed_ms, 1))
        if self._lost:
            self._lost = False
            self._tell_state("restored")
        if books.gap.dropped_ms:
            books.note("audio_dropped", ms=round(books.gap.dropped_ms, 1))
            books.gap.dropped_ms = 0.0

    def _say_sound_again(self) -> float:
        """The sound that no engine has answered, and what was asked for meanwhile, in the order in which it came."""
        books = self._books
        replayed_ms = 0.0
        if not books.turns.by_hand or books.gap.unsettled:
            for end_ms, frame in books.gap.again():
                self._client.say_held(end_ms - 0.01)
                books.emit(SendAudio(frame))
                replayed_ms += frame.duration_ms
        self._client.say_held(float("inf"))
        return replayed_ms

    # It goes

    def handle_lost(self, event: LinkLost) -> None:
        """The attempt failed or the connection ended: what is owed is kept, and the next try has its time."""
        books = self._books
        if not may(books.states, Trigger.LINK_LOST):
            books.note("surprise", type="link lost twice")
            return
        was_ready = books.states.link is Link.READY
        self._speculation.abandon()
        books.step(Trigger.LINK_LOST)
        books.ledger.finish_all()
        self._sounding.mark_if_wanted()
        if was_ready:
            self._keep_what_is_owed()
        if books.states.floor is Floor.SPEAKING and not books.talk.open:
            books.step(Trigger.SPEECH_STOPPED)
        again = books.retry.lost(books.now, event.jitter, final=event.final)
        books.note("link", state="lost", code=event.code, reason=event.reason, was_ready=was_ready, again=again)
        if was_ready and again:
            self._lost = True
            self._tell_state("reconnecting")
        if not again:
            self._tell_client(event)
            self._ending.end(CLOSE_BROKEN, event.reason or "the engine is gone")

    def _keep_what_is_owed(self) -> None:
        """What the lost engine still owed us is asked of the next one."""
        books = self._books
        replies = books.replies
        by_hand = self._client_turns.commits_by_hand
        broken, response_id, wish = books.states.reply, replies.active_id, replies.wish
        if self._replies.was_complete():
            broken = Reply.STALE
            books.gap.answered(response_id)
        if broken is not Reply.NONE:
            replies.make_stale(response_id)
            books.step(Trigger.REPLY_DONE)
            replies.done()
        said = self._turns_are_known()
        if not said:
            self._take_turns_back(by_hand=by_hand)
        was_calling = self._forget_connection(response_id)
        if broken is Reply.STALE:
            return
        if broken is Reply.NONE:
            if said and not (by_hand and books.face is not None):
                replies.want(Wish("restored"))
        elif wish is not None and (wish.text or wish.create is not None):
            replies.want(wish)
        elif not was_calling and (said or not books.gap.unsettled or (by_hand and books.face is not None)):
            replies.want(Wish("restored"))

    def _forget_connection(self, response_id: str) -> bool:
        """The connection and its answers are gone. True when the broken response had called tools: those go on."""
        books = self._books
        self._settings.forget_connection()
        books.orders.forget()
        books.wordless.forget()
        self._turns.forget_connection()
        lost = self._told.forget_connection()
        books.history.forget_known()
        books.history.forget_calls(books.calls.open)
        for event in lost:
            self._client.hold(event)
        return self._reply_ends.forget_connection(response_id)

    def _turns_are_known(self) -> bool:
        """Whether there are unanswered turns, all of them complete and in words: then their sound is not needed."""
        books = self._books
        gap = books.gap
        if not gap.commits or gap.turn_open:
            return False
        if not all(commit.item_id and books.history.text(commit.item_id) for commit in gap.commits):
            return False
        gap.settle()
        return True

    def _take_turns_back(self, *, by_hand: bool) -> None:
        """Unanswered turns will be heard again; where they are committed by hand, they are committed again too."""
        books = self._books
        commits = books.gap.take_commits()
        if commits:
            books.replies.forget("turn")
        for commit in commits:
            if commit.item_id:
                self._hear_again.append(commit.item_id)
            if by_hand:
                self._client.hold(InputAudioBufferCommit(event_id=books.new_id("commit")), commit.at_ms)

    def _tell_state(self, state: str) -> None:
        """The protocol has no word for this, so only a client that asked for it is told (`voice.link`)."""
        books = self._books
        if books.face is not None and books.face.wants_link_events:
            said = {"type": "voice.link", "event_id": books.new_id("link"), "state": state}
            books.emit(SendToClient(Unknown("voice.link", said, "an extension of ours")))

    def _tell_client(self, event: LinkLost) -> None:
        if self._books.face is None:
            return
        code = "engine_refused" if event.final else "engine_unreachable"
        detail = ErrorDetail(type="server_error", code=code, message=event.reason or "The engine is gone.")
        self._books.emit(SendToClient(ErrorEvent(error=detail)))
