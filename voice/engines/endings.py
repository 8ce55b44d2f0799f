"""What a turn is like so far by its words: nothing is missing, it breaks off in mid-sentence, or nobody can tell.

Most pauses in mid-sentence follow an article, a preposition or a conjunction, or stand in a number that is being
dictated; an answer or a wish that is known as a whole needs nothing more. The lists are English; words of other
languages leave it open.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

Ending = Literal["finished", "open", "unfinished"]
IsWhole = Callable[[str], bool]


def ending_of(words: str, is_whole: IsWhole | None = None) -> Ending:
    """How the words of a turn end. `is_whole` tells of words whether they are a wish with nothing missing."""
    spoken = words.lower().replace("?", " ").replace(".", " ").replace(",", " ").replace("!", " ").split()
    if not spoken:
        return "open"
    if (spoken[-1] in _CANNOT_END and not _asks_what_it_is_like(spoken)) or _breaks_off_a_number(spoken):
        return "unfinished"
    said = " ".join(spoken)
    return "finished" if said in _COMPLETE or (is_whole is not None and is_whole(said)) else "open"


def _asks_what_it_is_like(spoken: list[str]) -> bool:
    """Elsewhere "like" is something one says while one thinks."""
    return spoken[-1] == "like" and spoken[0] in ("what", "what's", "whats")


def _breaks_off_a_number(spoken: list[str]) -> bool:
    """Three or more digits in a row, and not as many as telephone numbers, postcodes, years or cards have."""
    digits = 0
    for word in reversed(spoken):
        if word.isdecimal():
            digits += len(word)
        elif word in _DIGITS:
            digits += 1
        elif word not in ("double", "triple"):
            break
    return digits >= 3 and digits not in _WHOLE_NUMBERS


_WHOLE_NUMBERS = frozenset({4, 5, 7, 10, 11, 16})
_DIGIT_WORDS = "zero oh one two three four five six seven eight nine"
_ANSWERS = """
yes, yeah, yep, yup, no, nope, okay, ok, sure, right, correct, wrong, exactly, never, never mind, done, thanks,
thank you, yes please, no thanks, no thank you, please, that's it, that's all, stop, stop it, cancel, pause, continue,
go on, go ahead, quiet, be quiet, help, repeat, again, say that again, hello, hi, good morning, good night, goodbye,
bye, what time is it
"""
_CANNOT_END_WORDS = """
a an the my your our their every each some any very more most
to of for from with without at by into onto about between than as per via on
and or but because so if when while until unless which who whose where
is are was were be been would should could might must shall let's
i we they he she what's it's i'm i'd i'll we're they're there's
uh um er erm hmm like plus minus times divided equals set remind
"""
_DIGITS = frozenset(_DIGIT_WORDS.split())
_COMPLETE = frozenset(" ".join(answer.split()) for answer in _ANSWERS.split(","))
_CANNOT_END = frozenset(_CANNOT_END_WORDS.split())
