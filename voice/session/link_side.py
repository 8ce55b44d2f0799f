"""What follows from the engine's connection coming and going.

A connection may die at any moment. What the engine had not answered is said to the next one: the history as it was
heard, the settings, the person's sound of unanswered turns, the client's events, and the wish for the reply that
broke off.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from voice.protocol.client_events import ClientEvent, InputAudioBufferCommit
from voice.protocol.codec import Unknown
from voice.protocol.server_events import ConversationItemDeleted, ErrorDetail, ErrorEvent
from voice.session.effects import SendAudio, SendToClient
from voice.session.events import LinkLost, LinkOpened
from voice.session.replies import Wish
from voice.session.states import Floor, Link, Reply, Trigger, may

if TYPE_CHECKING:
    from voice.session.session import Session

HELD_LIMIT = 256
CLOSE_BROKEN = 1011


class LinkSide:
    """The connection's part of the session's rules."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._held: deque[tuple[float, ClientEvent]] = deque()
        self._hear_again: list[str] = []
        self._lost = False

    def say(self, event: ClientEvent) -> None:
        """Say this to the engine, or to the next one, at its place in the person's sound."""
        if self._session.states.link is Link.READY:
            self._session.person.forward(event, self._session.gap.ended_ms)
        else:
            self.hold(event)

    def hold(self, event: ClientEvent, at_ms: float | None = None) -> None:
        """Keep this for the next connection. Nothing that was asked for is dropped: too much of it ends the call."""
        if len(self._held) >= HELD_LIMIT:
            self._session.end(CLOSE_BROKEN, "the engine is away and too much was asked of it")
            return
        self._held.append((self._session.gap.ended_ms if at_ms is None else at_ms, event))

    # It comes

    def handle_opened(self, event: LinkOpened) -> None:
        session = self._session
        if session.states.link is Link.OPENING:
            session.retry.opened(session.now)
        session.note("link", state="opened")

    def restore(self) -> None:
        """A connection greeted us and knows our settings: say everything that it must know of what went before."""
        session = self._session
        for wish in session.history.replay(skip=self._hear_again):
            wish.event_id = session.new_id("retell")
            session.engine.retold(wish.item.id or "")
            session.engine.tell(wish)
        for item_id in self._hear_again:
            session.history.delete(item_id)
            if session.face is not None:
                session.emit(SendToClient(ConversationItemDeleted(item_id=item_id)))
        self._hear_again = []
        replayed_ms = self._say_sound_again()
        session.note("link", state="ready", replayed_ms=round(replayed_ms, 1))
        if self._lost:
            self._lost = False
            self._tell_state("restored")
        if session.gap.dropped_ms:
            session.note("audio_dropped", ms=round(session.gap.dropped_ms, 1))
            session.gap.dropped_ms = 0.0

    def _say_sound_again(self) -> float:
        """The sound that no engine has answered, and what was asked for meanwhile, in the order in which it came."""
        session = self._session
        replayed_ms = 0.0
        if not session.turns.by_hand or session.gap.unsettled:
            for end_ms, frame in session.gap.again():
                self._say_held(end_ms - 0.01)
                session.emit(SendAudio(frame))
                replayed_ms += frame.duration_ms
        self._say_held(float("inf"))
        return replayed_ms

    def _say_held(self, before_ms: float) -> None:
        while self._held and self._held[0][0] < before_ms:
            at_ms, event = self._held.popleft()
            self._session.person.forward(event, at_ms)

    # It goes

    def handle_lost(self, event: LinkLost) -> None:
        session = self._session
        if not may(session.states, Trigger.LINK_LOST):
            session.note("surprise", type="link lost twice")
            return
        was_ready = session.states.link is Link.READY
        session.speculation.abandon()
        session.step(Trigger.LINK_LOST)
        session.ledger.finish_all()
        session.mark_if_wanted()
        if was_ready:
            self._keep_what_is_owed()
        if session.states.floor is Floor.SPEAKING and not session.talk.open:
            session.step(Trigger.SPEECH_STOPPED)
        again = session.retry.lost(session.now, event.jitter, final=event.final)
        session.note("link", state="lost", code=event.code, reason=event.reason, was_ready=was_ready, again=again)
        if was_ready and again:
            self._lost = True
            self._tell_state("reconnecting")
        if not again:
            self._tell_client(event)
            session.end(CLOSE_BROKEN, event.reason or "the engine is gone")

    def _keep_what_is_owed(self) -> None:
        """What the lost engine still owed us is asked of the next one."""
        session = self._session
        replies = session.replies
        by_hand = session.engine.settings.commits_by_hand()
        broken, response_id, wish = session.states.reply, replies.active_id, replies.wish
        if session.engine.replies.was_complete():
            broken = Reply.STALE
            session.gap.answered(response_id)
        if broken is not Reply.NONE:
            replies.make_stale(response_id)
            session.step(Trigger.REPLY_DONE)
            replies.done()
            session.stale_until = None
        said = self._turns_are_known()
        if not said:
            self._take_turns_back(by_hand=by_hand)
        was_calling = session.engine.forget_pending(response_id)
        if broken is Reply.STALE:
            return
        if broken is Reply.NONE:
            if said and not (by_hand and session.face is not None):
                replies.want(Wish("restored"))
        elif wish is not None and (wish.text or wish.create is not None):
            replies.want(wish)
        elif not was_calling and (said or not session.gap.unsettled or (by_hand and session.face is not None)):
            replies.want(Wish("restored"))

    def _turns_are_known(self) -> bool:
        """Whether there are unanswered turns, all of them complete and in words: then their sound is not needed."""
        session = self._session
        gap = session.gap
        if not gap.commits or gap.turn_open:
            return False
        if not all(commit.item_id and session.history.text(commit.item_id) for commit in gap.commits):
            return False
        gap.settle()
        return True

    def _take_turns_back(self, *, by_hand: bool) -> None:
        """Unanswered turns will be heard again; where they are committed by hand, they are committed again too."""
        session = self._session
        commits = session.gap.take_commits()
        if commits:
            session.replies.forget("turn")
        for commit in commits:
            if commit.item_id:
                self._hear_again.append(commit.item_id)
            if by_hand:
                self.hold(InputAudioBufferCommit(event_id=session.new_id("commit")), commit.at_ms)

    def _tell_state(self, state: str) -> None:
        """The protocol has no word for this, so only a client that asked for it is told (`voice.link`)."""
        session = self._session
        if session.face is not None and session.face.wants_link_events:
            said = {"type": "voice.link", "event_id": session.new_id("link"), "state": state}
            session.emit(SendToClient(Unknown("voice.link", said, "an extension of ours")))

    def _tell_client(self, event: LinkLost) -> None:
        if self._session.face is None:
            return
        code = "engine_refused" if event.final else "engine_unreachable"
        detail = ErrorDetail(type="server_error", code=code, message=event.reason or "The engine is gone.")
        self._session.emit(SendToClient(ErrorEvent(error=detail)))
