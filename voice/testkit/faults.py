"""Everything that can go wrong with a realtime server, as data: what happens, and what makes it happen.

    Fault(Drop(), On("response.output_audio.delta", 3))       the third delta of all is the last of its connection
    Fault(Refuse(503), On("connect", 2, times=3))             three refusals after the first connection
    Fault(Garbage("not_json"), Chance(0.01))                  one event in a hundred has rubbish before it

Codes and sequences: realtime protocol, "Ordering guarantees" and "Other error codes seen"; close codes: RFC 6455
section 7.4.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# What happens


@dataclass(frozen=True, slots=True)
class Drop:
    """The connection ends: with a close frame of this code, or, with None, by a reset and without a word."""

    code: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Stall:
    """The server hears, answers pings, and says nothing any more."""


@dataclass(frozen=True, slots=True)
class HalfOpen:
    """The TCP connection stays, and nobody is behind it: nothing is read, nothing answered, no pong."""


@dataclass(frozen=True, slots=True)
class Lose:
    """The event is never said (`response.done` that is missing, `session.updated` that never comes)."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The event is said again, word for word."""

    times: int = 1


@dataclass(frozen=True, slots=True)
class Late:
    """The event comes `places` events later than it should, or after `within_ms` when there are not so many."""

    places: int = 3
    within_ms: float = 300.0


@dataclass(frozen=True, slots=True)
class Garbage:
    """Before the event comes something that makes no sense. `misshapen`: the event itself, with its fields spoilt."""

    kind: Literal["not_json", "not_an_object", "no_type", "unknown_event", "misshapen", "empty", "binary"] = "not_json"


@dataclass(frozen=True, slots=True)
class WrongIds:
    """Behind the event comes a twin of it about a response, an item and a call that nobody ever heard of."""


@dataclass(frozen=True, slots=True)
class LateDeltas:
    """Behind the event (a `response.done`) comes still more sound of that response."""

    count: int = 2


@dataclass(frozen=True, slots=True)
class Slow:
    """For `for_s` everything the server says takes `latency_ms` longer, and `apart_ms` lie between two events."""

    latency_ms: float = 400.0
    apart_ms: float = 0.0
    for_s: float = 3.0


@dataclass(frozen=True, slots=True)
class ServerError:
    """An `error` event that answers nothing in particular; `close_code` ends the connection behind it."""

    code: str
    type: str = "server_error"
    message: str = "The test wanted this."
    close_code: int | None = None


@dataclass(frozen=True, slots=True)
class FailResponse:
    """The response that is being made ends as `failed`, with this error."""

    code: str = "server_error"


@dataclass(frozen=True, slots=True)
class RefuseEvent:
    """The client's event (the trigger's type must be a client's) is not done but answered with this error."""

    code: str
    type: str = "invalid_request_error"


@dataclass(frozen=True, slots=True)
class Stuck:
    """The response that is being made makes no more of itself, and never ends; it can still be cancelled."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The connection is answered with an HTTP status instead of a websocket."""

    status: int = 503
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class ClockOut:
    """From now on every connection ends with 1001 when it is `after_s` old, unannounced."""

    after_s: float = 20.0


What = (
    Drop
    | Stall
    | HalfOpen
    | Lose
    | Duplicate
    | Late
    | Garbage
    | WrongIds
    | LateDeltas
    | Slow
    | ServerError
    | FailResponse
    | RefuseEvent
    | Stuck
    | Refuse
    | ClockOut
)

# When


@dataclass(frozen=True, slots=True)
class At:
    """So many seconds after the server began. What befalls connections befalls those open then."""

    seconds: float


@dataclass(frozen=True, slots=True)
class On:
    """The `nth` event of this type, and the `times - 1` after it, counted over all connections.

    The type of a server event or a client event, or `connect`."""

    type: str
    nth: int = 1
    times: int = 1


@dataclass(frozen=True, slots=True)
class Chance:
    """Each event of this type (of any, when it is empty) with this probability, drawn from the server's seed."""

    probability: float
    type: str = ""


When = At | On | Chance


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong."""

    what: What
    when: When


# Well-known ones

ERROR_CODES: tuple[str, ...] = (
    "response_cancel_not_active",
    "input_audio_buffer_commit_empty",
    "item_truncate_invalid_item_id",
    "item_delete_invalid_item_id",
    "conversation_already_has_active_response",
    "rate_limit_exceeded",
    "server_error",
    "session_expired",
    "server_restarting",
    "invalid_api_key",
    "insufficient_quota",
    "billing_hard_limit_reached",
    "model_not_found",
    "beta_api_shape_disabled",
    "invalid_intent",
)
"""Error codes that servers are known to answer with; those from `invalid_api_key` on are final."""

FINAL_CODES: frozenset[str] = frozenset(ERROR_CODES[ERROR_CODES.index("invalid_api_key") :])

MAXIMUM_DURATION = "Your session hit the maximum duration of 60 minutes."

UNORDERED: dict[str, int] = {
    "conversation.item.input_audio_transcription.completed": 30,
    "conversation.item.done": 1,
    "conversation.created": 3,
}
"""Events whose place among the others the protocol leaves open, and by how many places: a transcript comes whenever
it comes, and an item's two `done` events in either order."""


def session_expired(when: When) -> Fault:
    """The longest time of a session is over: the error, then close 1001."""
    return Fault(ServerError("session_expired", "invalid_request_error", MAXIMUM_DURATION, close_code=1001), when)


def no_session_updated() -> Fault:
    """No update of the settings is ever answered."""
    return Fault(Lose(), On("session.updated", 1, times=1_000_000))
