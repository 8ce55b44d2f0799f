"""Say what is there, what is missing, and the one command that brings it. Nothing is changed."""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from voice.commands import options
from voice.commands.terminal import say

if TYPE_CHECKING:
    from voice.commands.checks import Check
    from voice.config import Settings

EXAMPLES = """\
examples:
  voice doctor                      with the settings as they are
  voice doctor --engine openai      would that work?
  voice doctor --json

exit code: 0 everything needed is there · 1 something needed is missing
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The words of this command."""
    options.add_settings(parser)
    parser.add_argument("--json", action="store_true", help="the findings as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Look at everything."""
    found = asyncio.run(_look(options.settings_of(arguments), show=not arguments.json))
    missing = [check for check in found if not check.ok and check.needed]
    if arguments.json:
        say(json.dumps([asdict(check) for check in found], indent=2, ensure_ascii=False))
    elif missing:
        say(f"\n{len(missing)} of {len(found)} need you: {', '.join(check.name for check in missing)}.")
    else:
        say("\nEverything needed is there. Try: voice serve")
    return 1 if missing else 0


async def _look(settings: Settings, *, show: bool) -> list[Check]:
    from voice.commands.checks import checks

    found = []
    async for check in checks(settings):
        found.append(check)
        if show:
            say(line_of(check))
    return found


def line_of(check: Check) -> str:
    """`ok       recogniser       pocketsphinx`, and the fix on a line of its own."""
    mark = "ok" if check.ok else "MISSING" if check.needed else "optional"
    fix = f"\n{'':28}→ {check.fix}" if check.fix and not check.ok else ""
    return f"{mark:9} {check.name:17} {check.found}{fix}"
