"""English number words: `12` is "twelve"."""

from __future__ import annotations

_SMALL = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
]
_TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (10**3, "thousand"), (100, "hundred"))
_IRREGULAR = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
BIGGEST = 10**15


def cardinal(number: int) -> str:
    """The words of a whole number below 10**15 either way; beyond that its digits one by one."""
    if number < 0:
        return "minus " + cardinal(-number)
    if number >= BIGGEST:
        return digits(str(number))
    if number < 20:
        return _SMALL[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens] + (" " + _SMALL[ones] if ones else "")
    size, name = next(scale for scale in _SCALES if number >= scale[0])
    many, rest = divmod(number, size)
    return f"{cardinal(many)} {name}" + (" " + cardinal(rest) if rest else "")


def ordinal(number: int) -> str:
    """`3` is "third", `21` is "twenty first"."""
    head, _, last = cardinal(number).rpartition(" ")
    if last in _IRREGULAR:
        last = _IRREGULAR[last]
    elif last.endswith("y"):
        last = last[:-1] + "ieth"
    else:
        last += "th"
    return f"{head} {last}".strip()


def digits(text: str) -> str:
    """The digits in a text one after the other: `0451` is "zero four five one"."""
    return " ".join(_SMALL[int(char)] for char in text if char.isascii() and char.isdigit())


def decimal(text: str) -> str:
    """`3.50` is "three point five zero"; the text holds digits with one point."""
    whole, _, fraction = text.partition(".")
    return cardinal(int(whole or "0")) + (" point " + digits(fraction) if fraction else "")


def year(number: int) -> str:
    """`1987` is "nineteen eighty seven", `2005` is "two thousand five"."""
    century, rest = divmod(number, 100)
    if not 1100 <= number < 2100 or (century % 10 == 0 and rest < 10):
        return cardinal(number)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"
