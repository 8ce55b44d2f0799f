"""The instrument that counts calls answered twice: it finds none, and would find one."""

from __future__ import annotations

from tests.benchmarks.tools import book, executor, talk
from voice.session.effects import RunTool
from voice.tools.executor import Executor


def test_no_call_is_answered_or_acts_twice_or_without_leave() -> None:
    books = [book(talk(seed, seconds=16.0)) for seed in range(12)]
    assert sum(one.calls for one in books) > 50
    assert sum(one.approved for one in books) > 3
    assert {(one.answered_twice, one.acted_twice, one.acted_unapproved) for one in books} == {(0, 0, 0)}


def test_a_call_that_acts_twice_and_without_leave_would_be_seen() -> None:
    room = talk(1, seconds=6.0)
    clean = book(room)
    for _ in range(2):
        room.log[-1].effects.append(RunTool("planted", "wipe", "{}"))
    seen = book(room)
    assert (seen.acted_twice - clean.acted_twice, seen.acted_unapproved - clean.acted_unapproved) == (1, 2)


def test_an_answer_that_came_twice_would_be_seen() -> None:
    room = talk(1, seconds=6.0)
    room.engine.errors.append("call_answered_twice")
    assert book(room).answered_twice == 1


def test_the_guarded_tool_runs() -> None:
    assert isinstance(executor(), Executor)
