"""How far a reply is."""

from __future__ import annotations

from voice.session.progress import TWIN_S, Progress


def test_a_reply_is_complete_when_every_item_that_was_begun_is_done() -> None:
    progress = Progress()
    progress.restart(1.0)
    complete = [progress.complete]
    progress.begin("a")
    progress.begin("b")
    progress.end("a", 2.0)
    complete.append(progress.complete)
    progress.end("b", 3.0)
    complete.append(progress.complete)
    assert complete == [False, False, True]
    assert progress.ended_at == 3.0


def test_an_item_ends_once_and_only_when_it_was_begun() -> None:
    progress = Progress()
    progress.restart(1.0)
    assert not progress.end("a", 2.0)
    progress.begin("a")
    assert progress.end("a", 2.0)
    assert not progress.end("a", 3.0)
    assert progress.ended_at == 2.0


def test_an_item_that_turns_out_incomplete_is_open_again() -> None:
    progress = Progress()
    progress.restart(1.0)
    assert not progress.reopen("a")
    progress.begin("a")
    progress.end("a", 2.0)
    assert progress.reopen("a")
    assert not progress.complete


def test_it_has_just_begun_until_something_comes_or_a_moment_passes() -> None:
    progress = Progress()
    progress.restart(0.0)
    assert progress.just_began(0.0)
    assert not progress.just_began(TWIN_S)
    progress.begin("a")
    assert not progress.just_began(0.0)


def test_the_next_reply_begins_with_nothing() -> None:
    progress = Progress()
    progress.restart(1.0)
    progress.begin("a")
    progress.end("a", 2.0)
    progress.restart(3.0)
    assert not progress.complete
    assert progress.ended == frozenset()
