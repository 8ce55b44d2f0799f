"""An utterance as the templates see it: small letters, contractions spelled out, fillers gone, numbers as marks.

Every number becomes one mark (`n0n`, `n1n` …) whatever its words, so a template says `{number}` once and matches
"ten", "10", "two and a half" and "a hundred and five" alike. Marks and words remember what they came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from voice.engines.brain.lexicon import Lexicon
from voice.engines.brain.numbers import read_number

MARKS = tuple(f"n{i}n" for i in range(12))
DURATION_MARKS = tuple(f"d{i}d" for i in range(4))
WORDS_LIMIT = 60

# A number with its commas and point, a word with inner apostrophes, or one of the signs that mean a word.
TOKEN = re.compile(
    r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+|[^\W\d_]+(?:['’][^\W\d_]+)*|\d+[^\W\d_]+|[-+*×÷/%^=°−]"
)


@dataclass(frozen=True, slots=True)
class Word:
    """One word for the templates and the text it stands for."""

    text: str
    said: str
    value: Fraction | None = None


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said, ready for matching."""

    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    def value(self, mark: str) -> Fraction | None:
        return next((word.value for word in self.words if word.text == mark), None)

    def said(self, text: str) -> str:
        """What stood where these words of the utterance stand now, with its capitals and number words."""
        wanted = text.split()
        texts = [word.text for word in self.words]
        for at in range(len(texts) - len(wanted) + 1):
            if texts[at : at + len(wanted)] == wanted:
                return _as_said(self.words[at : at + len(wanted)])
        return text

    def __bool__(self) -> bool:
        return bool(self.words)


def read_utterance(text: str, lexicon: Lexicon) -> Utterance:
    """The words of a transcript or of something typed; what goes on after 60 words is left out."""
    plain = [word for word in _plain_words(text, lexicon) if word.text not in lexicon.fillers][:WORDS_LIMIT]
    return Utterance(tuple(_with_numbers(plain, lexicon)))


def with_durations(utterance: Utterance, lexicon: Lexicon) -> Utterance | None:
    """The utterance with each duration as one mark of seconds; None when it speaks of none."""
    words, made, i, marks = utterance.words, [], 0, iter(DURATION_MARKS)
    while i < len(words):
        found = _read_duration(words[i:], lexicon)
        mark = next(marks, None) if found else None
        if found is None or mark is None:
            made.append(words[i])
            i += 1
            continue
        made.append(Word(mark, _as_said(words[i : i + found[1]]), found[0]))
        i += found[1]
    return Utterance(tuple(made)) if len(made) != len(words) else None


def without_frame(utterance: Utterance, lexicon: Lexicon) -> Iterator[Utterance]:
    """The utterance, then without what is said before and after the thing itself ("could you … for me")."""
    yield utterance
    words = utterance.words
    changed = True
    while changed:
        changed = False
        for phrase in lexicon.before:
            if len(phrase) < len(words) and _texts(words[: len(phrase)]) == phrase:
                words, changed = words[len(phrase) :], True
                yield Utterance(words)
                break
    for phrase in lexicon.after:
        if len(phrase) < len(words) and _texts(words[-len(phrase) :]) == phrase:
            yield Utterance(words[: -len(phrase)])
            return


def _texts(words: Sequence[Word]) -> tuple[str, ...]:
    return tuple(word.text for word in words)


def _plain_words(text: str, lexicon: Lexicon) -> Iterator[Word]:
    tokens = TOKEN.findall(text[:2000].replace("’", "'"))
    for i, token in enumerate(tokens):
        low = token.casefold()
        if token in "-−" and len(token) == 1:
            # Between two numbers it subtracts; elsewhere it joins words or means nothing.
            if i and _is_number(tokens[i - 1]) and i + 1 < len(tokens) and _is_number(tokens[i + 1]):
                yield Word("minus", token)
            continue
        if low == "x" and i and _is_number(tokens[i - 1]):
            yield Word("times", token)
            continue
        spoken = lexicon.symbols.get(low) or lexicon.contractions.get(low)
        if spoken is None and low[0].isdigit() and not _is_number(low):
            low = _split_digits(low)
            spoken = low if " " in low else None
        if spoken is None:
            yield Word(low, token)
            continue
        first, *rest = spoken.split()
        yield Word(first, token)
        yield from (Word(word, "") for word in rest)


def _is_number(token: str) -> bool:
    return token[0].isdigit() and token[-1].isdigit()


def _split_digits(token: str) -> str:
    """10min → 10 min; 3rd stays."""
    found = re.fullmatch(r"(\d+)([^\W\d_]+)", token)
    if found is None or found[2] in {"st", "nd", "rd", "th"}:
        return token
    return f"{found[1]} {found[2]}"


def _as_said(words: Sequence[Word]) -> str:
    return " ".join(word.said for word in words if word.said)


def _read_duration(words: Sequence[Word], lexicon: Lexicon) -> tuple[Fraction, int] | None:
    """one hour · an hour and a half · two hours and ten minutes · half an hour"""
    numbers, total, i, unit_s, smallest_s = lexicon.numbers, Fraction(0), 0, 0, 10**9
    while True:
        at = i + (i > 0 and _text(words, i) == numbers.joiner)
        value = words[at].value if at < len(words) else None
        if value is None or value < 0:
            break
        unit_at = at + 1
        while _text(words, unit_at) in numbers.links:
            unit_at += 1
        following_s = numbers.durations.get(_text(words, unit_at), 0)
        if not following_s:
            # "an hour and a half"
            if unit_s and at > i and value < 1:
                return total + value * unit_s, at + 1
            break
        if following_s >= smallest_s:
            break
        unit_s = smallest_s = following_s
        total, i = total + value * unit_s, unit_at + 1
    return (total, i) if i else None


def _text(words: Sequence[Word], i: int) -> str:
    return words[i].text if i < len(words) else ""


def _one_of_something(texts: Sequence[str], i: int, lexicon: Lexicon) -> tuple[Fraction, int] | None:
    """`an hour` counts one hour, but not in `half an hour`."""
    numbers = lexicon.numbers
    counts = texts[i] in numbers.one and i + 1 < len(texts) and texts[i + 1] in numbers.counted
    joined = i > 0 and texts[i - 1] in {*numbers.parts, *numbers.links, *numbers.rates}
    return (Fraction(1), 1) if counts and not joined else None


def _with_numbers(words: Sequence[Word], lexicon: Lexicon) -> Iterator[Word]:
    texts, i, marks = [word.text for word in words], 0, iter(MARKS)
    after_number = False
    while i < len(words):
        found = read_number(texts[i : i + 20], lexicon.numbers) or _one_of_something(texts, i, lexicon)
        if found and texts[i] in lexicon.numbers.minus and after_number:
            found = None  # "ten minus three" subtracts
        after_number = found is not None
        mark = next(marks, None) if found else None
        if found is None or mark is None:
            yield words[i]
            i += 1
            continue
        value, taken = found
        yield Word(mark, _as_said(words[i : i + taken]), value)
        i += taken
