"""Names by counting."""

from __future__ import annotations

from voice.protocol.ids import Ids


def everything(ids: Ids) -> list[str]:
    return [
        ids.session,
        ids.conversation,
        *(make() for _ in range(3) for make in (ids.item, ids.response, ids.call, ids.event)),
    ]


def test_the_same_seed_gives_the_same_names() -> None:
    assert everything(Ids("a1")) == everything(Ids("a1"))


def test_no_name_is_given_twice() -> None:
    names = everything(Ids("a1")) + everything(Ids("b2"))
    assert len(set(names)) == len(names)


def test_a_name_says_what_it_is_for() -> None:
    ids = Ids("a1")
    assert [ids.session, ids.conversation] == ["sess_a1", "conv_a1"]
    assert [ids.item(), ids.item(), ids.response(), ids.call(), ids.event()] == [
        "item_a1_1",
        "item_a1_2",
        "resp_a1_1",
        "call_a1_1",
        "event_a1_1",
    ]


def test_a_session_has_one_name() -> None:
    ids = Ids("a1")
    assert ids.session == ids.session
