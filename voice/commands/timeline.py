"""Draw a recorded conversation: both voices, who had the floor, what was interrupted, and how long everything took."""

from __future__ import annotations

import argparse
from pathlib import Path

from voice.commands import options
from voice.commands.terminal import say
from voice.errors import TraceUnreadable

EXAMPLES = """\
examples:
  voice timeline t.jsonl --out t.svg                   light or dark, as the reader's screen
  voice timeline t.jsonl --out t.png --theme dark      for a chat or an issue; needs: pip install 'voice[png]'
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The words of this command."""
    parser.add_argument("trace", type=Path, metavar="TRACE", help="a file written by --trace")
    parser.add_argument("--out", type=Path, metavar="FILE", required=True, help="the picture (.svg or .png)")
    parser.add_argument("--width", type=int, default=1280, metavar="PX", help="width of the picture (default 1280)")
    parser.add_argument(
        "--theme", choices=("auto", "light", "dark"), default="auto", help="colours (PNG: auto is light)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the picture."""
    options.check_picture(arguments.out)
    options.check_writable(arguments.out)
    write(arguments.trace, arguments.out, width=arguments.width, theme=arguments.theme)
    say(f"{arguments.out}")
    return 0


def write(trace: Path, out: Path, *, width: int = 1280, theme: str = "auto") -> None:
    """Draw a trace file. Raises TraceUnreadable, and what the PNG renderer is missing."""
    from voice.timeline import render

    png = out.suffix.lower() == ".png"
    try:
        with trace.open(encoding="utf-8") as lines:
            svg = render(lines, width=width, theme="light" if png and theme == "auto" else theme)  # type: ignore[arg-type]
    except TraceUnreadable as error:
        raise TraceUnreadable(
            f"{trace}: {error.message}", fix="Record one with: voice call IN.wav --trace t.jsonl"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise TraceUnreadable(f"{trace} cannot be read.", fix="Check the path.", detail=str(error)) from error
    if png:
        from voice.timeline.png import to_png

        out.write_bytes(to_png(svg))
    else:
        out.write_text(svg, encoding="utf-8")
