"""What follows from settings: what we ask of the engine, what a client asks, and what it sees of both."""

from __future__ import annotations

from typing import Any

from voice.protocol import server_events as se
from voice.protocol.client_events import SessionUpdate
from voice.protocol.settings import AudioInput, AudioSettings, SemanticVad, ServerVad, merge
from voice.protocol.settings import Session as Settings
from voice.session.books import CLIENT_ID, Books
from voice.session.client_turns import ClientTurns, detection_in
from voice.session.effects import SendToEngine
from voice.session.face import HIDE, SHOW
from voice.session.introduction import Introduction
from voice.session.states import Link
from voice.session.updates import Update, Whose


class SettingsSide:
    """The settings' part of the session's rules."""

    def __init__(self, books: Books, client_turns: ClientTurns) -> None:
        self._books = books
        self.client_turns = client_turns
        self._introduction = Introduction()

    def opening_settings(self) -> Settings:
        """What we ask of a fresh connection: our settings, our tools, and who keeps the floor."""
        books = self._books
        settings = self._with_our_tools(books.settings)
        if books.face is not None:
            return self.client_turns.opening(settings)
        return merge(
            settings, Settings(audio=AudioSettings(input=AudioInput(turn_detection=self._detection(settings))))
        )

    def _with_our_tools(self, settings: Settings) -> Settings:
        ours = list(self._books.config.tools)
        if not ours:
            return settings
        known = [tool for tool in settings.tools or () if tool not in ours]
        return settings.model_copy(update={"tools": [*known, *ours]})

    def _detection(self, settings: Settings) -> Any:
        books = self._books
        turns = books.turns
        if turns.by_hand:
            return None
        audio = settings.audio
        wanted = audio.input.turn_detection if audio is not None and audio.input is not None else None
        engine_decides = not books.ours
        flags = {"create_response": engine_decides, "interrupt_response": engine_decides}
        if turns.mode == "semantic_vad":
            wanted = wanted if isinstance(wanted, SemanticVad) else SemanticVad(eagerness=turns.eagerness)
        elif not isinstance(wanted, ServerVad):
            wanted = ServerVad()
        return wanted.model_copy(update=flags)

    def change(self, settings: Settings, *, turns: bool = False) -> None:
        """The operator changes the settings: what is unset stays, and so do our tools and who keeps the floor.
        `turns`: the rules of turn-taking have changed, which the engine must know."""
        books = self._books
        if books.states.link is not Link.READY:
            books.settings = merge(books.settings, settings)
            return
        if "tools" in settings.model_fields_set:
            settings = self._with_our_tools(settings)
        if books.face is None and (turns or detection_in(settings)[0]):
            detection = AudioSettings(input=AudioInput(turn_detection=self._detection(settings)))
            settings = merge(settings, Settings(audio=detection))
        update = SessionUpdate(event_id=books.new_id("update"), session=settings)
        books.emit(SendToEngine(self.expect_update(update, "ours")))

    def expect_update(self, event: SessionUpdate, whose: Whose) -> SessionUpdate:
        """An update goes out; it is true once it is answered. Answers come in order, to whoever sent it."""
        books = self._books
        if not event.event_id:
            event = event.model_copy(update={"event_id": books.new_id(CLIENT_ID)})
        books.updates.sent(Update(event.event_id or "", whose, event.session))
        books.gap.by_hand = books.face is not None and self.client_turns.commits_by_hand
        if whose == "client":
            event = event.model_copy(update={"session": self.client_turns.for_engine(event.session)})
        return event

    def ask_for_sign(self) -> None:
        """Ask the engine for something that changes nothing and that it must answer at once."""
        update = SessionUpdate(event_id=self._books.new_id("sign"), session=Settings(type="realtime"))
        self._books.emit(SendToEngine(self.expect_update(update, "sign")))

    # The engine's greeting

    def greeted(self, event: se.SessionCreated) -> bool:
        """A connection is of use: it gets our settings. A client sees the first greeting only, with the settings that
        came of them: whether it sees this one as it came."""
        books = self._books
        first = not self._introduction.made
        settings = self.opening_settings()
        speaks = bool(settings.model_fields_set - {"type"})
        if speaks:
            update = SessionUpdate(event_id=books.new_id("update"), session=settings)
            books.emit(SendToEngine(self.expect_update(update, "first" if first else "ours")))
            if first:
                self._introduction.hold(event)
            return HIDE
        if first:
            self._introduction.make()
        return first

    def _introduce(self, settings: Any) -> None:
        greeting = self._introduction.held
        if greeting is None:
            return
        conversation = self._introduction.make()
        self._books.show(greeting.model_copy(update={"session": self.client_turns.as_asked(settings)}))
        if conversation is not None:
            self._books.show(conversation)

    def handle_conversation_created(self, event: se.ConversationCreated) -> bool:
        return SHOW if self._introduction.tells_conversation(event) else HIDE

    # The engine's answers

    def handle_updated(self, event: se.SessionUpdated) -> bool:
        """The oldest update is true now."""
        books = self._books
        update = books.updates.answered()
        if update is None:
            return SHOW
        if update.whose != "first" and isinstance(update.settings, Settings):
            books.settings = merge(books.settings, update.settings)
        if update.whose == "first":
            self._introduce(event.session)
        elif update.whose == "client":
            seen = self.client_turns.as_asked(event.session)
            books.show(event.model_copy(update={"session": seen}))
        return HIDE

    def refused(self, event_id: str) -> None:
        """The engine would not have this update, if it is one."""
        update = self._books.updates.refused(event_id)
        greeting = self._introduction.held
        if update is not None and update.whose == "first" and greeting is not None:
            self._introduce(greeting.session)

    def forget_connection(self) -> None:
        """The connection is gone: what was asked of it and not refused is asked of the next."""
        self._introduction.forget()
        self._books.settings = self.client_turns.wanted
        self._books.updates.forget()
