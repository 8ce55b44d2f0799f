"""The ledger: what was given to the far end, and how much of it was heard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.session.playback import REMEMBERED, Ledger
from voice.session.round_trip import RoundTrip


def ledger(*, marks: bool = False) -> Ledger:
    return Ledger(marks=marks, mark_every_ms=400)


def queue(book: Ledger, ms: float, now: float, item_id: str = "a", response_id: str = "r") -> bool:
    return book.queue(response_id, item_id, 0, ms, now)


def test_sound_is_heard_as_time_passes_and_never_more_than_was_queued() -> None:
    book = ledger()
    queue(book, 1_000, 5.0)
    assert book.position_ms(5.0) == 0
    assert book.position_ms(5.4) == pytest.approx(400)
    assert book.position_ms(9.0) == 1_000


def test_a_gap_in_the_sound_is_not_heard() -> None:
    book = ledger()
    queue(book, 100, 0.0)
    queue(book, 100, 3.0)
    assert book.position_ms(3.05) == pytest.approx(150)


def test_a_report_moves_the_position_and_time_goes_on_from_there() -> None:
    book = ledger()
    queue(book, 1_000, 0.0)
    assert book.played(0, 300, 2.0, 0.5)
    assert book.position_ms(0.6) == pytest.approx(400)
    assert book.uncertainty_ms == 2.0


def test_an_older_report_that_comes_late_moves_nothing_back() -> None:
    book = ledger()
    queue(book, 1_000, 0.0)
    book.played(0, 600, 0, 0.7)
    assert book.played(0, 400, 9.0, 0.71)
    assert book.position_ms(0.71) == pytest.approx(610)
    assert book.uncertainty_ms == 0


def test_a_report_of_an_epoch_that_is_over_is_refused() -> None:
    book = ledger()
    queue(book, 1_000, 0.0)
    book.cut(0.5)
    queue(book, 1_000, 0.6, "b")
    assert not book.played(0, 900, 0, 0.7)
    assert book.position_ms(0.7) == pytest.approx(100)


def test_a_report_beyond_what_was_queued_is_taken_for_all_of_it() -> None:
    book = ledger()
    queue(book, 200, 0.0)
    book.played(0, 5_000, 0, 0.1)
    assert book.heard_ms("a", 0.1) == 200


def test_no_time_passes_a_mark_that_did_not_come_back() -> None:
    book = ledger(marks=True)
    assert not queue(book, 200, 0.0)
    assert queue(book, 200, 0.0), "a mark is due every 400 ms"
    assert book.mark() == 400
    queue(book, 300, 0.1)
    assert book.wants_mark
    assert book.position_ms(2.0) == 400
    book.played(0, 400, 0, 2.0)
    assert book.position_ms(2.1) == pytest.approx(500)


def test_a_mark_that_never_comes_back_does_not_sound_for_ever() -> None:
    book = ledger(marks=True)
    queue(book, 400, 0.0)
    book.mark()
    deadline = book.deadline()
    assert deadline is not None
    assert deadline.at == pytest.approx(0.8), "twice the wait"
    assert not book.run_dry(0.79)
    assert book.run_dry(deadline.at)
    assert book.deadline() is None


def test_without_marks_none_is_wanted() -> None:
    book = ledger()
    assert not queue(book, 5_000, 0.0)
    assert not book.wants_mark


def test_no_more_of_an_item_is_heard_than_was_sent_of_it_however_long_the_next_one_sounds() -> None:
    book = ledger()
    queue(book, 300, 0.0, "a")
    queue(book, 700, 0.0, "b")
    assert book.heard_ms("a", 0.8) == 300
    assert book.heard_ms("b", 0.8) == pytest.approx(500)
    assert [(cut.item_id, cut.heard_ms) for cut in book.cut(0.8)] == [("a", 300), ("b", 500)]


def test_a_cut_names_each_item_that_was_not_heard_to_its_end() -> None:
    book = ledger()
    queue(book, 500, 0.0, "a")
    queue(book, 500, 0.0, "b")
    queue(book, 500, 0.0, "c")
    for item_id in "abc":
        book.finish(item_id)
    cuts = {cut.item_id: cut for cut in book.cut(0.7)}
    assert set(cuts) == {"b", "c"}
    assert cuts["b"].heard_ms in (199, 200)
    assert cuts["c"].heard_ms == 0
    assert cuts["c"].received_ms == 500
    assert book.epoch == 1


def test_an_item_that_is_still_being_made_is_cut_also_when_all_of_it_was_heard() -> None:
    book = ledger()
    queue(book, 500, 0.0)
    assert [cut.heard_ms for cut in book.cut(2.0)] == [500]


def test_when_no_more_will_come_what_was_heard_is_complete() -> None:
    book = ledger()
    queue(book, 500, 0.0)
    book.finish_all()
    assert book.cut(2.0) == []


def test_heard_is_in_whole_milliseconds_and_never_rounded_up() -> None:
    book = ledger()
    queue(book, 1_000, 0.0)
    (cut,) = book.cut(0.6009)
    assert cut.heard_ms == 600


def test_the_sound_ends_when_it_was_all_heard() -> None:
    book = ledger()
    queue(book, 300, 1.0)
    deadline = book.deadline()
    assert deadline is not None
    assert deadline.at == pytest.approx(1.3)
    assert not book.run_dry(1.29)
    assert book.run_dry(1.31)
    assert not book.sounding(1.31)


def test_complete_items_are_forgotten_and_their_length_is_remembered() -> None:
    book = ledger()
    queue(book, 300, 1.0, "a")
    book.finish("a")
    queue(book, 300, 1.0, "b")
    book.settle()
    assert list(book.items) == ["b"]
    assert book.received_ms("a") == 300
    assert book.received_ms("b") == 300
    assert book.received_ms("unknown") == 0


def test_the_memory_of_lengths_is_bounded() -> None:
    book = ledger()
    for number in range(3 * REMEMBERED):
        queue(book, 20, float(number), f"item_{number}")
        book.finish(f"item_{number}")
        book.settle()
    assert len(book._received) == REMEMBERED
    assert book.items == {}


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("queue"), st.sampled_from("abc"), st.floats(1, 900)),
        st.tuples(st.just("wait"), st.just(""), st.floats(0, 1.5)),
        st.tuples(st.just("report"), st.just(""), st.floats(0, 1.2)),
        st.tuples(st.just("finish"), st.sampled_from("abc"), st.just(0.0)),
        st.tuples(st.just("cut"), st.just(""), st.just(0.0)),
        st.tuples(st.just("mark"), st.just(""), st.just(0.0)),
        st.tuples(st.just("dry"), st.just(""), st.just(0.0)),
    ),
    max_size=40,
)


@given(STEPS, st.booleans())
def test_heard_never_exceeds_received_and_never_goes_back(steps: list[tuple[str, str, float]], marks: bool) -> None:
    book = ledger(marks=marks)
    now, epoch, cut = 0.0, 0, set[str]()
    heard: dict[str, float] = {}
    for what, name, amount in steps:
        item_id = f"{name}{book.epoch}"
        if what == "queue":
            queue(book, amount, now, item_id)
        elif what == "wait":
            now += amount
        elif what == "report":
            book.played(book.epoch, amount * book.queued_ms, 0, now)
        elif what == "finish":
            book.finish(item_id)
        elif what == "mark" and book.wants_mark:
            book.mark()
        elif what == "dry":
            if book.run_dry(now):
                book.settle()
        elif what == "cut":
            for each in book.cut(now):
                assert 0 <= each.heard_ms <= each.received_ms
                assert each.item_id not in cut, "an item is cut once"
                cut.add(each.item_id)
            epoch += 1
            heard = {}
        assert book.epoch == epoch
        assert 0 <= book.position_ms(now) <= book.queued_ms
        for item in book.items.values():
            so_far = book.heard_ms(item.item_id, now)
            assert heard.get(item.item_id, 0.0) - 1e-6 <= so_far <= item.received_ms
            heard[item.item_id] = so_far


# How good a cut was


def device(held_ms: float) -> Ledger:
    """Behind a second of sound, of which 400 ms were reported."""
    book = ledger()
    queue(book, 1_000, 0.0)
    book.played(0, 400, 20, 0.4, held_ms)
    return book


def test_what_the_device_holds_counts_as_heard() -> None:
    (cut,) = device(45.0).cut(0.5)
    assert cut.heard_ms == 545


def test_the_last_report_of_the_old_epoch_says_how_good_the_cut_was() -> None:
    book = device(45.0)
    book.cut(0.5)
    queue(book, 1_000, 0.51, "b")
    book.played(0, 520, 20, 0.52, 45.0)
    book.played(0, 540, 20, 0.54, 45.0)
    assert book.truncation_error_ms(0.6) is None, "more may come"
    deadline = book.guess_deadline()
    assert deadline is not None
    assert book.truncation_error_ms(deadline.at) == pytest.approx(5.0)
    assert book.truncation_error_ms(deadline.at + 1) is None, "once"


def test_where_nothing_is_reported_any_more_nothing_is_claimed() -> None:
    book = device(45.0)
    book.cut(0.5)
    assert book.truncation_error_ms(9.0) is None
    book = device(0.0)
    book.cut(0.5)
    assert book.guess_deadline() is None


def test_the_way_of_a_mark_back_and_of_the_stop_there_counts_as_heard() -> None:
    """80 ms there and back: the mark behind 400 ms comes after 480 ms."""
    book = ledger(marks=True)
    queue(book, 400, 0.0)
    book.mark()
    queue(book, 1_600, 0.1)
    book.mark()
    book.played(0, 400, 0, 0.48)
    (cut,) = book.cut(0.70)
    assert cut.heard_ms == 700, "it began 40 ms late and stops 40 ms late"


def test_the_shortest_way_is_the_lines_own() -> None:
    way = RoundTrip()
    for took_s in (0.53, 0.48, 0.61):
        way.began(0.0, 10.0)
        way.echoed(400.0, 10.0 + took_s)
    assert way.ms == pytest.approx(80)


def test_a_mark_of_a_stretch_whose_beginning_is_not_known_teaches_nothing() -> None:
    way = RoundTrip()
    way.echoed(400.0, 1.0)
    way.began(0.0, 2.0)
    way.stopped()
    way.echoed(400.0, 2.5)
    assert way.ms == 0
