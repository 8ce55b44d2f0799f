"""What follows from the engine's greeting and from settings: what we ask, what a client asks, what it sees of both."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Literal

from voice.protocol import server_events as se
from voice.protocol.client_events import SessionUpdate
from voice.protocol.settings import AudioInput, AudioSettings, SemanticVad, ServerVad, merge
from voice.protocol.settings import Session as Settings
from voice.session.client_turns import ClientTurns, detection_in
from voice.session.effects import SendToEngine
from voice.session.reply_side import CLIENT_ID
from voice.session.states import Link, Trigger

if TYPE_CHECKING:
    from voice.session.session import Session

SHOW, HIDE = True, False
Whose = Literal["first", "ours", "client", "sign"]


class SettingsSide:
    """The settings' part of the session's rules."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._introduced = False
        self._conversation_shown = False
        self._held_created: se.SessionCreated | None = None
        self._held_conversation: se.ConversationCreated | None = None
        self._updates: deque[tuple[str, Whose, Any]] = deque()
        self.client_turns = ClientTurns(session)
        self.are_answered = False
        """Whether this kind of engine answers an update: then an empty one asks it for a sign of life."""

    def opening_settings(self) -> Settings:
        """What we ask of a fresh connection: our settings, our tools, and who keeps the floor."""
        session = self._session
        settings = self._with_our_tools(session.settings)
        if session.face is not None:
            return self.client_turns.opening(settings)
        return merge(
            settings, Settings(audio=AudioSettings(input=AudioInput(turn_detection=self._detection(settings))))
        )

    def _with_our_tools(self, settings: Settings) -> Settings:
        ours = list(self._session.config.tools)
        if not ours:
            return settings
        known = [tool for tool in settings.tools or () if tool not in ours]
        return settings.model_copy(update={"tools": [*known, *ours]})

    def _detection(self, settings: Settings) -> Any:
        session = self._session
        turns = session.turns
        if turns.by_hand:
            return None
        audio = settings.audio
        wanted = audio.input.turn_detection if audio is not None and audio.input is not None else None
        engine_decides = not session.ours
        flags = {"create_response": engine_decides, "interrupt_response": engine_decides}
        if turns.mode == "semantic_vad":
            wanted = wanted if isinstance(wanted, SemanticVad) else SemanticVad(eagerness=turns.eagerness)
        elif not isinstance(wanted, ServerVad):
            wanted = ServerVad()
        return wanted.model_copy(update=flags)

    def change(self, settings: Settings, *, turns: bool = False) -> None:
        """The operator changes the settings: what is unset stays, and so do our tools and who keeps the floor.
        `turns`: the rules of turn-taking have changed, which the engine must know."""
        session = self._session
        if session.states.link is not Link.READY:
            session.settings = merge(session.settings, settings)
            return
        if "tools" in settings.model_fields_set:
            settings = self._with_our_tools(settings)
        if session.face is None and (turns or detection_in(settings)[0]):
            detection = AudioSettings(input=AudioInput(turn_detection=self._detection(settings)))
            settings = merge(settings, Settings(audio=detection))
        update = SessionUpdate(event_id=session.new_id("update"), session=settings)
        session.emit(SendToEngine(self.expect_update(update, "ours")))

    def expect_update(self, event: SessionUpdate, whose: Whose) -> SessionUpdate:
        """An update goes out; it is true once it is answered. Answers come in order, to whoever sent it."""
        if not event.event_id:
            event = event.model_copy(update={"event_id": self._session.new_id(CLIENT_ID)})
        self._updates.append((event.event_id or "", whose, event.session))
        self._session.gap.by_hand = self._session.face is not None and self.commits_by_hand()
        if whose == "client":
            event = event.model_copy(update={"session": self.client_turns.for_engine(event.session)})
        return event

    def ask_for_sign(self) -> None:
        """Ask the engine for something that changes nothing and that it must answer at once."""
        update = SessionUpdate(event_id=self._session.new_id("sign"), session=Settings(type="realtime"))
        self._session.emit(SendToEngine(self.expect_update(update, "sign")))

    def wanted(self) -> Settings:
        """The settings with every update that was not refused yet."""
        settings = self._session.settings
        for _, _, update in self._updates:
            if isinstance(update, Settings):
                settings = merge(settings, update)
        return settings

    def session_created(self, event: se.SessionCreated) -> bool:
        """A connection is of use now. A client sees the first greeting only, with the settings that came of it."""
        session = self._session
        if session.states.link is not Link.OPENING:
            session.note("surprise", type=event.type)
            return HIDE
        session.step(Trigger.LINK_GREETED)
        session.retry.greeted(session.now)
        first = not self._introduced
        settings = self.opening_settings()
        speaks = bool(settings.model_fields_set - {"type"})
        if speaks:
            update = SessionUpdate(event_id=session.new_id("update"), session=settings)
            session.emit(SendToEngine(self.expect_update(update, "first" if first else "ours")))
        session.link.restore()
        session.speak_up()
        if not first:
            return HIDE
        if speaks:
            self._held_created = event
            return HIDE
        self._introduced = True
        return SHOW

    def conversation_created(self, event: se.ConversationCreated) -> bool:
        """Shown once, and behind `session.created`, which is the first thing a client hears."""
        if self._held_created is not None:
            self._held_conversation = event
            return HIDE
        first, self._conversation_shown = not self._conversation_shown, True
        return SHOW if first else HIDE

    def session_updated(self, event: se.SessionUpdated) -> bool:
        """The oldest update is true now."""
        self.are_answered = True
        if not self._updates:
            return SHOW
        _, whose, update = self._updates.popleft()
        if whose != "first" and isinstance(update, Settings):
            self._session.settings = merge(self._session.settings, update)
        if whose == "first":
            self._introduce(event.session)
        elif whose == "client":
            seen = self.client_turns.as_asked(event.session)
            self._session.engine.show(event.model_copy(update={"session": seen}))
        return HIDE

    def _introduce(self, settings: Any) -> None:
        created, self._held_created = self._held_created, None
        conversation, self._held_conversation = self._held_conversation, None
        if created is not None:
            self._introduced = True
            seen = self.client_turns.as_asked(settings)
            self._session.engine.show(created.model_copy(update={"session": seen}))
        if conversation is not None:
            self._conversation_shown = True
            self._session.engine.show(conversation)

    @property
    def transcribes(self) -> bool:
        """Whether the engine was asked for the words of the person's turns."""
        audio = self._session.settings.audio
        return audio is not None and audio.input is not None and audio.input.transcription is not None

    def commits_by_hand(self) -> bool:
        """Whether turns are committed by hand."""
        if self._session.face is None:
            return self._session.turns.by_hand
        said, detection = detection_in(self.wanted())
        return said and detection is None

    def refused(self, event_id: str) -> None:
        """The engine would not have this update."""
        for update in self._updates:
            if update[0] == event_id:
                self._updates.remove(update)
                if update[1] == "first" and self._held_created is not None:
                    self._introduce(self._held_created.session)
                return

    def forget_pending(self) -> None:
        """The connection is gone: what was asked of it and not refused is asked of the next."""
        self._held_created = self._held_conversation = None
        self._session.settings = self.wanted()
        self._updates.clear()
