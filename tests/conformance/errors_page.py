"""The published list of server errors, written from the session's table of what to do about each."""

from __future__ import annotations

from voice.session.refusals import ACTIONS, Action

MEANINGS: dict[str, str] = {
    "response_cancel_not_active": "the response to cancel was over already",
    "input_audio_buffer_commit_empty": "there was no sound to make a turn of",
    "item_truncate_invalid_item_id": "the item to truncate is not there any more",
    "item_delete_invalid_item_id": "the item to delete is not there any more",
    "conversation_already_has_active_response": "a response was asked for while another one was being made",
    "rate_limit_exceeded": "too much was asked of the server in a short time",
    "server_error": "the server broke while it worked on something",
    "session_expired": "the session reached the longest time that the server allows",
    "server_restarting": "the server is about to go away",
    "invalid_api_key": "the key is not accepted",
    "insufficient_quota": "the account has no credit left",
    "billing_hard_limit_reached": "the account's spending limit is reached",
    "model_not_found": "the server does not have the model",
    "beta_api_shape_disabled": "the server no longer speaks the protocol's beta",
    "invalid_intent": "the connection was opened for something the server does not do",
}
DONE: dict[Action, str] = {
    Action.IGNORE: "nothing: it lost a race that does not matter",
    Action.RETRY: "asks again when the present response is done, after a growing pause",
    Action.RECONNECT: "opens another connection and tells it the conversation as it was heard",
    Action.END: "ends the call with the server's message as the reason",
    Action.NOTE: "counts it; the call goes on",
}
_HEAD = """\
# Errors of a realtime server, and what is done about them

An `error` event of the engine (OpenAI, or any server of the protocol) is counted in `voice_engine_errors_total` by its
code and the action taken. A code that is not listed here is noted, and never ends a call. Realtime clients are shown
the errors that answer events of their own. This page is written by `python -m tests.conformance`.

| code | what it means | what the service does |
|---|---|---|
"""


def render() -> str:
    """The page in Markdown."""
    rows = [f"| `{code}` | {MEANINGS[code]} | **{act.value}**: {DONE[act]} |\n" for code, act in ACTIONS.items()]
    return _HEAD + "".join(rows) + f"| any other | | **{Action.NOTE.value}**: {DONE[Action.NOTE]} |\n"
