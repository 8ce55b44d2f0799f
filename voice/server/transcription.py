"""A session that only writes down what it hears, over an engine that could also answer.

The client speaks the protocol's transcription session; the conversation behind it is one in which nobody asks for an
answer. Both directions are translated here: settings of one kind to the other, and nothing about responses.
"""

from __future__ import annotations

from voice.errors import ProtocolError
from voice.protocol.client_events import (
    ClientEvent,
    ConversationItemTruncate,
    OutputAudioBufferClear,
    ResponseCancel,
    ResponseCreate,
    SessionUpdate,
)
from voice.protocol.codec import Unknown
from voice.protocol.server_events import ServerEvent, SessionCreated, SessionUpdated
from voice.protocol.settings import (
    AudioInput,
    AudioSettings,
    SemanticVad,
    ServerVad,
    Session,
    Transcription,
    TranscriptionSession,
    merge,
)

OBJECT = "realtime.transcription_session"
_SILENT = {"create_response": False, "interrupt_response": False}
_UNASKED = ("response.", "output_audio_buffer.")


def opening(wished: TranscriptionSession | None, model: str) -> Session:
    """What such a session asks of its engine at the beginning. `model` writes down what is heard."""
    usual = AudioInput(transcription=Transcription(model=model), turn_detection=ServerVad(**_SILENT))
    settings = Session(output_modalities=["text"], tools=[], audio=AudioSettings(input=usual))
    return settings if wished is None else merge(settings, _for_engine(wished))


def admit(event: ClientEvent) -> ClientEvent:
    """A client's event as the conversation takes it. Raises ProtocolError for what such a session has not."""
    if isinstance(event, SessionUpdate):
        if not isinstance(event.session, TranscriptionSession):
            raise ProtocolError(
                "This is a session of type 'transcription'.", param="session.type", event_id=event.event_id
            )
        return event.model_copy(update={"session": _for_engine(event.session)})
    if isinstance(event, ResponseCreate | ResponseCancel | OutputAudioBufferClear | ConversationItemTruncate):
        raise ProtocolError(
            "A transcription session answers nothing: it has no responses.", param="type", event_id=event.event_id
        )
    return event


def show(event: ServerEvent | Unknown) -> ServerEvent | Unknown | None:
    """The event as the client sees it; None where it is of no concern here."""
    if event.type.startswith(_UNASKED):
        return None
    if isinstance(event, SessionCreated | SessionUpdated) and isinstance(event.session, Session):
        return event.model_copy(update={"session": for_client(event.session)})
    return event


def for_client(session: Session) -> TranscriptionSession:
    """The conversation's settings as those of a transcription session."""
    shown = TranscriptionSession(id=session.id, object=OBJECT)
    if session.expires_at is not None:
        shown.expires_at = session.expires_at
    if session.include is not None:
        shown.include = session.include
    given = session.audio.input if session.audio is not None else None
    if given is not None:
        detection = given.turn_detection
        if isinstance(detection, ServerVad | SemanticVad):
            bare = detection.model_copy()
            for name in _SILENT:
                setattr(bare, name, None)
                bare.model_fields_set.discard(name)
            given = given.model_copy(update={"turn_detection": bare})
        shown.audio = AudioSettings(input=given)
    return shown


def _for_engine(wished: TranscriptionSession) -> Session:
    settings = Session()
    if wished.include is not None:
        settings.include = wished.include
    given = wished.audio.input if wished.audio is not None else None
    if given is None:
        return settings
    if isinstance(given.turn_detection, ServerVad | SemanticVad):
        silent = given.turn_detection.model_copy(update=_SILENT)
        given = given.model_copy(update={"turn_detection": silent})
    settings.audio = AudioSettings(input=given)
    return settings
