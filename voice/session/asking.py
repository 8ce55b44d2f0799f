"""Asking the engine for replies, and for an end of them."""

from __future__ import annotations

from voice.protocol.client_events import ResponseCancel, ResponseCreate
from voice.protocol.settings import ResponseParams
from voice.session.books import Books
from voice.session.effects import SendToEngine
from voice.session.replies import Wish
from voice.session.states import Consequence, Floor, Link, Reply, Trigger, consequence


class Asking:
    """The rules by which a wish becomes a request."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def ask(self, wish: Wish) -> None:
        """Somebody wants a reply: now if nothing stands in its way, otherwise as soon as it does not."""
        if not self._books.replies.want(wish):
            self._books.note("say_dropped")
        self.speak_up()

    def speak_up(self) -> None:
        """Ask for the next reply that is wanted, if the joint state lets us."""
        books = self._books
        states = books.states
        if states.link is not Link.READY or states.floor is Floor.SPEAKING or states.reply is not Reply.NONE:
            return
        owed = bool(books.calls.running)  # an answer to the person comes first
        quiet = consequence(states) is Consequence.SPEAK_UP and not owed
        wish = books.replies.next_wish(books.now, quiet=quiet)
        if wish is None:
            return
        create = wish.create or ResponseCreate(event_id=books.new_id("ask"), response=_response_for(wish))
        books.replies.ask(wish, create.event_id or "")
        books.step(Trigger.REPLY_ASKED)
        books.times.asked_at = books.now
        books.emit(SendToEngine(create))
        books.note("reply_asked", reason=wish.reason)

    def cancel(self, response_id: str) -> None:
        """Ask the engine to stop making this response, if stopping is ours at all."""
        books = self._books
        if books.config.traits.interruption == "ours":
            books.tell(ResponseCancel(event_id=books.new_id("cancel"), response_id=response_id))


def _response_for(wish: Wish) -> ResponseParams | None:
    if not wish.text:
        return None
    return ResponseParams(
        instructions=f"Say exactly this to the person, and nothing else: {wish.text}",
        tool_choice="none",
        metadata={"voice.say": wish.text},
    )
