"""Faults at random points of a conversation, from a seed; and named ones, each at the moment where it hurts most."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from voice.testkit.faults import (
    UNORDERED,
    At,
    Chance,
    ClockOut,
    Drop,
    Duplicate,
    FailResponse,
    Fault,
    Garbage,
    HalfOpen,
    Late,
    LateDeltas,
    Lose,
    On,
    Refuse,
    RefuseEvent,
    ServerError,
    Slow,
    Stall,
    Stuck,
    What,
    When,
    WrongIds,
    no_session_updated,
    session_expired,
)

REPLY_EVENTS = (
    "response.created",
    "response.output_item.added",
    "response.output_audio.delta",
    "response.output_audio.delta",
    "response.output_audio.done",
    "response.output_item.done",
    "response.done",
)
TURN_EVENTS = (
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.input_audio_transcription.completed",
)
CLIENT_EVENTS = ("response.create", "conversation.item.create", "conversation.item.truncate", "response.cancel")
CALL_EVENTS = ("response.function_call_arguments.done", "response.function_call_arguments.delta")
CLOSE_CODES = (None, None, 1000, 1001, 1006, 1011, 1012, 1013)
PASSING_CODES = ("rate_limit_exceeded", "server_error", "server_restarting", "made_up_by_a_new_server")
RUBBISH = ("not_json", "not_an_object", "no_type", "unknown_event", "misshapen", "empty", "binary")
IMPORTANT = (*REPLY_EVENTS, *TURN_EVENTS)
NOT_SOUND = tuple(name for name in IMPORTANT if name != "response.output_audio.delta")
"""Sound that is lost on the way is lost for everybody; all else can be made up for."""

LENGTH_S = 22.0

KINDS = (
    "drop",
    "drop",
    "drop",
    "stall",
    "half_open",
    "duplicate",
    "unordered",
    "disordered",
    "garbage",
    "misshapen",
    "wrong_ids",
    "late_deltas",
    "slow",
    "expired",
    "error",
    "failed",
    "refused_event",
    "lost_event",
    "stuck",
    "refused_connection",
    "no_session_updated",
    "clock_out",
    "storm",
)
FINAL_KINDS = ("final_error", "final_refusal")


def faults(random: Random, among: Sequence[str] = KINDS) -> tuple[list[str], list[Fault]]:
    """One to three kinds of trouble, and what they are made of."""
    kinds = random.sample(among, k=min(random.choice([1, 1, 2, 3]), len(among)))
    if random.random() < 0.03:
        kinds.append(random.choice(FINAL_KINDS))
    return kinds, [fault for kind in kinds for fault in of_kind(kind, random)]


def of_kind(kind: str, random: Random) -> list[Fault]:
    """One kind of trouble at a random moment."""
    match kind:
        case "drop":
            return [_drop(random)]
        case "stall":
            return [Fault(Stall(), _moment(random))]
        case "half_open":
            return [Fault(HalfOpen(), _moment(random))]
        case "duplicate":
            events = (*IMPORTANT, *CALL_EVENTS)
            return [Fault(Duplicate(random.choice([1, 2])), _nth(random, random.choice(events))) for _ in range(3)]
        case "unordered":
            return [
                Fault(Late(random.randint(1, most), 3_000.0), Chance(0.5, name)) for name, most in UNORDERED.items()
            ]
        case "disordered":
            return [Fault(Late(random.choice([1, 2, 4])), _nth(random, random.choice(NOT_SOUND))) for _ in range(2)]
        case "garbage":
            return [Fault(Garbage(random.choice(RUBBISH[:4] + RUBBISH[5:])), Chance(0.1))]  # type: ignore[arg-type]
        case "misshapen":
            return [Fault(Garbage("misshapen"), _nth(random, random.choice(NOT_SOUND)))]
        case "wrong_ids":
            return [Fault(WrongIds(), _nth(random, random.choice((*IMPORTANT, *CALL_EVENTS)))) for _ in range(3)]
        case "late_deltas":
            return [Fault(LateDeltas(random.choice([1, 5])), Chance(0.5, "response.done"))]
        case "slow":
            slow = Slow(random.choice([200.0, 800.0, 2_000.0]), random.choice([0.0, 30.0]), random.choice([1.0, 5.0]))
            return [Fault(slow, _moment(random))]
        case "expired":
            return [session_expired(_moment(random))]
        case "error":
            return [Fault(ServerError(random.choice(PASSING_CODES)), _moment(random))]
        case "failed":
            code = random.choice(["server_error", "rate_limit_exceeded"])
            return [Fault(FailResponse(code), _nth(random, "response.output_audio.delta", 25))]
        case "refused_event":
            code = random.choice(["rate_limit_exceeded", "conversation_already_has_active_response", "server_error"])
            return [Fault(RefuseEvent(code), _nth(random, random.choice(CLIENT_EVENTS), 3))]
        case "lost_event":
            return [Fault(Lose(), _nth(random, random.choice((*NOT_SOUND, "response.done", "response.done"))))]
        case "stuck":
            name = random.choice(["response.created", "response.output_audio.delta"])
            return [Fault(Stuck(), _nth(random, name, 12))]
        case "refused_connection":
            status = random.choice([429, 500, 502, 503])
            return [_drop(random), Fault(Refuse(status), On("connect", 2, times=random.choice([1, 3])))]
        case "no_session_updated":
            return [no_session_updated()]
        case "clock_out":
            return [Fault(ClockOut(random.choice([6.0, 9.0, 14.0])), At(0.0))]
        case "storm":
            return [_drop(random) for _ in range(3)]
        case "final_error":
            code = random.choice(["insufficient_quota", "invalid_api_key", "model_not_found"])
            return [Fault(ServerError(code), _moment(random))]
        case "final_refusal":
            return [_drop(random), Fault(Refuse(401), On("connect", 2))]
    raise AssertionError(kind)


def _drop(random: Random) -> Fault:
    what: What = Drop(random.choice(CLOSE_CODES))
    return Fault(what, _moment(random))


def _moment(random: Random) -> When:
    """Any time, or any event that matters."""
    if random.random() < 0.5:
        return At(round(random.uniform(0.0, LENGTH_S), 3))
    return _nth(random, random.choice((*IMPORTANT, *CLIENT_EVENTS, *CALL_EVENTS)))


def _nth(random: Random, name: str, most: int | None = None) -> On:
    if most is None:
        most = 25 if name == "response.output_audio.delta" else 5
    return On(name, random.randint(1, most))
