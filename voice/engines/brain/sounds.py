"""How alike two words sound: a rough key of consonant classes, and edit distance on it and on the letters."""

from __future__ import annotations

import re
from functools import lru_cache

# Letters that recognisers mistake for each other stand for one sound.
_SPELLINGS = [
    *[("tch", "j"), ("sch", "j"), ("ough", "o"), ("igh", "i"), ("ph", "f"), ("gh", ""), ("kn", "n"), ("wr", "r")],
    *[("wh", "w"), ("ck", "k"), ("sh", "j"), ("ch", "j"), ("th", "t"), ("ce", "se"), ("ci", "si"), ("cy", "si")],
    *[("ge", "je"), ("qu", "kw"), ("x", "ks")],
]
_CLASSES = str.maketrans({"b": "p", "v": "f", "d": "t", "z": "s", "c": "k", "q": "k", "g": "k", "m": "n"})


@lru_cache(maxsize=8192)
def sound_key(word: str) -> str:
    """The first sound and the consonants that follow: timer → tnr, tymer → tnr."""
    word = word.casefold().replace("'", "")
    for spelling, sound in _SPELLINGS:
        word = word.replace(spelling, sound)
    word = word.translate(_CLASSES)
    head = re.sub(r"^[aeiouy]+", "a", word)
    body = head[:1] + re.sub(r"[aeiouyhw]+", "", head[1:])
    return re.sub(r"(.)\1+", r"\1", body)


@lru_cache(maxsize=32768)
def likeness(heard: str, meant: str) -> float:
    """1 for the same word, 0 for nothing in common."""
    if heard == meant:
        return 1.0
    longest = max(len(heard), len(meant))
    if abs(len(heard) - len(meant)) > 3 or 2 * len({*heard} & {*meant}) < min(len({*heard}), len({*meant})):
        # Too few letters in common to sound alike; most pairs end here.
        return 0.0
    letters = 1 - distance(heard, meant) / longest
    heard_key, meant_key = sound_key(heard), sound_key(meant)
    sounds = 1 - distance(heard_key, meant_key) / max(len(heard_key), len(meant_key), 1)
    if min(len(heard_key), len(meant_key)) < 2:
        # A key of one sound says too little.
        sounds = min(sounds, 0.5)
    return max(letters, 0.55 * sounds + 0.45 * letters)


def within_one(a: str, b: str) -> bool:
    """Is the edit distance at most one? Much quicker than to measure it."""
    if abs(len(a) - len(b)) > 1:
        return False
    start = 0
    while start < min(len(a), len(b)) and a[start] == b[start]:
        start += 1
    return a[start + 1 :] == b[start + 1 :] or a[start:] == b[start + 1 :] or a[start + 1 :] == b[start:]


def distance(a: str, b: str) -> int:
    """Levenshtein: insertions, deletions and substitutions."""
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        above, row[0] = row[0], i
        for j, right in enumerate(b, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (left != right))
    return row[-1]
