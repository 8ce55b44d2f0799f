"""One fault each, at the moment where it hurts, and what must follow. Pure: no sockets, virtual time."""

from __future__ import annotations

import pytest

from tests.faults import talk
from tests.faults.judge import times_complete
from tests.faults.world import World
from voice.session import events as ev
from voice.testkit.faults import (
    At,
    Drop,
    Duplicate,
    Fault,
    Garbage,
    HalfOpen,
    Late,
    LateDeltas,
    Lose,
    On,
    Refuse,
    RefuseEvent,
    Stall,
    Stuck,
    What,
    When,
    WrongIds,
    session_expired,
)
from voice.testkit.mind import Asked, FunctionWish, Reply, obedient
from voice.testkit.person import Line

FIRST_QUESTION_S = 1.5
"""When the first question is over; the engine commits it half a second later."""


def ask(
    what: What | Fault,
    when: When | None = None,
    *,
    booking: bool = False,
    patience_s: float = 30.0,
    ear: bool = True,
) -> World:
    """Two questions, and one thing that goes wrong."""
    if not isinstance(what, Fault):
        assert when is not None
        what = Fault(what, when)
    lines = [
        Line(talk.question(0, booking=booking), until=talk.OVER, patience_s=patience_s),
        Line(talk.question(1), until=talk.OVER, patience_s=patience_s),
    ]
    return World(lines, talk.mind(), faults=[what], limit_s=120, ear=ear).run()


def assert_all_is_well(world: World, *, within_s: float) -> None:
    """Both questions answered once to the end, the wait bounded, every effect had once."""
    heard = [word for _, word in world.person.words]
    assert times_complete(heard, "k0") == 1
    assert times_complete(heard, "k1") == 1
    assert world.longest_silence_s <= within_s
    assert all(times == 1 for times in world.effects_by_meaning.values())
    words = [word for item in world.sessions[-1].belief() if item.kind == "user" for word in item.text.split()]
    assert words == " ".join(line.text for line in world.lines).split()


# The connection goes


@pytest.mark.parametrize("code", [None, 1000, 1001, 1006, 1011, 1012, 1013, 4000])
def test_whatever_the_code_a_lost_connection_is_made_again(code: int | None) -> None:
    assert_all_is_well(ask(Drop(code), At(3.0)), within_s=2.5)


def test_the_first_word_is_said_to_the_next_connection() -> None:
    assert_all_is_well(ask(Drop(), At(0.6)), within_s=2.0)


def test_a_question_is_in_flight() -> None:
    assert_all_is_well(ask(Drop(), At(FIRST_QUESTION_S + 0.2)), within_s=2.0)


def test_the_turn_is_heard_but_not_answered() -> None:
    assert_all_is_well(ask(Drop(), On("response.create")), within_s=2.0)


def test_in_the_middle_of_the_answer() -> None:
    assert_all_is_well(ask(Drop(), On("response.output_audio.delta", 3)), within_s=2.0)


def test_a_booking_runs_while_the_line_is_down() -> None:
    world = ask(Drop(), On("response.output_item.done"), booking=True)
    assert_all_is_well(world, within_s=2.5)
    assert [item.kind for item in world.sessions[-1].belief()][:4] == ["user", "call", "output", "assistant"]


def test_the_bookings_result_never_arrived() -> None:
    assert_all_is_well(ask(Drop(), On("conversation.item.create"), booking=True), within_s=2.5)


def test_three_refusals_in_a_row() -> None:
    faults = [Fault(Drop(), At(1.0)), Fault(Refuse(503), On("connect", 2, times=3))]
    world = World([Line(talk.question(0), until=talk.OVER)], talk.mind(), faults=faults).run()
    assert len(world.sessions) == 2
    assert talk.OVER in world.person.heard


def test_the_next_connection_dies_before_it_has_heard_a_word() -> None:
    """The second question is asked while the line is down; the first connection after that is gone at once."""
    lines = [Line(talk.question(number), until=talk.OVER) for number in range(2)]
    down = [Fault(Drop(), At(4.0)), Fault(Refuse(503), On("connect", 2, times=3))]
    world = World(lines, talk.mind(), faults=[*down, Fault(Drop(), On("conversation.item.create"))], seed=3).run()
    assert_all_is_well(world, within_s=8.0)


def test_the_longest_time_is_over() -> None:
    assert_all_is_well(ask(session_expired(At(3.0))), within_s=2.5)


# The connection stays, and nothing comes

SIGN_S = 3.0
"""A doubt, a sign of life that does not come, a new connection, and the answer."""


def test_the_turn_never_ends_for_the_engine() -> None:
    assert_all_is_well(ask(Stall(), At(FIRST_QUESTION_S + 0.1)), within_s=4.0)


def test_the_turn_never_begins_for_the_engine() -> None:
    assert_all_is_well(ask(Stall(), At(0.3)), within_s=SIGN_S)


def test_without_an_ear_of_ours_loudness_is_reason_enough_to_ask() -> None:
    assert_all_is_well(ask(Stall(), At(0.3), ear=False), within_s=SIGN_S)


def test_loudness_that_is_no_speech_costs_no_connection() -> None:
    """The engine lives and hears nothing in it."""
    world = World([Line("please", until="", patience_s=3.0)], talk.mind(), faults=[], limit_s=30, ear=False)
    for at in range(6):
        world.at(0.2 + at, lambda: world.post(ev.CallerLoud()))
    assert len(world.run().sessions) == 1


def test_what_is_said_while_the_line_is_down_is_expected_to_be_heard() -> None:
    """The next connection takes the sound, and never says a word about it."""
    down = [Fault(Drop(), At(0.6)), Fault(Refuse(503), On("connect", 2, times=3)), Fault(Stall(), At(3.0))]
    lines = [Line(talk.question(number), until=talk.OVER) for number in range(2)]
    world = World(lines, talk.mind(), faults=down, seed=3, limit_s=120).run()
    assert_all_is_well(world, within_s=6.0)


def test_the_next_connection_falls_silent_too_before_it_has_heard_a_word() -> None:
    faults = [Fault(Stall(), On("conversation.item.added")), Fault(HalfOpen(), On("session.updated", 2))]
    lines = [Line(talk.question(number), until=talk.OVER) for number in range(2)]
    assert_all_is_well(World(lines, talk.mind(), faults=faults, limit_s=60).run(), within_s=8.0)


def test_the_turn_ended_and_was_never_committed() -> None:
    assert_all_is_well(ask(Stall(), On("input_audio_buffer.committed")), within_s=SIGN_S)


def test_one_committed_is_missing() -> None:
    world = ask(Lose(), On("input_audio_buffer.committed"))
    assert_all_is_well(world, within_s=1.0)
    assert len(world.sessions) == 1, "the item itself says that it was made"


def test_one_end_of_speech_is_missing() -> None:
    assert_all_is_well(ask(Lose(), On("input_audio_buffer.speech_stopped")), within_s=1.0)


def test_a_reply_was_asked_for_and_nothing_came() -> None:
    assert_all_is_well(ask(Stall(), On("response.create")), within_s=SIGN_S)


def test_the_beginning_of_a_reply_is_missing() -> None:
    world = ask(Lose(), On("response.created"))
    assert_all_is_well(world, within_s=1.0)
    assert len(world.sessions) == 1


def test_a_reply_began_and_never_went_on() -> None:
    assert_all_is_well(ask(Stuck(), On("response.created")), within_s=10.0)


def test_a_reply_broke_off_in_the_middle() -> None:
    assert_all_is_well(ask(Stuck(), On("response.output_audio.delta", 3)), within_s=5.0)


def test_nobody_is_behind_the_connection() -> None:
    assert_all_is_well(ask(HalfOpen(), At(0.3)), within_s=SIGN_S)


@pytest.mark.parametrize("booking", [False, True])
def test_the_end_of_a_reply_is_never_told(booking: bool) -> None:
    world = ask(Lose(), On("response.done"), booking=booking)
    assert_all_is_well(world, within_s=4.0)
    assert len(world.sessions) == 1


def test_the_end_of_a_reply_is_told_late() -> None:
    world = ask(Fault(Late(40, 4_000.0), On("response.done")))
    assert_all_is_well(world, within_s=2.5)
    assert len(world.sessions) == 1


@pytest.mark.parametrize(
    "type", ["response.output_audio_transcript.done", "response.output_item.done", "response.done"]
)
def test_the_connection_goes_with_the_last_word_of_a_reply(type: str) -> None:
    assert_all_is_well(ask(Drop(), On(type)), within_s=1.5)


def test_a_model_that_announces_its_calls_is_asked_again_rather_than_never() -> None:
    """What was said may have been the announcement, and the call is lost with the connection."""

    def think(asked: Asked) -> Reply:
        if any(item.kind == "output" for item in asked.belief):
            return Reply((f"k0 is booked {talk.OVER}",))
        return Reply(("let me see",), calls=(FunctionWish("book", '"k0"'),))

    drop = Fault(Drop(), On("response.output_item.done", 3))
    lines = [Line("please book k0 now", until=talk.OVER), Line("please book k0 now", until=talk.OVER)]
    world = World(lines, obedient(think), faults=[drop], limit_s=60).run()
    assert world.person.turns[-1].answer


def test_a_calls_last_event_is_missing() -> None:
    """`response.done` carries the whole output: the call is in there."""
    assert_all_is_well(ask(Lose(), On("response.output_item.done"), booking=True), within_s=2.0)


def test_a_transcript_is_missing_and_the_connection_goes_later() -> None:
    lost = [Fault(Lose(), On("conversation.item.input_audio_transcription.completed")), Fault(Drop(), At(4.0))]
    lines = [Line(talk.question(number), until=talk.OVER) for number in range(2)]
    assert_all_is_well(World(lines, talk.mind(), faults=lost, limit_s=60).run(), within_s=2.0)


# What comes makes no sense


def test_a_turn_that_is_committed_thrice_is_one_turn() -> None:
    world = ask(Duplicate(2), On("input_audio_buffer.committed"), booking=True)
    assert_all_is_well(world, within_s=2.5)


def test_a_call_that_nobody_made_is_not_run() -> None:
    world = ask(WrongIds(), On("response.output_item.done"), booking=True)
    assert_all_is_well(world, within_s=2.5)


def test_a_turn_that_nobody_spoke_is_not_answered() -> None:
    assert_all_is_well(ask(WrongIds(), On("input_audio_buffer.committed"), booking=True), within_s=2.5)


def test_a_reply_that_nobody_asked_for_is_not_waited_for() -> None:
    assert_all_is_well(ask(WrongIds(), On("response.created")), within_s=1.0)


def test_a_call_said_twice_is_run_once() -> None:
    world = ask(Duplicate(3), On("response.output_item.done"), booking=True)
    assert_all_is_well(world, within_s=2.5)


def test_sound_after_the_end_is_not_played() -> None:
    world = ask(LateDeltas(3), On("response.done"))
    assert world.person.turns[0].answer == talk.answer("k0", booked=False).split()


def test_sound_after_the_end_moves_no_cut() -> None:
    """The second answer is interrupted: what is cut is cut where it was heard, and only that."""
    lines = [
        Line(talk.question(0), until=talk.OVER),
        Line(talk.question(2), until=talk.OVER),
        Line(talk.question(3), until=talk.OVER, interrupt_after=3),
    ]
    world = World(lines, talk.mind(), faults=[Fault(LateDeltas(3), On("response.done"))]).run()
    assert [code for server in world.sessions for code in server.complaints] == []
    first = next(item for item in world.sessions[-1].belief() if item.kind == "assistant")
    assert first.text == talk.answer("k0", booked=False)


def test_a_result_that_was_refused_is_given_again() -> None:
    for code in ("rate_limit_exceeded", "server_error"):
        world = ask(RefuseEvent(code), On("conversation.item.create"), booking=True)
        assert_all_is_well(world, within_s=8.0)


def test_a_question_for_a_reply_that_was_refused_is_asked_again() -> None:
    for code in ("rate_limit_exceeded", "conversation_already_has_active_response", "server_error"):
        assert_all_is_well(ask(RefuseEvent(code), On("response.create")), within_s=8.0)


@pytest.mark.parametrize("kind", ["not_json", "not_an_object", "no_type", "unknown_event", "empty"])
def test_rubbish_at_every_event_of_an_answer(kind: str) -> None:
    rubbish = Garbage(kind)  # type: ignore[arg-type]
    assert_all_is_well(ask(rubbish, On("response.output_audio.delta", 1, 99)), within_s=2.0)


def test_a_key_that_is_refused_ends_the_call_with_a_reason() -> None:
    faults = [Fault(Drop(), At(1.0)), Fault(Refuse(401), On("connect", 2))]
    world = World([Line(talk.question(0), until=talk.OVER)], talk.mind(), faults=faults).run()
    assert world.hung_up is not None
    assert world.hung_up.reason
    assert isinstance(world.log[-1].event, ev.LinkLost)
