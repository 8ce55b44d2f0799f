"""What to do about each error that a realtime server may answer with.

IGNORE  it lost a race that does not matter
RETRY   the wish still stands: ask again when the present response is done
RECONNECT  this connection is of no more use, another one is
END     no connection will do: the person is told and the call ends
NOTE    anything else, and anything new: written down, the session lives

Sources: the protocol's error codes as collected in `docs/reference/errors.md`.
"""

from __future__ import annotations

from enum import Enum


class Action(Enum):
    IGNORE = "ignore"
    RETRY = "retry"
    RECONNECT = "reconnect"
    END = "end"
    NOTE = "note"


ACTIONS: dict[str, Action] = {
    "response_cancel_not_active": Action.IGNORE,
    "input_audio_buffer_commit_empty": Action.IGNORE,
    "item_truncate_invalid_item_id": Action.IGNORE,
    "item_delete_invalid_item_id": Action.IGNORE,
    "conversation_already_has_active_response": Action.RETRY,
    "rate_limit_exceeded": Action.RETRY,
    "server_error": Action.RETRY,
    "session_expired": Action.RECONNECT,
    "server_restarting": Action.RECONNECT,
    "invalid_api_key": Action.END,
    "insufficient_quota": Action.END,
    "billing_hard_limit_reached": Action.END,
    "model_not_found": Action.END,
    "beta_api_shape_disabled": Action.END,
    "invalid_intent": Action.END,
}


def action_for(code: str | None) -> Action:
    """The row for a code; unknown codes are noted and never end a call."""
    return ACTIONS.get(code or "", Action.NOTE)
