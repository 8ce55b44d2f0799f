"""What each intent does: call a tool, or say something.

Pure: an intent and its slots in, a decision out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from voice.engines.brain.grammar import Match


@dataclass(frozen=True, slots=True)
class Call:
    """Call this tool."""

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Speak:
    """Say this line of `answers.yaml`."""

    key: str


@dataclass(frozen=True, slots=True)
class Cannot:
    """Say honestly that this is not possible; a client's own tool may know better."""

    intent: str


Action = Call | Speak | Cannot
Slots = Mapping[str, Any]


def action_of(match: Match) -> Action:
    """What a matched intent asks for."""
    if match.intent.startswith("Cannot"):
        return Cannot(match.intent)
    if (line := LINES.get(match.intent)) is not None:
        return Speak(line)
    return CALLS[match.intent](match.slots)


def figure(value: Fraction) -> int | float:
    """A number as JSON writes it."""
    return int(value) if value.denominator == 1 else float(value)


def _present(slots: Slots, *names: str) -> dict[str, Any]:
    return {name: slots[name] for name in names if name in slots}


def _named(slots: Slots) -> dict[str, Any]:
    return {"name": slots["name"].lower()} if "name" in slots else {}


def _set_timer(slots: Slots) -> Action:
    return Call("set_timer", {"duration_s": figure(slots["duration"]), **_named(slots)})


def _convert(slots: Slots) -> Action:
    value = figure(slots.get("value", Fraction(1)))
    return Call("convert_units", {"value": value, "from_unit": slots["from"], "to_unit": slots["to"]})


def _dice(slots: Slots) -> Action:
    return Call("roll_dice", {name: figure(slots[name]) for name in ("count", "sides") if name in slots})


def _random(slots: Slots) -> Action:
    return Call("random_number", {name: figure(Fraction(slots[name])) for name in ("low", "high") if name in slots})


CALLS: dict[str, Callable[[Slots], Action]] = {
    "TimeNow": lambda slots: Call("get_time", _present(slots, "place")),
    "DateToday": lambda slots: Call("get_date", _present(slots, "day")),
    "SetTimer": _set_timer,
    "TimerLeft": lambda slots: Call("list_timers", _named(slots)),
    "CancelTimer": lambda slots: Call("cancel_timer", {**_named(slots), **_present(slots, "all")}),
    "Calculate": lambda slots: Call("calculate", {"expression": slots["expression"]}),
    "Convert": _convert,
    "Remember": lambda slots: Call("remember", {"text": slots["note"]}),
    "MyNameIs": lambda slots: Call("remember", {"text": f"my name is {slots['name']}"}),
    "Recall": lambda slots: Call("recall", {"query": slots["query"]}),
    "RecallAll": lambda slots: Call("recall"),
    "Forget": lambda slots: Call("forget", {"query": slots["query"]}),
    "ForgetAll": lambda slots: Call("forget_notes"),
    "Spell": lambda slots: Call("spell", {"text": slots["word"]}),
    "FlipCoin": lambda slots: Call("flip_coin"),
    "RollDice": _dice,
    "RandomNumber": _random,
}

LINES: dict[str, str] = {
    "AskDuration": "ask_duration",
    "Repeat": "repeat",
    "Stop": "stop",
    "Help": "help",
    "Hello": "hello",
    "Hear": "hear",
    "HowAreYou": "how_are_you",
    "Fine": "fine",
    "No": "no",
    "Thanks": "thanks",
    "Goodbye": "goodbye",
    "WhoAreYou": "who",
    "Human": "human",
    "Maker": "maker",
    "Compliment": "compliment",
    "Complaint": "complaint",
    "Joke": "jokes",
}
