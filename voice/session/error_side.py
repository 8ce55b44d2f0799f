"""What follows from the engine's errors: what it would not do, and whether that is told it again."""

from __future__ import annotations

from voice.protocol.client_events import ClientEvent, ConversationItemCreate, ResponseCancel
from voice.protocol.server_events import ErrorEvent
from voice.session.books import CLIENT_ID, Books
from voice.session.ending import Ending
from voice.session.face import HIDE
from voice.session.orders import Told
from voice.session.refusals import Action, action_for
from voice.session.reply_end_side import ReplyEndSide
from voice.session.reply_side import ReplySide
from voice.session.settings_side import SettingsSide
from voice.session.speculation import Speculation
from voice.session.states import Link
from voice.session.told_items import ToldItems
from voice.session.withdrawals import Withdrawals


class ErrorSide:
    """The errors' part of the session's rules."""

    def __init__(
        self,
        books: Books,
        ending: Ending,
        told: ToldItems,
        withdrawals: Withdrawals,
        replies: ReplySide,
        reply_ends: ReplyEndSide,
        settings: SettingsSide,
        speculation: Speculation,
    ) -> None:
        self._books = books
        self._ending = ending
        self._told = told
        self._withdrawals = withdrawals
        self._replies = replies
        self._reply_ends = reply_ends
        self._settings = settings
        self._speculation = speculation

    def handle_error(self, event: ErrorEvent) -> bool:
        """The engine would not do something, or has a trouble of its own. The table of `refusals` says what to do."""
        books = self._books
        detail = event.error
        event_id = detail.event_id or ""
        action = action_for(detail.code)
        books.note("error", code=detail.code, action=action.value, param=detail.param)
        self._refused(event_id, detail.code, action)
        self._show(event, event_id)
        if event_id and event_id == books.replies.asked_event_id:
            self._reply_ends.refused(action)
        self._ending.act(action, detail.message)
        return HIDE

    def _show(self, event: ErrorEvent, event_id: str) -> None:
        """A client hears of what it asked itself, and of what nobody asked."""
        ours = self._books.is_ours(event_id)
        if ours and not event_id.startswith(CLIENT_ID):
            return
        hidden_id = None if ours else event.error.event_id
        self._books.show(event.model_copy(update={"error": event.error.model_copy(update={"event_id": hidden_id})}))

    def _refused(self, event_id: str, code: str | None, action: Action) -> None:
        """What was asked for with this event did not happen."""
        books = self._books
        speculated = self._speculation.commit_refused(event_id)
        if code == "input_audio_buffer_commit_empty" and not speculated:
            books.gap.commit_refused()
        if self._told.refused(event_id):
            return
        self._replies.asides.refused(event_id)
        self._settings.refused(event_id)
        told = books.orders.refused(event_id)
        if told is None or books.states.link is not Link.READY:
            return
        if isinstance(told.event, ConversationItemCreate):
            self._give_again(told, told.event)
        elif action is Action.RETRY and not self._is_past(told.event):
            books.tell(told.event.model_copy(update={"event_id": books.new_id("again")}), again=told)

    def _is_past(self, event: ClientEvent) -> bool:
        return isinstance(event, ResponseCancel) and self._books.replies.is_over(event.response_id or "")

    def _give_again(self, told: Told, event: ConversationItemCreate) -> None:
        """The model does not know an item that it should: it is given again, in its place, and a reply that was asked
        for without it is asked for anew."""
        books = self._books
        item_id = event.item.id or ""
        before = event.previous_item_id
        if entry := books.history.entries.get(item_id):
            entry.known = False
            before = (books.history.known_before(item_id) or "root") if told.times == 1 else None
        changes = {"event_id": books.new_id("again"), "previous_item_id": before}
        books.tell(event.model_copy(update=changes), again=told)
        books.history.know(item_id)
        self._withdrawals.withdraw()
