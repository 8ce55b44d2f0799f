"""What was perhaps misheard is asked back before anything is changed.

Pure. A wish in doubt is said back in words that the templates understand, so that a "yes" after the question is enough:
what it is a yes to stands in the question.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from voice.engines.brain.phrases import Phrases

SURE = 0.45
"""From this confidence of the recogniser on, what changes something is done without asking."""
HEARD = 0.15
"""Below this, words are not worth asking about."""

READS = frozenset(
    {
        "get_time",
        "get_date",
        "list_timers",
        "calculate",
        "convert_units",
        "recall",
        "spell",
        "flip_coin",
        "roll_dice",
        "random_number",
        "list_abilities",
    }
)
"""Built-in tools that change nothing: a mistake costs a sentence. Of a client's own tools nobody knows."""


def in_doubt(confidence: float | None, tool: str) -> bool:
    """Should the person be asked before this tool is called? Written words are never in doubt."""
    return confidence is not None and confidence < SURE and tool not in READS


def not_heard(confidence: float | None) -> bool:
    """Is it better to ask for the words again than to make something of these?"""
    return confidence is not None and confidence < HEARD


def question(tool: str, arguments: Mapping[str, Any], said: str, phrases: Phrases) -> str:
    """Did you say: set a timer for 5 minutes?"""
    return phrases.say("ask_wish", wish=_wish(tool, arguments, phrases) or said)


def wish_asked_about(heard: str, phrases: Phrases) -> str | None:
    """What a question of ours, if this is one, asked whether it was said."""
    for line in phrases.lines("ask_wish"):
        before, _, after = line.partition("{wish}")
        if found := re.fullmatch(f"{re.escape(before)}(.+){re.escape(after)}", heard.strip(), re.S):
            return found[1]
    return None


def _wish(tool: str, arguments: Mapping[str, Any], phrases: Phrases) -> str | None:
    """The wish in words of its template, None where only the person's own words can tell it."""
    values = dict(arguments)
    if isinstance(values.get("duration_s"), int | float):
        values["duration"] = phrases.duration(values.pop("duration_s"))
    shape = " ".join([tool, *sorted(values)])
    line = phrases.table("wishes").get(shape)
    return None if line is None else str(line).format(**values)
