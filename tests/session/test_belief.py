"""From a probability for every moment to: nobody, somebody, wants the floor."""

from __future__ import annotations

from dataclasses import replace

import pytest

from voice.session.belief import Belief, BeliefRules, Leaning

RULES = BeliefRules()
STEP_S = 0.032
Kinds = tuple[float, ...]

NOBODY: Kinds = (0.02, 0.02, 0.02, 0.02, 0.92)
UNSURE: Kinds = (0.5, 0.4, 0.05, 0.03, 0.02)
WANTS: Kinds = (0.97, 0.01, 0.01, 0.0, 0.01)
LIKELY: Kinds = (0.8, 0.15, 0.02, 0.01, 0.02)
AGREES: Kinds = (0.1, 0.88, 0.01, 0.0, 0.01)
COUGHS: Kinds = (0.1, 0.03, 0.85, 0.0, 0.02)
ELSEWHERE: Kinds = (0.1, 0.03, 0.02, 0.83, 0.02)


def led_by(*moments: Kinds, gone_ms: float = 0.0) -> list[Leaning]:
    belief = Belief(RULES)
    return [belief.hear(kinds, gone_ms=gone_ms, now=5 + number * STEP_S) for number, kinds in enumerate(moments)]


@pytest.mark.parametrize("kinds", [NOBODY, COUGHS, ELSEWHERE])
def test_what_is_not_said_to_us_is_nobody(kinds: Kinds) -> None:
    assert set(led_by(*[kinds] * 40)) == {Leaning.NOBODY}


def test_the_first_sign_is_somebody() -> None:
    assert led_by(NOBODY, UNSURE)[-1] is Leaning.SOMEBODY


def test_the_sure_need_less_time_than_the_likely() -> None:
    sure, likely = led_by(*[WANTS] * 20), led_by(*[LIKELY] * 20)
    assert sure.index(Leaning.WANTS) == RULES.moments - 1
    assert likely.index(Leaning.WANTS) == pytest.approx(RULES.early_ms / 32, abs=1.1)


def test_one_moment_is_not_enough() -> None:
    assert Leaning.WANTS not in led_by(UNSURE, WANTS, UNSURE)


def test_somebody_who_agrees_for_long_never_takes_the_floor() -> None:
    assert Leaning.WANTS not in led_by(*[AGREES] * 60)


def test_a_word_that_is_over_is_judged_with_less() -> None:
    between = (RULES.after + RULES.likely) / 2
    half = (between, 0.95 - between, 0.02, 0.01, 0.02)
    assert Leaning.WANTS not in led_by(*[half] * 20)
    assert led_by(half, half, gone_ms=RULES.gone_ms)[-1] is Leaning.WANTS


def test_calm_gives_back_what_one_calm_moment_does_not() -> None:
    assert led_by(UNSURE, COUGHS)[-1] is Leaning.UNSURE
    assert led_by(UNSURE, *[COUGHS] * RULES.calm)[-1] is Leaning.NOBODY


def test_what_was_heard_before_the_reply_is_past() -> None:
    belief = Belief(replace(RULES, moments=1))
    belief.hear(UNSURE, gone_ms=0.0, now=5.0)
    belief.forget()
    assert belief.hear(COUGHS, gone_ms=0.0, now=6.0) is Leaning.NOBODY
