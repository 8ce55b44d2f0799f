"""Tool outputs as sentences: one short function per built-in tool, and a plain way for every other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from voice.engines.brain.conversation import AnsweredCall
from voice.engines.brain.phrases import Phrases

SPEAKING_KEYS = (
    "say",
    "speech",
    "message",
    "text",
    "answer",
    "result",
    "summary",
    "output",
    "content",
    "response",
    "status",
)
SPOKEN_LIMIT_CHARS = 600

Output = Mapping[str, Any]
Teller = Callable[[Output, Phrases], str]


def tell(call: AnsweredCall, phrases: Phrases) -> str:
    """The sentence that answers the person, also when the call failed or answered something unexpected."""
    if call.output is None:
        return phrases.say("still_working")
    value = _parsed(call.output)
    teller = TELLERS.get(call.name)
    if teller is not None and isinstance(value, dict):
        try:
            return teller(value, phrases)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            pass  # somebody else's tool of the same name: told plainly
    elif isinstance(value, str) and (refused := _refused(call.name, value, phrases)):
        return refused
    elif teller is not None and isinstance(value, str):
        return phrases.say("failed", reason=_sentence(value))
    return _capped(plainly(value, phrases))


def _refused(tool: str, output: str, phrases: Phrases) -> str:
    """What is said of a call that nobody allowed; "" when that is not what the output tells."""
    for words, key in phrases.table("refusals").items():
        if output.startswith(words):
            of_tool = f"{key}_{tool}"
            return phrases.say(of_tool if phrases.has(of_tool) else key)
    return ""


def plainly(value: object, phrases: Phrases) -> str:
    """Any JSON as a short sentence."""
    if isinstance(value, dict):
        if isinstance(error := value.get("error"), str | dict) and error:
            reason = error if isinstance(error, str) else str(error.get("message", ""))
            return phrases.say("failed", reason=_sentence(reason)).strip()
        speaking = [value[key] for key in SPEAKING_KEYS if isinstance(value.get(key), str) and value[key].strip()]
        if speaking and (len(value) == 1 or len(speaking[0].split()) > 2):
            return _sentence(speaking[0])
    if value is None or value == "" or value == {}:
        return phrases.say("done")
    if value == []:
        return phrases.say("nothing_found")
    if isinstance(value, bool):
        return phrases.say("yes_answer" if value else "no_answer")
    return _sentence(_part(value, phrases, depth=0))


def _part(value: object, phrases: Phrases, *, depth: int) -> str:
    if isinstance(value, dict):
        shown = [
            (key, one)
            for key, one in value.items()
            if one is not None and (depth < 1 or not isinstance(one, dict | list))
        ]
        words = [(_words(str(key)), _part(one, phrases, depth=depth + 1)) for key, one in shown]
        if depth:
            return ", ".join(f"{key} {one}" for key, one in words)
        return phrases.listed([f"{phrases.word('the')} {key} {phrases.word('is')} {one}" for key, one in words])
    if isinstance(value, list):
        return phrases.listed([_part(one, phrases, depth=depth + 1) for one in value])
    if isinstance(value, bool):
        return phrases.say("yes_answer" if value else "no_answer").rstrip(".").lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def _words(key: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", key)
    return re.sub(r"[_\-.]+", " ", spaced).strip().lower()


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    text = text[:1].upper() + text[1:]
    return text if not text or text[-1] in ".!?…" else text + "."


def _capped(text: str) -> str:
    if len(text) <= SPOKEN_LIMIT_CHARS:
        return text
    return text[:SPOKEN_LIMIT_CHARS].rsplit(" ", 1)[0].rstrip(",;") + "."


def _parsed(output: str) -> object:
    try:
        return json.loads(output)
    except (ValueError, RecursionError):
        return output


# The built-in tools


def _time(output: Output, phrases: Phrases) -> str:
    time = phrases.time(output["time"])
    place = output.get("place")
    return phrases.say("time_there", time=time, place=_place(place)) if place else phrases.say("time_here", time=time)


def _place(place: str) -> str:
    return place.rpartition("/")[2].replace("_", " ").title() if place.islower() or "/" in place else place


def _date(output: Output, phrases: Phrases) -> str:
    return phrases.say(f"date_{output['day']}", weekday=output["weekday"], date=phrases.date(output["date"]))


def _timer_set(output: Output, phrases: Phrases) -> str:
    return _named("timer_set", output, phrases, duration=phrases.duration(output["duration_s"]))


def _named(key: str, timer: Output, phrases: Phrases, **values: Any) -> str:
    name = timer.get("name")
    return phrases.say(f"{key}_named", name=name, **values) if name else phrases.say(key, **values)


def _named_part(key: str, timer: Output, phrases: Phrases, **values: Any) -> str:
    name = timer.get("name")
    return phrases.part(f"{key}_named", name=name, **values) if name else phrases.part(key, **values)


def _timers(output: Output, phrases: Phrases) -> str:
    timers = output["timers"]
    if not timers:
        return _named("timer_none", output, phrases)
    left = [phrases.duration(timer["remaining_s"]) for timer in timers]
    if len(timers) == 1:
        return _named("timer_left", timers[0], phrases, duration=left[0])
    lines = [_named_part("timer_line", timer, phrases, duration=one) for timer, one in zip(timers, left, strict=True)]
    return phrases.say("timers_left", count=len(timers), list="; ".join(lines))


def _timers_cancelled(output: Output, phrases: Phrases) -> str:
    if choose := output.get("choose"):
        named = [_named_part("a_timer", one, phrases, duration=phrases.duration(one["duration_s"])) for one in choose]
        return phrases.say("ask_timer", choices=phrases.listed(named, "or"))
    gone = output["cancelled"]
    if not gone:
        return _named("timer_none", output, phrases)
    return (
        _named("timer_cancelled", gone[0], phrases)
        if len(gone) == 1
        else phrases.say("timers_cancelled", count=len(gone))
    )


def _calculated(output: Output, phrases: Phrases) -> str:
    said = phrases.expression(output["expression"])
    if said is None:
        return phrases.say("calculated_short", result=output["result"])
    return phrases.say("calculated", expression=said, result=output["result"])


def _converted(output: Output, phrases: Phrases) -> str:
    given, result = f"{output['value']} {output['from_unit']}", f"{output['result']} {output['to_unit']}"
    return phrases.say("converted", given=given, result=result)


def _remembered(output: Output, phrases: Phrases) -> str:
    return phrases.say("remembered", note=phrases.to_listener(output["remembered"]))


def _recalled(output: Output, phrases: Phrases) -> str:
    notes = [phrases.to_listener(note) for note in output["notes"]]
    if not notes:
        query = output.get("query")
        return (
            phrases.say("recalled_none_about", query=phrases.to_listener(query))
            if query
            else phrases.say("recalled_none")
        )
    if len(notes) == 1:
        return phrases.say("recalled", note=notes[0])
    return phrases.say("recalled_many", count=output["total"], list="; ".join(notes))


def _forgotten(output: Output, phrases: Phrases) -> str:
    notes = [phrases.to_listener(note) for note in output["forgotten"]]
    if not notes:
        return _recalled({"notes": [], "query": output.get("query")}, phrases)
    if len(notes) == 1:
        return phrases.say("forgotten", note=notes[0])
    return phrases.say("forgotten_many", count=len(notes))


def _all_forgotten(output: Output, phrases: Phrases) -> str:
    count = output["forgotten"]
    key = "forgotten_none" if not count else "forgotten_only" if count == 1 else "forgotten_all"
    return phrases.say(key, count=count)


def _spelled(output: Output, phrases: Phrases) -> str:
    return phrases.say("spelled", text=output["text"], letters=", ".join(output["letters"]))


def _dice(output: Output, phrases: Phrases) -> str:
    rolls = [str(roll) for roll in output["rolls"]]
    key = "die" if len(rolls) == 1 else "dice"
    return phrases.say(key, total=output["total"], list=phrases.listed(rolls))


def help_text(tools: set[str], phrases: Phrases) -> str:
    """What can be done with the tools of this conversation."""
    can = [said for tool, said in phrases.table("abilities").items() if tool in tools]
    if not can:
        return phrases.say("help_none")
    last = f"{', '.join(can[:-1])} {phrases.word('and')} {can[-1]}" if len(can) > 1 else can[0]
    return phrases.say("help", abilities=last)


TELLERS: dict[str, Teller] = {
    "get_time": _time,
    "get_date": _date,
    "set_timer": _timer_set,
    "list_timers": _timers,
    "cancel_timer": _timers_cancelled,
    "calculate": _calculated,
    "convert_units": _converted,
    "remember": _remembered,
    "recall": _recalled,
    "forget": _forgotten,
    "forget_notes": _all_forgotten,
    "spell": _spelled,
    "flip_coin": lambda output, phrases: phrases.say("coin", side=output["side"]),
    "roll_dice": _dice,
    "random_number": lambda output, phrases: phrases.say("number", number=output["number"]),
    "list_abilities": lambda output, phrases: help_text({one["tool"] for one in output["abilities"]}, phrases),
}
