"""SVG elements, written as text. Everything that came from a conversation passes `escape`."""

from __future__ import annotations

from collections.abc import Iterable

# Characters that XML 1.0 does not allow at all, not even escaped.
FORBIDDEN = {
    code: None for code in (*range(0x20), 0x7F, 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)) if code not in (9, 10, 13)
}
WIDE_FROM = 0x2E80


def escape(text: str) -> str:
    """Text as it may stand between tags and in quotes."""
    text = text.translate(FORBIDDEN)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def width_of(text: str, size_px: float = 12) -> float:
    """About as wide as a sans-serif draws it; there is no font to ask. Errs on the wide side."""
    return sum(_share(character) for character in text) * size_px


def clip(text: str, width_px: float, size_px: float = 12) -> str:
    """The text, or its beginning and an ellipsis."""
    if width_of(text, size_px) <= width_px:
        return text
    while text and width_of(text + "…", size_px) > width_px:
        text = text[:-1]
    return text.rstrip() + "…" if text else ""


def wrap(words: Iterable[str], width_px: float, lines: int, size_px: float = 12) -> list[list[str]]:
    """Words in at most so many lines; when there are more words, the last line ends in an ellipsis."""
    rows: list[list[str]] = [[]]
    for word in words:
        if not rows[-1] or width_of(" ".join([*rows[-1], word]), size_px) <= width_px:
            rows[-1].append(word)
        elif len(rows) < lines:
            rows.append([word])
        else:
            rows[-1].append("…")
            while len(rows[-1]) > 2 and width_of(" ".join(rows[-1]), size_px) > width_px:
                del rows[-1][-2]
            break
    return [[clip(word, width_px, size_px) for word in row] for row in rows if row]


def number(value: float) -> str:
    """A coordinate with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")


class Canvas:
    """Collects elements in drawing order."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def rect(self, x: float, y: float, w: float, h: float, look: str, *, round: float = 0, hint: str = "") -> None:
        corner = f' rx="{number(round)}"' if round else ""
        self._element(
            f'rect class="{look}" x="{number(x)}" y="{number(y)}" width="{number(max(w, 0.5))}" '
            f'height="{number(h)}"{corner}',
            hint,
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, look: str) -> None:
        self._element(
            f'line class="{look}" x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}"', ""
        )

    def path(self, commands: str, look: str, *, hint: str = "") -> None:
        if commands:
            self._element(f'path class="{look}" d="{commands}"', hint)

    def text(self, x: float, y: float, content: str, look: str, *, hint: str = "") -> None:
        self.spans(x, y, [(content, "")], look, hint=hint)

    def spans(self, x: float, y: float, pieces: Iterable[tuple[str, str]], look: str, *, hint: str = "") -> None:
        """One line of text whose pieces may look different."""
        inner = "".join(
            f'<tspan class="{style}">{escape(piece)}</tspan>' if style else escape(piece)
            for piece, style in pieces
            if piece
        )
        title = f"<title>{escape(hint)}</title>" if hint else ""
        self.parts.append(
            f'<text class="{look}" x="{number(x)}" y="{number(y)}" xml:space="preserve">{title}{inner}</text>'
        )

    def _element(self, opening: str, hint: str) -> None:
        name = opening.split(" ", 1)[0]
        self.parts.append(f"<{opening}><title>{escape(hint)}</title></{name}>" if hint else f"<{opening}/>")


def _share(character: str) -> float:
    if ord(character) >= WIDE_FROM:
        return 1.02
    if character in " .,:;!'|iljtfr()[]·":
        return 0.34
    if character in "mwMW@%—…":
        return 0.92
    return 0.7 if character.isupper() else 0.6
