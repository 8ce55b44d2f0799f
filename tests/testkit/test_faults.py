"""Each fault does what it says, when it says so, and the same seed does it again."""

from __future__ import annotations

from dataclasses import fields
from typing import get_args

import pytest

from tests.testkit.scene import Client
from voice.protocol.codec import Unknown, decode_server_event
from voice.session.refusals import ACTIONS, Action
from voice.testkit import faults as f
from voice.testkit.connection import Binary, Close, Reset, StopReading
from voice.testkit.faults import At, Chance, Fault, On
from voice.testkit.mind import answers

TALK = answers({"hello": "good day to you"})
DELTA = "response.output_audio.delta"


def talk(*faults: Fault, seed: int = 0) -> Client:
    client = Client(TALK, faults, seed=seed)
    client.speak("hello")
    client.wait(3)
    return client


def test_the_codes_are_those_that_a_session_has_a_row_for() -> None:
    assert set(f.ERROR_CODES) == set(ACTIONS)
    assert {code for code, action in ACTIONS.items() if action is Action.END} == f.FINAL_CODES


def test_drop_closes_with_a_code_or_resets() -> None:
    client = talk(Fault(f.Drop(1011, "gone"), On(DELTA, 3)))
    assert client.others == [Close(1011, "gone")]
    assert client.types.count(DELTA) == 2
    assert talk(Fault(f.Drop(), On(DELTA, 3))).others == [Reset()]


def test_after_a_stall_nothing_is_said() -> None:
    client = talk(Fault(f.Stall(), On(DELTA, 3)))
    assert client.types.count(DELTA) == 2
    client.speak("hello")
    client.wait(3)
    assert client.types.count("response.created") == 1
    assert client.others == []


def test_half_open_stops_reading_too() -> None:
    assert talk(Fault(f.HalfOpen(), On(DELTA))).others == [StopReading()]


def test_duplicates_are_word_for_word() -> None:
    client = talk(Fault(f.Duplicate(2), On("response.done")))
    assert len(client.of("response.done")) == 3
    assert client.of("response.done")[0] == client.of("response.done")[2]


def test_a_lost_event_is_never_said() -> None:
    assert "response.done" not in talk(Fault(f.Lose(), On("response.done"))).types


def test_a_late_event_comes_so_many_places_later_or_after_a_while() -> None:
    client = talk(Fault(f.Late(2), On("input_audio_buffer.committed")))
    at = client.types.index("input_audio_buffer.committed")
    assert client.types[at - 2 : at + 1] == [
        "conversation.item.added",
        "conversation.item.done",
        "input_audio_buffer.committed",
    ]
    assert talk(Fault(f.Late(50), On("response.done"))).types[-1] == "response.done"


@pytest.mark.parametrize("kind", ["not_json", "not_an_object", "no_type", "unknown_event", "empty"])
def test_garbage_comes_before_the_event(kind: str) -> None:
    client = talk(Fault(f.Garbage(kind), On("response.done")))  # type: ignore[arg-type]
    decoded = [decode_server_event(data) for data in client.raw]
    assert sum(isinstance(event, Unknown) for event in decoded) == 1
    assert isinstance(decoded[-2], Unknown)
    assert client.types[-1] == "response.done"


def test_binary_garbage_and_an_event_out_of_shape() -> None:
    assert talk(Fault(f.Garbage("binary"), On("response.done"))).others == [Binary(b"\x00\xff")]
    client = talk(Fault(f.Garbage("misshapen"), On("response.done")))
    last = decode_server_event(client.raw[-1])
    assert isinstance(last, Unknown)
    assert last.type == "response.done"
    assert client.types.count("response.done") == 1


def test_wrong_ids_name_things_nobody_heard_of() -> None:
    client = talk(Fault(f.WrongIds(), On("response.done")))
    known, twin = client.of("response.done")
    assert twin["response"]["id"] == f"{known['response']['id']}_nobody"


def test_more_sound_comes_after_the_end() -> None:
    client = talk(Fault(f.LateDeltas(2), On("response.done")))
    assert client.types[-3:] == ["response.done", DELTA, DELTA]


def test_slow_delays_and_spreads_and_keeps_the_order() -> None:
    client = Client(TALK, [Fault(f.Slow(400, 50, 1.0), At(0.0))])
    for what in client.injector.due(0.0):
        client._take(client.connection.befall(what, 0.0))
    client.say({"type": "response.create"})
    assert "response.created" not in client.types
    client.wait(0.41)
    assert client.types[-1] == "response.created"
    client.wait(5)
    assert client.types[-1] == "response.done"
    assert client.heard() == "I did not understand"


def test_an_error_may_close_behind_itself() -> None:
    client = talk(f.session_expired(On(DELTA)))
    assert client.errors == ["session_expired"]
    assert client.others == [Close(1001, f.MAXIMUM_DURATION)]


def test_a_response_fails_or_is_stuck() -> None:
    client = talk(Fault(f.FailResponse("server_error"), On(DELTA, 2)))
    (done,) = client.of("response.done")
    assert (done["response"]["status"], done["response"]["status_details"]["error"]["code"]) == (
        "failed",
        "server_error",
    )
    client = talk(Fault(f.Stuck(), On(DELTA, 2)))
    assert client.types.count(DELTA) == 2
    client.say({"type": "response.create"})
    assert client.errors == ["conversation_already_has_active_response"]
    client.say({"type": "response.cancel"})
    assert client.types[-1] == "response.done"


def test_a_clients_event_is_refused_and_not_done() -> None:
    client = Client(TALK, [Fault(f.RefuseEvent("rate_limit_exceeded"), On("response.create"))])
    client.say({"type": "response.create", "event_id": "mine"})
    client.wait(3)
    assert client.errors == ["rate_limit_exceeded"]
    assert "response.created" not in client.types
    client.say({"type": "response.create"})
    assert "response.created" in client.types


def test_every_connection_has_its_time() -> None:
    client = Client(TALK, [Fault(f.ClockOut(2.0), On("session.created"))])
    client.wait(1.9)
    assert client.others == []
    client.wait(0.2)
    assert client.others == [Close(1001, f.MAXIMUM_DURATION)]


def test_no_answer_to_any_update() -> None:
    client = Client(TALK, [f.no_session_updated()])
    for _ in range(3):
        client.say({"type": "session.update", "session": {"type": "realtime", "instructions": "x"}})
    assert "session.updated" not in client.types
    assert client.server.settings.instructions == "x"


def test_chance_is_the_seeds() -> None:
    def counts(seed: int) -> list[float]:
        client = talk(Fault(f.Garbage(), Chance(0.2)), seed=seed)
        return [fired.at for fired in client.injector.fired]

    assert counts(1) == counts(1)
    assert counts(1) != counts(2)


def test_every_fault_is_plain_data() -> None:
    for what in get_args(f.What):
        made = what(code="x") if what in (f.ServerError, f.RefuseEvent) else what()
        assert hash(made) == hash(type(made)(**{field.name: getattr(made, field.name) for field in fields(made)}))
