"""The conversation that is disturbed: questions with numbers, answers that end in `over`, and bookings."""

from __future__ import annotations

import json
import re
from random import Random

from voice.testkit.mind import Asked, FunctionWish, Mind, Reply, obedient
from voice.testkit.person import Line

OVER = "over"
FILLING = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_QUESTION = re.compile(r"(tell|book) me (k\d+)")


def question(number: int, *, booking: bool = False) -> str:
    return f"please {'book' if booking else 'tell'} me k{number} now"


def answer(subject: str, *, booked: bool) -> str:
    """Long enough to be interrupted, and different for each subject."""
    size = 3 + int(subject[1:]) * 2 % 7
    return f"{subject} is {'booked' if booked else 'so'} {' '.join(FILLING[:size])} {OVER}"


def questions_in(text: str) -> list[tuple[str, bool]]:
    """Subjects that are asked about, and whether each is to be booked."""
    return [(found[2], found[1] == "book") for found in _QUESTION.finditer(text)]


def mind(*, think_ms: float = 150.0, speed: float = 4.0, word_ms: int = 200) -> Mind:
    """Answers every question that has no answer yet, or the last one again; books a thing once, as far as it knows."""

    def think(asked: Asked) -> Reply:
        todo = _todo(asked)
        booked = {item.text for item in asked.belief if item.kind == "output"}
        wishes = [
            FunctionWish("book", json.dumps(subject))
            for subject, booking in todo
            if booking and not any(f'"{subject}"' in output for output in booked)
        ]
        if wishes:
            return Reply(calls=tuple(wishes), think_ms=think_ms, speed=speed)
        words = " ".join(answer(subject, booked=booking) for subject, booking in todo) or f"pardon {OVER}"
        return Reply((words,), think_ms=think_ms, speed=speed, word_ms=word_ms)

    return obedient(think)


def _todo(asked: Asked) -> list[tuple[str, bool]]:
    unanswered: list[tuple[str, bool]] = []
    last: list[tuple[str, bool]] = []
    for item in asked.belief:
        if item.kind == "user" and (found := questions_in(item.text)):
            unanswered += found
            last = found[-1:]
        elif item.kind == "assistant":
            unanswered = [what for what in unanswered if what[0] not in item.text.split()]
    return unanswered or last


def lines(random: Random, count: int) -> list[Line]:
    """So many questions, some to be booked, some in the middle of the answer before."""
    found: list[Line] = []
    for number in range(count):
        booking = random.random() < 0.3
        interrupts = number > 0 and number < count - 1 and random.random() < 0.3
        found.append(
            Line(
                question(number, booking=booking),
                until=OVER,
                pause_s=random.choice([0.6, 0.9, 1.5]),
                interrupt_after=random.choice([3, 4, 5]) if interrupts else None,
            )
        )
    return found
