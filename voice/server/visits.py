"""What somebody comes for: which assistant, with which settings of their own, to talk or to have something written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from voice.config import AssistantSettings, Settings
from voice.errors import RequestRefused
from voice.protocol import codec
from voice.protocol.client_events import SessionUpdate
from voice.protocol.settings import Session, TranscriptionSession, merge
from voice.server.auth import Caller
from voice.server.overrides import Overrides

GENERAL = "default"
"""The name of the assistant that the general sections of the settings describe."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One conversation that is wished for. `session` are settings that whoever may decide has bound to it."""

    caller: Caller
    assistant: AssistantSettings
    session: Session | TranscriptionSession | None = None
    transcribes: bool = False

    @property
    def overrides(self) -> Overrides:
        """What this visitor may change."""
        return Overrides(self.assistant.overrides, trusted=self.caller.kind != "secret")


class Assistants:
    """Everybody who can be asked for, by name."""

    def __init__(self, settings: Settings) -> None:
        general = AssistantSettings(
            GENERAL,
            session=settings.session,
            turns=settings.turns,
            tools=settings.tools,
            overrides=settings.overrides,
        )
        self.all: dict[str, AssistantSettings] = dict(settings.assistants)
        self.default = settings.server.default_assistant or GENERAL
        if self.default == GENERAL:
            self.all.setdefault(GENERAL, general)

    def named(self, name: str) -> AssistantSettings:
        """Raises RequestRefused (404)."""
        found = self.all.get(name)
        if found is None:
            raise RequestRefused(404, "assistant_not_found", "There is no assistant of that name.", param="assistant")
        return found

    def visit(self, caller: Caller, query: Mapping[str, str], session: Any = None) -> Visit:
        """The visit that a request asks for. `session` is its JSON, where it brings one. Raises RequestRefused or
        ProtocolError.

        `assistant=` names one of ours; a `model` that is the name of one does too, any other leaves it to the default.
        A client secret has chosen already.
        """
        secret = caller.secret
        wished = None if session is None else settings_in(session)
        if secret is not None:
            if query.get("assistant", secret.assistant) != secret.assistant:
                raise RequestRefused(403, "assistant_not_allowed", "This client secret is for another assistant.")
            bound = Visit(caller, self.named(secret.assistant), secret.session)
            return self._with_own_wishes(bound, wished, query)
        visit = Visit(caller, self._chosen(query, wished), None)
        return self._with_own_wishes(visit, wished, query)

    def _chosen(self, query: Mapping[str, str], wished: Session | TranscriptionSession | None) -> AssistantSettings:
        if name := query.get("assistant"):
            return self.named(name)
        model = (wished.model if isinstance(wished, Session) else None) or query.get("model")
        chosen = self.all.get(model or "", self.all[self.default])
        return chosen if chosen.overrides.model != "nobody" else self.all[self.default]

    def _with_own_wishes(
        self, visit: Visit, wished: Session | TranscriptionSession | None, query: Mapping[str, str]
    ) -> Visit:
        """Settings that the request itself brings are those of a first `session.update`: the table decides."""
        transcribes = isinstance(visit.session, TranscriptionSession)
        intent = query.get("intent")
        if intent not in (None, "transcription"):
            raise RequestRefused(400, "invalid_intent", "The only intent is 'transcription'.", param="intent")
        if wished is None:
            if intent is not None and isinstance(visit.session, Session):
                raise _other_type()
            return replace(visit, transcribes=transcribes or intent is not None)
        if visit.session is not None and type(wished) is not type(visit.session):
            raise _other_type()
        if isinstance(wished, TranscriptionSession):
            return replace(visit, session=_over(visit.session, wished), transcribes=True)
        stripped, refused = visit.overrides.strip(wished)
        if forbidden := [path for path in refused if path != "model"]:  # every client names a model
            message = "This service does not let you change that."
            raise RequestRefused(403, "override_not_allowed", message, param=f"session.{forbidden[0]}")
        return replace(visit, session=_over(visit.session, stripped))


def settings_in(session: Any) -> Session | TranscriptionSession:
    """Session settings in a request's body, checked as those of a `session.update`. Raises ProtocolError."""
    event = codec.decode_client_event(json.dumps({"type": "session.update", "session": session}))
    assert isinstance(event, SessionUpdate)
    return event.session


def _other_type() -> RequestRefused:
    return RequestRefused(403, "session_type_not_allowed", "This client secret is for another type of session.")


def _over(
    bound: Session | TranscriptionSession | None, wished: Session | TranscriptionSession
) -> Session | TranscriptionSession:
    return wished if bound is None else merge(bound, wished)
