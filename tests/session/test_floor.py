"""Who gets the floor when the person makes a sound while the assistant speaks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.world.engine import Plan
from tests.world.room import Room
from voice.protocol.client_events import ConversationItemTruncate, ResponseCancel, ResponseCreate
from voice.session import effects as ef
from voice.session.events import CallerSpeech
from voice.session.floor import FloorControl, Verdict
from voice.session.rules import FloorRules, PhraseLists

PHRASES = PhraseLists(
    acknowledgements=frozenset({"mm-hm", "yeah", "right", "i see"}),
    interruptions=frozenset({"stop", "wait"}),
    holds=frozenset({"hold on"}),
)
RULES = FloorRules(phrases=PHRASES)


def speech(stage: str, ms: float, *, level: float = -25.0, echo: float = 0.0, late: float = 60.0) -> CallerSpeech:
    return CallerSpeech(stage, ms, late, level, -60.0, echo, 0.9)  # type: ignore[arg-type]


def control(rules: FloorRules = RULES) -> FloorControl:
    floor = FloorControl(rules)
    floor.sounding(0.0)
    return floor


def test_the_first_sign_only_ducks() -> None:
    assert control().hear(speech("onset", 60), 5.0) is Verdict.DUCK


def test_enough_speech_takes_the_floor_once() -> None:
    floor = control()
    verdicts = [floor.hear(speech("onset" if ms == 60 else "going", ms), 5.0 + ms / 1000) for ms in range(60, 700, 40)]
    assert verdicts[0] is Verdict.DUCK
    assert verdicts.count(Verdict.YIELD) == 1
    assert verdicts.index(Verdict.YIELD) == -(-(RULES.yield_ms - 60) // 40)


def test_a_short_sound_is_given_back_when_no_words_come() -> None:
    floor = control()
    floor.hear(speech("onset", 60), 5.06)
    assert floor.hear(speech("offset", 300, late=100), 5.4) is Verdict.NOTHING
    deadline = floor.deadline()
    assert deadline is not None
    assert deadline.at == pytest.approx(5.55)
    assert floor.tick(deadline.at) is Verdict.RESTORE
    assert floor.dismissed


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("Mm-hm.", Verdict.RESTORE),
        ("Right", Verdict.RESTORE),
        ("I see!", Verdict.RESTORE),
        ("Stop!", Verdict.YIELD),
        ("wait a second", Verdict.YIELD),
        ("what about tomorrow", Verdict.YIELD),
        ("yeah right", Verdict.NOTHING),
        ("", Verdict.NOTHING),
    ],
)
def test_words_decide_before_time_does(words: str, verdict: Verdict) -> None:
    floor = control()
    floor.hear(speech("onset", 60), 5.0)
    assert floor.words(words, 5.2) is verdict


def test_an_acknowledgement_that_goes_on_is_an_interruption() -> None:
    floor = control()
    floor.hear(speech("onset", 60), 5.0)
    assert floor.words("right", 5.2) is Verdict.RESTORE
    assert floor.hear(speech("going", 600), 5.6) is Verdict.YIELD


def test_our_own_echo_never_ducks() -> None:
    floor = control()
    assert [floor.hear(speech("going", ms, echo=0.9), 5 + ms / 1000) for ms in (60, 500, 900)] == [Verdict.NOTHING] * 3


def test_a_dip_in_our_own_echo_is_nobody() -> None:
    floor = control()
    for ms in range(60, 700, 32):
        floor.hear(speech("going", ms, echo=0.95), 5 + ms / 1000)
    dip = [floor.hear(speech("going", ms, echo=0.2), 5 + ms / 1000) for ms in range(700, 956, 32)]
    assert Verdict.YIELD not in dip


def test_a_person_who_goes_on_over_our_echo_is_heard() -> None:
    floor = control()
    for ms in range(60, 700, 32):
        floor.hear(speech("going", ms, echo=0.95), 5 + ms / 1000)
    over = [floor.hear(speech("going", ms, echo=0.1), 5 + ms / 1000) for ms in range(700, 1_200, 32)]
    assert Verdict.YIELD in over


def test_one_glimpse_of_echo_in_speech_changes_nothing() -> None:
    floor = control()
    floor.hear(speech("onset", 60), 5.06)
    assert floor.hear(speech("going", 124, echo=0.9), 5.12) is Verdict.NOTHING
    assert floor.hear(speech("going", RULES.yield_ms + 64), 5.65) is Verdict.YIELD


def test_what_is_hardly_above_the_line_is_the_line() -> None:
    assert control().hear(speech("onset", 60, level=-55), 5.0) is Verdict.NOTHING


def test_somebody_softer_than_the_person_has_to_insist() -> None:
    floor = FloorControl(RULES)
    floor.hear(speech("onset", 60, level=-20), 1.0)
    floor.hear(speech("going", 800, level=-20), 1.8)
    floor.hear(speech("offset", 900, level=-20), 2.0)
    floor.sounding(3.0)
    verdicts = [floor.hear(speech("going", ms, level=-38), 5 + ms / 1000) for ms in (60, 500, 900)]
    assert verdicts == [Verdict.DUCK, Verdict.NOTHING, Verdict.NOTHING]
    assert floor.hear(speech("going", RULES.soft_yield_ms, level=-38), 6.5) is Verdict.YIELD


def test_a_cough_is_no_speech_however_loud() -> None:
    floor = control()
    unclear = [replace(speech("going", ms), probability=0.5) for ms in (60, 500, 800)]
    assert [floor.hear(facts, 5 + facts.speech_ms / 1000) for facts in unclear] == [
        Verdict.DUCK,
        *[Verdict.NOTHING] * 2,
    ]


def test_voices_that_were_there_before_the_reply_do_not_stop_it_until_somebody_is_louder() -> None:
    floor = FloorControl(RULES)
    floor.hear(speech("onset", 60, level=-20), 1.0)
    floor.hear(speech("going", 800, level=-20), 1.8)
    floor.hear(speech("offset", 900, level=-20), 2.0)
    floor.hear(speech("onset", 60, level=-32), 2.5)
    floor.hear(speech("going", 1_000, level=-32), 3.5)
    floor.sounding(3.5)
    assert Verdict.YIELD not in [floor.hear(speech("going", ms, level=-32), 2.5 + ms / 1000) for ms in (1_500, 4_000)]
    louder = [floor.hear(speech("going", ms, level=-22), 2.5 + ms / 1000) for ms in (4_200, 4_600)]
    assert louder == [Verdict.NOTHING, Verdict.YIELD]


def test_in_the_grace_after_the_first_sound_more_speech_is_needed() -> None:
    floor = FloorControl(RULES)
    floor.sounding(5.0)
    floor.hear(speech("onset", 60), 5.1)
    assert floor.hear(speech("going", 500), 5.54) is Verdict.NOTHING
    assert floor.hear(speech("going", 580), 5.62) is Verdict.YIELD


def test_an_engine_that_hears_what_our_ear_does_not_is_believed_after_a_while() -> None:
    floor = control()
    assert floor.engine_started(5.0) is Verdict.DUCK
    deadline = floor.deadline()
    assert deadline is not None
    assert floor.tick(deadline.at) is Verdict.YIELD


def test_nothing_is_judged_while_the_assistant_is_silent() -> None:
    floor = FloorControl(RULES)
    assert floor.hear(speech("going", 2_000), 5.0) is Verdict.NOTHING
    assert floor.engine_started(5.0) is Verdict.NOTHING


# By what an ear takes each moment for

WANTS = (0.97, 0.01, 0.01, 0.0, 0.01)
AGREES = (0.15, 0.83, 0.01, 0.0, 0.01)
ECHO = (0.02, 0.02, 0.01, 0.01, 0.94)
ASIDE = (0.05, 0.05, 0.05, 0.8, 0.05)


def believed(
    kinds: tuple[float, ...], *times_ms: float, floor: FloorControl | None = None, echo: float = 0.0
) -> list[Verdict]:
    floor = floor or control()
    return [floor.hear(replace(speech("going", ms, echo=echo), kinds=kinds), 5 + ms / 1000) for ms in times_ms]


def test_who_surely_wants_the_floor_has_it_within_two_moments() -> None:
    assert believed(WANTS, 60, 92) == [Verdict.DUCK, Verdict.YIELD]


def test_who_agrees_ducks_the_assistant_and_gives_it_back_when_the_word_is_over() -> None:
    floor = control()
    assert believed(AGREES, *range(60, 500, 32), floor=floor).count(Verdict.DUCK) == 1
    over = floor.hear(replace(speech("offset", 500, late=192), kinds=AGREES), 5.7)
    assert over is Verdict.RESTORE
    assert floor.dismissed


def test_what_is_nobody_does_nothing_however_long_and_loud() -> None:
    assert set(believed(ECHO, *range(60, 4_000, 32))) == {Verdict.NOTHING}


def test_what_the_far_end_explains_has_not_the_floor_until_something_is_heard_that_it_does_not() -> None:
    floor = control()
    assert believed(WANTS, *range(60, 600, 32), floor=floor, echo=0.9).count(Verdict.YIELD) == 0
    assert believed(WANTS, 620, floor=floor) == [Verdict.YIELD]


LIKELY = (0.8, 0.1, 0.05, 0.0, 0.05)
MURMURS = (0.3, 0.4, 0.2, 0.05, 0.05)


@pytest.mark.parametrize(("while_it_sounded", "after", "taken"), [(0.97, 0.3, False), (0.5, 0.97, True)])
def test_a_voice_that_is_gone_was_ours_if_it_was_while_it_sounded(
    while_it_sounded: float, after: float, taken: bool
) -> None:
    floor = control()
    for ms in range(60, 260, 32):
        floor.hear(replace(speech("going", ms, echo=while_it_sounded, late=8), kinds=LIKELY), 5 + ms / 1000)
    gone = replace(speech("going", 260, echo=after, late=100), kinds=LIKELY)
    assert (floor.hear(gone, 5.36) is Verdict.YIELD) is taken


def test_what_another_voice_was_before_says_nothing_of_one_that_is_gone() -> None:
    """A person speaks, then our echo is heard for so short a time that it is gone when it is judged."""
    floor = control()
    for ms in range(60, 260, 32):
        floor.hear(replace(speech("going", ms, echo=0.1, late=8), kinds=MURMURS), 5 + ms / 1000)
    floor.hear(replace(speech("offset", 260, echo=0.1, late=192), kinds=MURMURS), 5.5)
    floor.hear(replace(speech("onset", 640, echo=0.95, late=640), kinds=MURMURS), 5.9)
    gone = [replace(speech("going", 640, echo=0.98, late=late), kinds=LIKELY) for late in (100, 132, 164)]
    assert Verdict.YIELD not in [floor.hear(each, 6.0 + number / 30) for number, each in enumerate(gone)]


def taken_at(begins: float, kinds: tuple[float, ...]) -> float | None:
    """When a sound has the floor that goes on; the reply sounds from 10.0 on."""
    floor = FloorControl(RULES)
    for ms in range(32, 2_000, 32):
        now = begins + ms / 1000
        if now >= 10.0:
            floor.sounding(10.0)
        stage, late = ("onset", 32) if ms == 32 else ("going", 8)
        if floor.hear(replace(speech(stage, ms, late=late), kinds=kinds), now) is Verdict.YIELD:
            return now
    return None


@pytest.mark.parametrize(
    ("begins", "kinds", "taken"),
    [
        pytest.param(10.2, LIKELY, 11.0, id="with the reply: perhaps its echo"),
        pytest.param(10.2, WANTS, 10.26, id="with the reply, and surely a request"),
        pytest.param(9.9, LIKELY, 10.3, id="before the reply, so not its echo"),
        pytest.param(10.5, LIKELY, 10.83, id="well after its first sound"),
    ],
)
def test_what_begins_with_the_reply_must_be_believed_more_surely_for_a_second(
    begins: float, kinds: tuple[float, ...], taken: float
) -> None:
    assert taken_at(begins, kinds) == pytest.approx(taken, abs=0.05)


def test_an_engine_that_hears_our_echo_is_not_believed_against_an_ear_that_knows() -> None:
    floor = control()
    believed(ECHO, 60, 92, floor=floor)
    assert floor.engine_started(6.5) is Verdict.NOTHING
    assert floor.deadline() is None


def test_an_engine_that_hears_echo_first_is_not_believed_where_the_ear_is_known_to_know() -> None:
    floor = control(replace(RULES, names_moments=True))
    assert floor.engine_started(0.3) is Verdict.NOTHING
    assert floor.deadline() is None


def test_a_pending_reply_is_given_up_for_the_person_and_not_for_a_murmur_far_away() -> None:
    floor = FloorControl(RULES)
    assert floor.hears_the_person(1.0), "an ear that never said anything is perhaps none"
    floor.hear(speech("onset", 60, level=-20), 1.0)
    floor.hear(speech("going", 800, level=-20), 1.8)
    assert floor.hears_the_person(1.9)
    assert not floor.hears_the_person(3.0)
    floor.hear(speech("onset", 60, level=-32), 3.0)
    assert not floor.hears_the_person(3.1)


# In a conversation


def talking_room(said: str = "mm-hm", rules: FloorRules = RULES) -> Room:
    """The assistant speaks for six seconds from 1.7 s on; `said` is what the engine understands of any turn."""
    room = Room(plan=lambda _: Plan(sound_ms=6_000, speed=3), floor=rules, words=lambda _: said)
    room.user_speaks(at=1.0, seconds=0.5)
    return room


def test_an_acknowledgement_ducks_comes_back_and_is_not_answered() -> None:
    room = talking_room()
    room.person_sounds(at=3.0, ms=300)
    room.run(until=9.0)
    assert [type(e) for e in room.effects(ef.Duck) + room.effects(ef.Restore)] == [ef.Duck, ef.Restore]
    assert room.effects(ef.StopPlayback) == []
    assert len(room.sent(ResponseCreate)) == 1
    assert sum(room.speaker.heard.values()) == pytest.approx(6_000), "not a syllable is lost"
    assert room.notes("acknowledged")


MAYBE = (0.4, 0.35, 0.15, 0.05, 0.05)
RATHER_AGREES = (0.35, 0.45, 0.1, 0.05, 0.05)
LAUGHS = (0.05, 0.02, 0.9, 0.01, 0.02)


@pytest.mark.parametrize("words", ["what time is it", "stop"])
@pytest.mark.parametrize(
    ("kinds", "answered"),
    [(MAYBE, True), (RATHER_AGREES, False), (AGREES, False), (LAUGHS, False), (ASIDE, False), (ECHO, False)],
)
def test_a_request_that_was_misjudged_by_its_sound_is_answered_by_its_words_and_what_has_none_is_not(
    kinds: tuple[float, ...], answered: bool, words: str
) -> None:
    room = talking_room(words, replace(RULES, names_moments=True))
    room.person_sounds(at=3.0, ms=600, kinds=kinds)
    room.run(until=6.0)
    assert len(room.sent(ResponseCreate)) == (2 if answered else 1)
    assert len(room.effects(ef.StopPlayback)) == (1 if answered else 0)
    assert room.engine.errors == []


@pytest.mark.parametrize(("kinds", "held"), [(MAYBE, True), (LAUGHS, False), (ASIDE, False), (ECHO, False)])
def test_only_who_speaks_to_us_can_ask_for_quiet(kinds: tuple[float, ...], held: bool) -> None:
    said = iter(("tell me a story", "hold on"))
    room = talking_room("", replace(RULES, names_moments=True))
    room.words = lambda _: next(said)
    room.person_sounds(at=3.0, ms=600, kinds=kinds)
    room.run(until=6.0)
    assert bool(room.notes("holding")) is held
    assert len(room.effects(ef.StopPlayback)) == held


def test_an_interruption_ducks_then_stops_cancels_and_truncates() -> None:
    room = talking_room("what about tomorrow")
    room.person_sounds(at=3.0, ms=1_200)
    room.run(until=5.0)
    ducked_at = next(line.at for line in room.log if any(isinstance(e, ef.Duck) for e in line.effects))
    stopped_at = next(line.at for line in room.log if any(isinstance(e, ef.StopPlayback) for e in line.effects))
    assert ducked_at - 3.0 <= 0.15
    assert stopped_at - 3.0 <= 0.6
    assert len(room.sent(ResponseCancel)) == 0 or len(room.sent(ConversationItemTruncate)) == 1
    assert len(room.sent(ConversationItemTruncate)) == 1
    assert len(room.sent(ResponseCreate)) == 2, "and is answered"
    assert room.engine.errors == []
