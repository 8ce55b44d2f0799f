"""What is written, made ready to be said: markup and emoji go, figures and signs become words. English."""

from __future__ import annotations

import re
from collections.abc import Callable

from voice.engines.speech.numbers import cardinal, decimal, digits, ordinal, year

_UNITS = {
    "km": "kilometres", "cm": "centimetres", "mm": "millimetres", "kg": "kilograms", "mg": "milligrams",
    "ml": "millilitres", "mph": "miles per hour", "km/h": "kilometres per hour", "kb": "kilobytes", "mb": "megabytes",
    "gb": "gigabytes", "tb": "terabytes", "hz": "hertz", "khz": "kilohertz", "ms": "milliseconds", "lbs": "pounds",
    "ft": "feet", "hrs": "hours", "mins": "minutes", "secs": "seconds", "min": "minutes", "sec": "seconds",
}  # fmt: skip
_CURRENCIES = {"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny"), "¥": ("yen", "")}
_SHORT = {
    "e.g.": "for example", "i.e.": "that is", "etc.": "et cetera", "vs.": "versus", "approx.": "approximately",
    "dr.": "doctor", "mr.": "mister", "mrs.": "missus", "ms.": "miss", "prof.": "professor", "st.": "saint",
    "no.": "number", "a.m.": "a m", "p.m.": "p m",
}  # fmt: skip
_SIGNS = {
    "&": " and ", "%": " percent", "°C": " degrees celsius", "°F": " degrees fahrenheit", "°": " degrees",
    "×": " times ", "÷": " divided by ", "±": " plus or minus ", "≈": " about ", "≤": " at most ", "≥": " at least ",
    "→": " to ", "½": " one half", "¼": " one quarter", "¾": " three quarters", "²": " squared", "³": " cubed",
    "§": " section ", "@": " at ", "µ": " micro", "…": ", ", "–": ", ", "—": ", ", "’": "'", "‘": "'",
}  # fmt: skip

_CODE_BLOCK = re.compile(r"```.*?(```|\Z)", re.DOTALL)
_IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]+)\]\([^)]*\)")
_URL = re.compile(r"https?://(?:www\.)?([^\s/)>\]]+?)(?:/[^\s)>\]]*?)?(?=[.,;:!?]*(?:[\s)>\]]|$))")
_LINE_START = re.compile(r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+•][ \t]+)", re.MULTILINE)
_RULE = re.compile(r"^[ \t]*(?:[-*_][ \t]*){3,}$|^[ \t]*\|?[ \t:|-]*-{3,}[ \t:|-]*$", re.MULTILINE)
_EMPHASIS = re.compile(r"(\*\*|__|~~|`+|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w))")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_PICTURE = re.compile(
    "[\U0001f000-\U0001faff\U00002600-\U000027bf\U00002b00-\U00002bff\U0001f1e6-\U0001f1ff\U000e0020-\U000e007f"
    "\u200b-\u200f\u2028-\u202e\u2060\ufe0e\ufe0f\u20e3]"
)
_MONEY = re.compile(r"([$€£¥])\s?(\d[\d,]*)(?:\.(\d\d))?(?!\d)(\s+(?:thousand|million|billion|trillion))?")
_CLOCK = re.compile(r"\b([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?(?:\s*([ap])(?:\.\s?m\.|\s?m\b))?", re.IGNORECASE)
_HOUR = re.compile(r"\b(1[0-2]|[1-9])\s*([ap])(?:\.m\.|m\b)", re.IGNORECASE)
_ORDINAL = re.compile(r"\b(\d[\d,]*)(st|nd|rd|th)\b", re.IGNORECASE)
_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_DATE_YEAR = re.compile(
    rf"\b(in|since|until|of|by|year|{_MONTHS})(,? (?:\w+,? )?)(1[1-9]\d\d|20\d\d)\b(?![.,]?\d)", re.IGNORECASE
)
_PHONE = re.compile(r"(?<![\w.])\+?\d[\d -]{5,}\d(?!\w|\.\d)")
_FRACTION = re.compile(r"(?<![\w/.])(\d{1,3})/(\d{1,3})(?![\w/])")
_RANGE = re.compile(r"(?<=\d)\s?[-–]\s?(?=\d)")
_LONGEST_FIRST = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_MEASURE = re.compile(rf"(?<=\d)\s?({_LONGEST_FIRST})\b(?!\w)", re.IGNORECASE)
_SHORT_FORM = re.compile(r"(?<!\w)(" + "|".join(map(re.escape, _SHORT)) + r")(?=\W|\Z)", re.IGNORECASE)
_ARITHMETIC = re.compile(r"(?<=[\w)])\s+([+*/=<>-])\s+(?=[\w(-])")
_OPERATORS = {
    "+": "plus", "*": "times", "/": "divided by", "=": "equals", "<": "is less than", ">": "is more than", "-": "minus",
}  # fmt: skip
_NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?|\d+(?:\.\d+)?")


def speech_text(text: str) -> str:
    """The words to say for a text as a model writes it. Applying it twice changes nothing; may be empty."""
    text = _without_markup(text)
    for pattern, say in _FIGURES:
        text = pattern.sub(say, text)
    for sign, words in _SIGNS.items():
        text = text.replace(sign, words)
    text = _ARITHMETIC.sub(lambda match: f" {_OPERATORS[match[1]]} ", text)
    text = _NUMBER.sub(_say_number, text)
    text = re.sub(r"[^\w\s.,;:!?'\"()/-]", " ", text).replace("_", " ").replace("/", " ")
    text = re.sub(r"\s+([.,;:!?])", r"\1", re.sub(r"\s+", " ", text))
    return re.sub(r"([,;:])(?:\s*[,;:])+", r"\1", text).strip(" ,;:") if re.search(r"\w", text) else ""


def _without_markup(text: str) -> str:
    text = _CODE_BLOCK.sub(" ", text)
    text = _LINK.sub(r"\1", _IMAGE.sub(r"\1", text))
    text = _URL.sub(lambda match: match[1].replace(".", " dot "), text)
    text = _RULE.sub("", text)
    text = _EMPHASIS.sub("", _TAG.sub(" ", _LINE_START.sub("", text)))
    text = _PICTURE.sub(" ", text).replace("|", ", ")
    # A line of a list or a heading is a sentence of its own.
    return re.sub(r"(?<=[\w)'\"])[ \t]*\n+", ". ", text.strip())


def _say_money(match: re.Match[str]) -> str:
    name, part = _CURRENCIES[match[1]]
    whole, cents = int(match[2].replace(",", "")), int(match[3] or 0)
    if match[4]:
        amount = decimal(f"{whole}.{match[3]}") if match[3] else cardinal(whole)
        return f"{amount}{match[4]} {_many(name)}"
    said = f"{cardinal(whole)} {name if whole == 1 else _many(name)}"
    if cents and part:
        said += f" and {cardinal(cents)} {part if cents == 1 else _many(part)}"
    return said


def _many(name: str) -> str:
    return {"yen": "yen", "penny": "pence"}.get(name, name + "s")


def _say_clock(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2])
    half = f" {match[4].lower()} m" if match[4] else ""
    if minute == 0:
        return cardinal(hour) + (half or (" o'clock" if 0 < hour <= 12 else " hundred"))
    said = f"{cardinal(hour)} {'oh ' if minute < 10 else ''}{cardinal(minute)}"
    return said + (f" and {cardinal(int(match[3]))} seconds" if match[3] else "") + half


def _say_year(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2]}{year(int(match[3]))}"


def _say_phone(match: re.Match[str]) -> str:
    """Digits one by one where they are grouped as nobody groups an amount: "555-0123", "+44 20 7946 0018"."""
    text = match[0]
    groups = re.split(r"[ -]+", text.lstrip("+"))
    if not text.startswith("+") and (len(groups) < 2 or max(map(len, groups)) < 3 or len("".join(groups)) < 7):
        return text
    return ("plus " if text.startswith("+") else "") + ", ".join(digits(group) for group in groups)


def _say_number(match: re.Match[str]) -> str:
    text = match[0].rstrip(",")
    tail = match[0][len(text) :]
    sign = "minus " if text.startswith("-") else ""
    plain = text.lstrip("-").replace(",", "")
    if "." in plain:
        return f" {sign}{decimal(plain)}{tail}"
    spelled = digits(plain) if len(plain) > 1 and plain.startswith("0") else cardinal(int(plain))
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    return f"{' ' * before.isalpha()}{sign}{spelled}{tail}{' ' * after.isalpha()}"


_FIGURES: list[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]] = [
    (_MONEY, _say_money),
    (_CLOCK, _say_clock),
    (_HOUR, lambda match: f"{cardinal(int(match[1]))} {match[2].lower()} m"),
    (_ORDINAL, lambda match: ordinal(int(match[1].replace(",", "")))),
    (_DATE_YEAR, _say_year),
    (_FRACTION, lambda match: f"{match[1]} over {match[2]}"),
    (_PHONE, _say_phone),
    (_RANGE, " to "),
    (_MEASURE, lambda match: " " + _UNITS[match[1].lower()]),
    (_SHORT_FORM, lambda match: _SHORT[match[1].lower()]),
]
