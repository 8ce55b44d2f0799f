"""What all models share, seen on models of our own making."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import ValidationError

from voice.protocol.wire import TOLERANT, Count, Filled, Kept, OneOf, Whole, Wire


class Cat(Wire):
    kind: Literal["cat"] = "cat"
    lives: int


class Dog(Wire):
    kind: Literal["dog"] = "dog"


class Stranger(Wire):
    kind: str = ""


class House(Wire):
    nulls: ClassVar[frozenset[str]] = frozenset({"cellar"})
    never_null: ClassVar[frozenset[str]] = frozenset({"garden"})

    rooms: Whole = 1
    doors: Count = 2
    cellar: str | None = None
    attic: str | None = None
    garden: str | None = None
    colour: Annotated[Literal["red", "blue"], Kept, Filled] = "red"
    pet: Annotated[Cat | Dog | Stranger, OneOf("kind", {"cat": Cat, "dog": Dog}, unknown=Stranger)] | None = None


def written(house: House) -> dict[str, Any]:
    return house.model_dump(exclude_unset=True)


def from_a_server(**fields: Any) -> House:
    return House.model_validate(fields, context=TOLERANT)


def test_defaults_and_wanted_nulls_are_written_and_nothing_else() -> None:
    assert written(House()) == {"rooms": 1, "doors": 2, "cellar": None, "colour": "red"}


def test_null_is_written_when_somebody_set_it() -> None:
    assert written(House(attic=None))["attic"] is None


def test_null_is_not_written_where_clients_refuse_it() -> None:
    assert "garden" not in written(House(garden=None))
    assert written(House(garden="roses"))["garden"] == "roses"


def test_what_was_set_later_is_written() -> None:
    house = House()
    house.attic = "dusty"
    assert written(house)["attic"] == "dusty"


@pytest.mark.parametrize("rooms", [2.4, "2", None, -1, True, 2**53])
def test_a_client_counts_in_whole_numbers(rooms: Any) -> None:
    with pytest.raises(ValidationError):
        House(rooms=rooms)


def test_a_server_is_met_half_way() -> None:
    house = from_a_server(rooms=2.4, doors=None, colour="green", attic="x")
    assert (house.rooms, house.doors, house.colour, house.attic) == (2, 2, "green", "x")
    assert from_a_server(colour=None).colour == "red"


@pytest.mark.parametrize("rooms", [float("inf"), float("nan"), "2", None])
def test_but_not_further(rooms: Any) -> None:
    with pytest.raises(ValidationError):
        from_a_server(rooms=rooms)


def test_a_kind_is_chosen_by_its_tag() -> None:
    assert House.model_validate({"pet": {"kind": "cat", "lives": 9}}).pet == Cat(lives=9)
    assert House(pet=Dog()).pet == Dog()


@pytest.mark.parametrize("pet", [{}, {"kind": "bird"}, {"kind": ["cat"]}, {"kind": "cat"}, "cat", 5])
def test_a_client_is_refused_a_kind_we_do_not_know(pet: Any) -> None:
    with pytest.raises(ValidationError):
        House.model_validate({"pet": pet})


@pytest.mark.parametrize("pet", [{"kind": "bird", "wings": 2}, {"wings": 2}, {"kind": "cat", "lives": "many"}])
def test_a_server_s_kind_that_we_do_not_know_is_kept_whole(pet: dict[str, Any]) -> None:
    kept = from_a_server(pet=pet).pet
    assert type(kept) is Stranger
    assert {"kind": "", **pet} == kept.model_dump()


def test_importing_builds_nothing_and_building_builds_all() -> None:
    code = (
        "from voice.protocol.codec import CLIENT_EVENTS, SERVER_EVENTS, build_models\n"
        "events = [*CLIENT_EVENTS.values(), *SERVER_EVENTS.values()]\n"
        "assert not any(event.__pydantic_complete__ for event in events)\n"
        "build_models()\n"
        "assert all(event.__pydantic_complete__ for event in events)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
